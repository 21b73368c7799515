import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Telemetry } from "./start.ts";
import { startTelemetry } from "./start.ts";
import { QUIET } from "./testing/rig.ts";
import type { Behaviour, OtlpCapture } from "./testing.ts";
import { assertNoSecret, startOtlpCapture } from "./testing.ts";

interface Setup {
  telemetry: Telemetry;
  capture: OtlpCapture;
}

async function start(t: TestContext, env: Record<string, string> = {}, monotonic?: () => number): Promise<Setup> {
  const capture = await startOtlpCapture();
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: "1.0.0",
    env: { ...QUIET, OTEL_EXPORTER_OTLP_ENDPOINT: capture.url, ...env },
    ...(monotonic && { monotonic }),
  });
  t.after(async () => {
    await telemetry.shutdown(2000);
    await capture.close();
  });
  return { telemetry, capture };
}

function make(telemetry: Telemetry, count: number): void {
  for (let n = 0; n < count; n++) {
    telemetry.tracer.startSpan("work").end();
    telemetry.logger.emit({ body: "line" });
  }
}

const faults: [string, Behaviour | "refuse", RegExp][] = [
  ["refuses connections", "refuse", /^ECONNREFUSED$/],
  ["hangs", { kind: "hang" }, /^(Request timed out|ETIMEDOUT)$/],
  ["trickles for ever", { kind: "trickle" }, /^(ETIMEDOUT|Request timed out)$/],
  ["resets", { kind: "reset" }, /^ECONNRESET$/],
  ["says 400", { kind: "status", status: 400 }, /^http 400$/],
  ["says 413", { kind: "status", status: 413 }, /^http 413$/],
  ["says 429", { kind: "status", status: 429, retryAfterSeconds: 60 }, /^Export failed with retryable status$/],
  [
    "says 503 and when to come back",
    { kind: "status", status: 503, retryAfterSeconds: 60 },
    /^Export failed with retryable status$/,
  ],
];

describe("a receiver that", () => {
  for (const [what, behaviour, reason] of faults) {
    test(`${what}: what is lost is counted exactly, and the flush ends`, { timeout: 8000 }, async (t) => {
      const { telemetry, capture } = await start(t, { OTEL_EXPORTER_OTLP_TIMEOUT: "100" });
      if (behaviour === "refuse") await capture.close();
      else capture.behave(behaviour);
      make(telemetry, 700);
      await telemetry.shutdown(6000);
      const { dropped, last_export_error: error } = telemetry.health();
      assert.deepEqual(dropped, { spans: 700, logs: 700 });
      assert.match(error?.reason ?? "", reason);
      assert.deepEqual([capture.spans.length, capture.logs.length], [0, 0]);
    });
  }
});

test("a shutdown keeps its deadline although the receiver hangs", { timeout: 2000 }, async (t) => {
  const { telemetry, capture } = await start(t, { OTEL_EXPORTER_OTLP_TIMEOUT: "3000" });
  capture.behave({ kind: "hang" });
  make(telemetry, 10);
  await telemetry.shutdown(100);
  await telemetry.shutdown(100);
});

test("what a receiver refuses out of a request is counted as lost, with its reason", async (t) => {
  const { telemetry, capture } = await start(t);
  capture.behave({ kind: "partial", rejected: 3, message: "too old" });
  make(telemetry, 10);
  await telemetry.shutdown(6000);
  const { dropped, last_export_error: error } = telemetry.health();
  assert.deepEqual(dropped, { spans: 3, logs: 3 });
  assert.equal(error?.reason, "refused 3: too old");
});

test("a burst over the queue loses what does not fit: lost and received add up to what was made", async (t) => {
  const { telemetry, capture } = await start(t);
  make(telemetry, 5000);
  await telemetry.shutdown(5000);
  const { dropped } = telemetry.health();
  assert.ok(dropped.spans > 0 && dropped.logs > 0);
  assert.deepEqual([capture.spans.length + dropped.spans, capture.logs.length + dropped.logs], [5000, 5000]);
});

test("under load a hanging receiver costs one queue and one batch, never more", async (t) => {
  const { telemetry, capture } = await start(t, { OTEL_EXPORTER_OTLP_TIMEOUT: "3000" });
  capture.behave({ kind: "hang" });
  for (let round = 0; round < 20; round++) {
    make(telemetry, 1000);
    await setImmediate();
  }
  const kept = 2048 + 512;
  assert.deepEqual(telemetry.health().dropped, { spans: 20_000 - kept, logs: 20_000 - kept });
});

