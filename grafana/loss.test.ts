import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { startOtlpCapture } from "@gramwatch/otel/testing.ts";
import { configuration, findEngines } from "../otel/collector/testing.ts";
import { engine } from "./src/engine-metrics.ts";
import { answers, freePorts, start, until } from "./testing/children.ts";

const { bin, skip } = findEngines();
/** How long a back end is away; `OUTAGE_SECONDS=60` for a longer one. */
const outageMs = Number(process.env["OUTAGE_SECONDS"] ?? 3) * 1000;

/** The shipped Collector in front of four back ends that count. */
async function startCollector(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "gramwatch-loss-"));
  const [http = 0, grpc = 0, health = 0, own = 0] = await freePorts(4);
  const backEnds = {
    traces: await startOtlpCapture(),
    logs: await startOtlpCapture(),
    metrics: await startOtlpCapture(),
    sidecar: await startOtlpCapture(),
  };
  const child = start("otelcol", [join(bin, "otelcol"), "--config=collector.yaml"], {
    cwd: configuration,
    logFile: join(folder, "otelcol.log"),
    env: {
      COLLECTOR_HTTP_LISTEN: `127.0.0.1:${http}`,
      COLLECTOR_GRPC_LISTEN: `127.0.0.1:${grpc}`,
      COLLECTOR_HEALTH_LISTEN: `127.0.0.1:${health}`,
      COLLECTOR_METRICS_HOST: "127.0.0.1",
      COLLECTOR_METRICS_PORT: String(own),
      METRICS_OTLP_ENDPOINT: backEnds.metrics.url,
      LOGS_OTLP_ENDPOINT: backEnds.logs.url,
      TRACES_OTLP_ENDPOINT: backEnds.traces.url,
      SIDECAR_OTLP_ENDPOINT: backEnds.sidecar.url,
    },
  });
  t.after(async () => {
    await child.kill();
    await Promise.all(Object.values(backEnds).map((one) => one.close()));
    rmSync(folder, { recursive: true });
  });
  await until("the Collector is ready", () => answers(`http://127.0.0.1:${health}`));
  return { backEnds, url: `http://127.0.0.1:${http}`, metricsUrl: `http://127.0.0.1:${own}/metrics` };
}

/** One span, one log record, one data point, as a bot would send them; the sender is not told of troubles behind. */
async function send(url: string, id: number): Promise<void> {
  const spanId = id.toString(16).padStart(16, "0");
  const timeUnixNano = `${Date.now()}000000`;
  const traceId = spanId.padStart(32, "a");
  const dataPoints = [{ asInt: String(id), timeUnixNano }];
  const bodies = {
    traces: {
      resourceSpans: [
        {
          scopeSpans: [
            {
              spans: [
                { traceId, spanId, name: "x", kind: 3, startTimeUnixNano: timeUnixNano, endTimeUnixNano: timeUnixNano },
              ],
            },
          ],
        },
      ],
    },
    logs: { resourceLogs: [{ scopeLogs: [{ logRecords: [{ timeUnixNano, body: { stringValue: spanId } }] }] }] },
    metrics: { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: "m", gauge: { dataPoints } }] }] }] },
  };
  for (const [signal, body] of Object.entries(bodies)) {
    const response = await fetch(`${url}/v1/${signal}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(2000),
    });
    assert.equal(response.status, 200, signal);
    await response.arrayBuffer();
  }
}

const sendAll = async (url: string, from: number, to: number): Promise<void> => {
  for (let id = from; id < to; id++) await send(url, id);
};

test("a back end that answers 503 and 429 loses nothing and stops nobody else", { skip }, async (t) => {
  const { backEnds, url } = await startCollector(t);
  const { traces, logs, sidecar } = backEnds;
  traces.behave({ kind: "status", status: 503 });
  await sendAll(url, 0, 100);
  await until("the others have everything", () => logs.logs.length === 100 && sidecar.spans.length === 100);
  assert.equal(traces.spans.length, 0);
  traces.behave({ kind: "status", status: 429, retryAfterSeconds: 1 });
  await sendAll(url, 100, 200);
  await until("the others have everything", () => logs.logs.length === 200 && sidecar.spans.length === 200);
  traces.behave({ kind: "ok" });
  await until("the spans come late", () => traces.spans.length >= 200);
  assert.equal(new Set(traces.spans.map(({ spanId }) => spanId)).size, 200);
});

test("what a full queue loses is on the dashboard of the pipeline", { skip }, async (t) => {
  const { backEnds, url, metricsUrl } = await startCollector(t);
  backEnds.sidecar.behave({ kind: "status", status: 503 });
  const logRecords = Array.from({ length: 1000 }, () => ({
    timeUnixNano: `${Date.now()}000000`,
    body: { stringValue: "x" },
  }));
  const statuses: number[] = [];
  while (statuses.at(-1) !== 503 && statuses.length < 100) {
    const response = await fetch(`${url}/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] }),
    });
    await response.arrayBuffer();
    statuses.push(response.status);
  }
  assert.equal(statuses.at(-1), 503);
  const page = await (await fetch(metricsUrl)).text();
  const lost = [...page.matchAll(/^(otelcol_exporter_\w*failed\w*)\{.*exporter="otlp_http\/sidecar".*\} [1-9]/gm)];
  assert.ok(lost.length > 0);
  const shown: string[] = Object.values(engine);
  for (const [, name = ""] of lost) assert.ok(shown.includes(name), name);
});

test("a back end that is away and comes back has everything", { skip, timeout: outageMs + 60_000 }, async (t) => {
  const { backEnds, url } = await startCollector(t);
  await sendAll(url, 0, 20);
  await until("the first log records arrived", () => backEnds.logs.logs.length === 20);
  await backEnds.logs.close();
  const gone = performance.now();
  let sent = 20;
  await until(
    "the outage is over",
    async () => {
      await send(url, sent++);
      return performance.now() - gone > outageMs;
    },
    { deadlineMs: outageMs + 10_000, everyMs: 20 },
  );
  const back = await startOtlpCapture({ port: backEnds.logs.port });
  backEnds.logs = back;
  await until("the log records come late", () => back.logs.length >= sent - 20);
  assert.equal(new Set(back.logs.map(({ body }) => body)).size, sent - 20);
  await until("the spans were never held up", () => backEnds.traces.spans.length >= sent);
  t.diagnostic(`${sent - 20} log records over ${outageMs / 1000} s without a back end: none lost`);
});

test("what the sidecar missed comes in pieces that its receiver takes", { skip }, async (t) => {
  const { backEnds, url } = await startCollector(t);
  const { sidecar } = backEnds;
  sidecar.behave({ kind: "status", status: 503 });
  const total = 20 * 512;
  for (let id = 1; id <= total; id += 512) {
    const spans = Array.from({ length: 512 }, (_, at) => ({
      traceId: "a".repeat(32),
      spanId: (id + at).toString(16).padStart(16, "0"),
      name: "x".repeat(2000),
    }));
    const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${url}/v1/traces`, { method: "POST", headers, body });
    assert.equal(response.status, 200);
    await response.arrayBuffer();
  }
  sidecar.behave({ kind: "ok" });
  await until("the spans come late", () => sidecar.spans.length >= total);
  const largest = Math.max(...sidecar.raw.map(({ length }) => length));
  assert.ok(largest <= 8 * 1024 ** 2, `${largest} bytes at once`);
});
