import assert from "node:assert/strict";
import { test } from "node:test";
import { readTelemetryConfig } from "./config.ts";
import { ConfigError } from "./settings.ts";
import { startTelemetry } from "./start.ts";

const read = (env: Record<string, string>) => readTelemetryConfig(env);
const problemsOf = (env: Record<string, string>) => read(env).problems.map((p) => `${p.setting}: ${p.expected}`);

test("without any variable the defaults of the document hold", () => {
  const { config, problems } = read({});
  assert.deepEqual(problems, []);
  assert.equal(config.disabled, false);
  assert.deepEqual(config.urls, {
    traces: "http://127.0.0.1:4318/v1/traces",
    metrics: "http://127.0.0.1:4318/v1/metrics",
    logs: "http://127.0.0.1:4318/v1/logs",
  });
  assert.deepEqual(config.metrics, { intervalMs: 15_000, timeoutMs: 15_000 });
  assert.equal(config.spans.maxQueueSize, 2048);
  assert.equal(config.spans.scheduledDelayMillis, 2000);
  assert.equal(config.logs.scheduledDelayMillis, 1000);
});

test("every variable that we read changes the configuration", () => {
  const set: [Record<string, string>, (config: ReturnType<typeof read>["config"]) => unknown, unknown][] = [
    [{ OTEL_SDK_DISABLED: "true" }, (c) => c.disabled, true],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/" }, (c) => c.urls.logs, "http://c:4318/v1/logs"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t/x" }, (c) => c.urls.traces, "http://t/x"],
    [{ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m/x" }, (c) => c.urls.metrics, "http://m/x"],
    [{ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://l/x" }, (c) => c.urls.logs, "http://l/x"],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "a=1, b=x%20y,c=%zz" }, (c) => c.headers, { a: "1", b: "x y", c: "%zz" }],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "7" }, (c) => c.timeoutMs, 7],
    [{ OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" }, (c) => c.compression, "gzip"],
    [{ OTEL_EXPORTER_OTLP_CERTIFICATE: "/ca" }, (c) => c.tls.ca, "/ca"],
    [{ OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/c" }, (c) => c.tls.cert, "/c"],
    [{ OTEL_EXPORTER_OTLP_CLIENT_KEY: "/k" }, (c) => c.tls.key, "/k"],
    [{ OTEL_TRACES_EXPORTER: "none" }, (c) => c.exported.traces, false],
    [{ OTEL_METRICS_EXPORTER: "none" }, (c) => c.exported.metrics, false],
    [{ OTEL_LOGS_EXPORTER: "none" }, (c) => c.exported.logs, false],
    [{ OTEL_METRIC_EXPORT_INTERVAL: "60000" }, (c) => c.metrics, { intervalMs: 60_000, timeoutMs: 30_000 }],
    [{ OTEL_METRIC_EXPORT_TIMEOUT: "5" }, (c) => c.metrics.timeoutMs, 5],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "4096" }, (c) => c.spans.maxQueueSize, 4096],
    [{ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "9" }, (c) => c.spans.maxExportBatchSize, 9],
    [{ OTEL_BSP_SCHEDULE_DELAY: "9" }, (c) => c.spans.scheduledDelayMillis, 9],
    [{ OTEL_BSP_EXPORT_TIMEOUT: "9" }, (c) => c.spans.exportTimeoutMillis, 9],
    [{ OTEL_BLRP_MAX_QUEUE_SIZE: "4096" }, (c) => c.logs.maxQueueSize, 4096],
    [{ OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: "9" }, (c) => c.logs.maxExportBatchSize, 9],
    [{ OTEL_BLRP_SCHEDULE_DELAY: "9" }, (c) => c.logs.scheduledDelayMillis, 9],
    [{ OTEL_BLRP_EXPORT_TIMEOUT: "9" }, (c) => c.logs.exportTimeoutMillis, 9],
    [{ OTEL_SERVICE_NAME: "shop" }, (c) => c.serviceName, "shop"],
    [{ OTEL_RESOURCE_ATTRIBUTES: "team=a,zone=b" }, (c) => c.resourceAttributes, { team: "a", zone: "b" }],
    [{ OTEL_LOG_LEVEL: "debug" }, (c) => c.diagLevel, "debug"],
  ];
  for (const [env, look, expected] of set) {
    const { config, problems } = read(env);
    assert.deepEqual(problems, []);
    assert.deepEqual(look(config), expected, Object.keys(env).join());
  }
});

test("bad values are told with what is allowed", () => {
  const table: [Record<string, string>, string][] = [
    [{ OTEL_SDK_DISABLED: "yes" }, "OTEL_SDK_DISABLED: one of true, false"],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, "OTEL_EXPORTER_OTLP_PROTOCOL: one of http/protobuf"],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" },
      "OTEL_EXPORTER_OTLP_ENDPOINT: a URL that starts with http:// or https://",
    ],
    [{ OTEL_TRACES_EXPORTER: "zipkin" }, "OTEL_TRACES_EXPORTER: one of otlp, none"],
    [{ OTEL_METRIC_EXPORT_INTERVAL: "0" }, "OTEL_METRIC_EXPORT_INTERVAL: a whole number from 1"],
    [
      { OTEL_METRIC_EXPORT_INTERVAL: "1000", OTEL_METRIC_EXPORT_TIMEOUT: "2000" },
      "OTEL_METRIC_EXPORT_TIMEOUT: at most OTEL_METRIC_EXPORT_INTERVAL (1000)",
    ],
    [
      { OTEL_BSP_MAX_QUEUE_SIZE: "5", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "6" },
      "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: at most OTEL_BSP_MAX_QUEUE_SIZE (5)",
    ],
    [
      { OTEL_BLRP_MAX_QUEUE_SIZE: "5", OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: "6" },
      "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: at most OTEL_BLRP_MAX_QUEUE_SIZE (5)",
    ],
    [
      { OTEL_TRACES_SAMPLER: "some" },
      "OTEL_TRACES_SAMPLER: one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio",
    ],
    [{ OTEL_TRACES_SAMPLER_ARG: "2" }, "OTEL_TRACES_SAMPLER_ARG: a number from 0 to 1"],
    [{ OTEL_EXPORTER_OTLP_HEADERS: "nonsense" }, "OTEL_EXPORTER_OTLP_HEADERS: key=value pairs, comma between"],
  ];
  for (const [env, expected] of table) assert.deepEqual(problemsOf(env), [expected]);
});

test("a start with bad settings ends with one error that lists them all and shows no header", () => {
  const env = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc", OTEL_EXPORTER_OTLP_HEADERS: "hunter2hunter2" };
  assert.throws(
    () => startTelemetry({ serviceName: "bot", serviceVersion: "1", env }),
    (error) => error instanceof ConfigError && error.problems.length === 2 && !error.message.includes("hunter2"),
  );
});