test("a receiver that comes back gets what is made from then on", async (t) => {
  let nowMs = 0;
  const env = {
    OTEL_EXPORTER_OTLP_TIMEOUT: "100",
    OTEL_BSP_SCHEDULE_DELAY: "5",
    OTEL_BLRP_SCHEDULE_DELAY: "5",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
  };
  const { telemetry, capture } = await start(t, env, () => nowMs);
  capture.behave({ kind: "status", status: 400 });
  make(telemetry, 1);
  assert.equal(telemetry.health().exporting, true, "two intervals of patience");
  await capture.until(() => new Set(capture.paths).size === 3, "a request of each signal");
  nowMs = 1000;
  assert.equal(telemetry.health().exporting, false);
  assert.equal(telemetry.health().last_export_error?.reason, "http 400");

  capture.behave({ kind: "ok" });
  make(telemetry, 1);
  await capture.until(() => capture.spans.length === 1 && capture.logs.length === 1 && capture.metrics.size > 0);
  await telemetry.shutdown(1000);
  assert.equal(telemetry.health().exporting, true);
  assert.deepEqual(telemetry.health().dropped, { spans: 1, logs: 1 });
});

test("the SDK's own metrics say the same as the health page", async (t) => {
  const { telemetry, capture } = await start(t, { OTEL_EXPORTER_OTLP_TIMEOUT: "100", OTEL_LOGS_EXPORTER: "none" });
  capture.behave({ kind: "status", status: 400 });
  make(telemetry, 3000);
  await capture.until(() => capture.requests() > 0);
  await telemetry.shutdown(3000);
  // The page is closed by then; the same numbers were read by the tee.
  assert.equal(telemetry.health().dropped.spans, 3000);
  assert.equal(telemetry.health().dropped.logs, 0);
});

test("headers and compression go with every export", async (t) => {
  const { telemetry, capture } = await start(t, {
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20hunter2hunter2",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
  });
  make(telemetry, 1);
  await telemetry.shutdown(2000);
  assert.deepEqual(new Set(capture.paths), new Set(["/v1/traces", "/v1/logs", "/v1/metrics"]));
  for (const headers of capture.headers) {
    assert.equal(headers.authorization, "Bearer hunter2hunter2");
    assert.equal(headers["content-encoding"], "gzip");
  }
  assert.equal(capture.spans.length, 1);
});

test("a header that names a data set or a tenant does not take that word out of everything", async (t) => {
  const { telemetry, capture } = await start(t, {
    OTEL_EXPORTER_OTLP_HEADERS: "x-honeycomb-team=hunter2hunter2,x-honeycomb-dataset=telegram,X-Scope-OrgID=message",
  });
  telemetry.tracer.startSpan("process message", { attributes: { system: "telegram", key: "hunter2hunter2" } }).end();
  await telemetry.shutdown(2000);
  const [span] = capture.spans;
  assert.deepEqual([span?.name, span?.attributes], ["process message", { system: "telegram", key: "[secret]" }]);
});

test("a value that contains itself costs its own depths, and no other record", async (t) => {
  const { telemetry, capture } = await start(t);
  const own: Record<string, unknown> = { x: 1 };
  own["self"] = own;
  telemetry.logger.emit({ body: own, attributes: { own } });
  telemetry.logger.emit({ body: "fine" });
  await telemetry.shutdown(2000);
  assert.equal(capture.logs.length, 2);
  assert.match(Buffer.concat(capture.raw).toString("latin1"), /too deep/);
});

test("each signal can be turned off alone", async (t) => {
  const { telemetry, capture } = await start(t, { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none" });
  make(telemetry, 1);
  assert.match(await telemetry.metricsPage(), /process_uptime_seconds/);
  await telemetry.shutdown(2000);
  assert.deepEqual(capture.paths, ["/v1/logs"]);
});

test("what loggers and tracers of others say is clean as well, wherever they say it", async (t) => {
  const { telemetry, capture } = await start(t);
  const token = `7000002:${"S3cret-of_others".padEnd(35, "x")}`;
  telemetry.logger.emit({ body: `GET /bot${token}/getMe`, attributes: { request: { headers: [{ url: token }] } } });
  telemetry.logger.emit({ body: { url: token } });
  telemetry.logger.emit({ body: "thrown", exception: new Error(`no /bot${token}/getMe`) });
  const span = telemetry.tracer.startSpan(`GET /bot${token}/getMe`);
  span.addLink({ context: span.spanContext(), attributes: { url: token } });
  span.addEvent(`GET /bot${token}/getMe`, { url: token });
  span.end();
  await telemetry.shutdown(2000);
  assert.deepEqual([capture.logs.length, capture.spans.length], [3, 1]);
  assertNoSecret(Object.fromEntries(capture.raw.entries()), [token]);
});
