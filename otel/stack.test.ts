import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import { findEngines } from "./collector/testing.ts";
import { createBotHealth } from "./health.ts";
import { serveHealth } from "./http.ts";
import { createHistogram, observeMetric } from "./instruments.ts";
import { createLog } from "./log.ts";
import type { Metric } from "./names.ts";
import { foreignMetrics, metrics } from "./names.ts";
import { promLabel, promName } from "./prom-name.ts";
import { startTelemetry } from "./start.ts";

const { bin, skip } = findEngines();

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A real Prometheus that scrapes `page` and takes OTLP; ends with the test. */
async function startPrometheus(t: TestContext, page: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "gramwatch-prometheus-"));
  const port = await freePort();
  writeFileSync(
    join(folder, "prometheus.yaml"),
    JSON.stringify({
      global: { scrape_interval: "200ms" },
      otlp: {
        keep_identifying_resource_attributes: true,
        promote_resource_attributes: [
          "service.name",
          "service.namespace",
          "service.instance.id",
          "service.version",
          "deployment.environment.name",
        ],
      },
      scrape_configs: [{ job_name: "scraped", static_configs: [{ targets: [`127.0.0.1:${page}`] }] }],
    }),
  );
  const child = spawn(
    join(bin, "prometheus"),
    [
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.enable-otlp-receiver",
    ],
    { stdio: "ignore" },
  );
  t.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    rmSync(folder, { recursive: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => (await request(`${url}/-/ready`)).statusCode === 200);
  return url;
}

/** Asks another process again and again, for at most 30 s. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await condition().catch(() => false)) return;
    await delay(100);
  }
  assert.fail("not within 30 s");
}

const labelsOf = (series: Record<string, string>): string =>
  Object.keys(series)
    .filter((label) => label !== "job" && label !== "instance")
    .sort()
    .join();

/** Emits every metric of `names.ts`, whoever emits it in production, with one value of each label. */
function emitAll(telemetry: ReturnType<typeof startTelemetry>): void {
  const made = new Set(["process.uptime", "process.memory.usage", "process.cpu.time", "nodejs.heap.limit"]);
  for (const metric of Object.values<Metric>(metrics)) {
    if (made.has(metric.name) || metric.name.startsWith("nodejs.eventloop.delay")) continue;
    const labels = Object.fromEntries(
      Object.entries(metric.labels ?? {}).map(([label, values]) => [label, Array.isArray(values) ? values[0] : "some"]),
    ) as Record<string, string>;
    if (metric.observable) observeMetric(telemetry.meter, metric, (result) => result.observe(1, labels));
    else createHistogram(telemetry.meter, metric).record(1, labels);
  }
}

test("a real Prometheus sees one name and one set of labels by OTLP and by scrape", { skip }, async (t) => {
  const page = await freePort();
  const prometheus = await startPrometheus(t, page);
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: "1.0.0",
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${prometheus}/unused`,
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${prometheus}/api/v1/otlp/v1/metrics`,
      OTEL_METRIC_EXPORT_INTERVAL: "500",
      OTEL_TRACES_EXPORTER: "none",
      OTEL_LOGS_EXPORTER: "none",
    },
  });
  const health = createBotHealth({ telemetry });
  const log = createLog({ destination: { write: () => {} } });
  const server = await serveHealth({ host: "127.0.0.1", port: page, health, telemetry, log });
  t.after(async () => {
    await telemetry.shutdown(1000);
    await server.close();
  });
  emitAll(telemetry);
  const api = async (path: string): Promise<unknown> => {
    const answer = await request(`${prometheus}/api/v1/${path}`);
    return ((await answer.body.json()) as { data: unknown }).data;
  };
  const names = async (job: string): Promise<Set<string>> =>
    new Set((await api(`label/__name__/values?match[]={job="${job}"}`)) as string[]);

  const expected = [...Object.values<Metric>(metrics), ...foreignMetrics].flatMap((metric) =>
    metric.kind === "histogram" ? [`${promName(metric)}_bucket`, `${promName(metric)}_count`] : [promName(metric)],
  );
  let [scraped, pushed] = [new Set<string>(), new Set<string>()];
  // What Prometheus adds itself to a scrape.
  const own = /^(up|scrape_.*)$/;
  const differing = (): string[] => [
    ...expected.filter((name) => !scraped.has(name) || !pushed.has(name)),
    ...[...scraped].filter((name) => !own.test(name) && !pushed.has(name)),
    ...[...pushed].filter((name) => !scraped.has(name)),
  ];
  await eventually(async () => {
    // Garbage is collected sooner or later; here it is wanted now, for v8js.gc.duration.
    Array.from({ length: 200_000 }, (_, index) => ({ index }));
    [scraped, pushed] = [await names("scraped"), await names("gramwatch/bot")];
    return differing().length === 0;
  }).catch(() => {});
  assert.deepEqual(differing(), []);

  for (const metric of Object.values<Metric>(metrics)) {
    const name = promName(metric) + (metric.kind === "histogram" ? "_count" : "");
    const series = (await api(`series?match[]=${name}`)) as Record<string, string>[];
    const labels = series.map(labelsOf);
    assert.equal(new Set(labels).size, 1, `${name}: ${labels.join(" | ")}`);
    for (const label of Object.keys(metric.labels ?? {})) assert.ok(promLabel(label) in (series[0] ?? {}), name);
    for (const { service_name: service, service_namespace: namespace } of series) {
      assert.deepEqual([service, namespace], ["bot", "gramwatch"]);
    }
  }
});

test("promtool check metrics has nothing to say", { skip }, async (t) => {
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: "1.0.0",
    env: { OTEL_TRACES_EXPORTER: "none", OTEL_METRICS_EXPORTER: "none", OTEL_LOGS_EXPORTER: "none" },
  });
  t.after(() => telemetry.shutdown(100));
  createBotHealth({ telemetry }).observe(telemetry.meter);
  emitAll(telemetry);
  const { status, stdout, stderr } = spawnSync(join(bin, "promtool"), ["check", "metrics"], {
    input: await telemetry.metricsPage(),
    encoding: "utf8",
  });
  assert.equal(stdout + stderr, "");
  assert.equal(status, 0);
});
