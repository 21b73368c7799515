import type { Problem } from "./settings.ts";
import { flag, httpUrl, integer, oneOf, readSettings, text } from "./settings.ts";

const exporter = ["otlp", "none"] as const;
const compressions = ["none", "gzip"] as const;
const protocols = ["http/protobuf"] as const;
const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
const diagLevels = ["none", "error", "warn", "info", "debug", "verbose", "all"] as const;

/**
 * The `OTEL_*` variables with their standard meaning. With explicit processors, readers and resource nobody in the
 * SDK reads most of them, so we do, and a bad value ends the start instead of being silently replaced.
 */
export const otelSettings = {
  OTEL_SDK_DISABLED: { schema: flag(), fallback: "false", doc: "`true` turns telemetry off; `/health` loses nothing." },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: httpUrl({ mayHaveUser: true }),
    fallback: "http://127.0.0.1:4318",
    doc: "Base address of the OTLP/HTTP receiver.",
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: { schema: httpUrl({ mayHaveUser: true }), doc: "Full address for traces." },
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: { schema: httpUrl({ mayHaveUser: true }), doc: "Full address for metrics." },
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: { schema: httpUrl({ mayHaveUser: true }), doc: "Full address for logs." },
  OTEL_EXPORTER_OTLP_PROTOCOL: { schema: oneOf(protocols), fallback: "http/protobuf", doc: "Only `http/protobuf`." },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: text(),
    secret: true,
    doc: "`key=value` pairs, comma between, percent-encoded; or the file in `OTEL_EXPORTER_OTLP_HEADERS_FILE`.",
  },
  OTEL_EXPORTER_OTLP_TIMEOUT: {
    schema: integer(1),
    fallback: "10000",
    doc: "Milliseconds for one export, retries included.",
  },
  OTEL_EXPORTER_OTLP_COMPRESSION: { schema: oneOf(compressions), fallback: "none", doc: "`gzip` for slow networks." },
  OTEL_EXPORTER_OTLP_CERTIFICATE: { schema: text(), doc: "File with the certificate authority of an https endpoint." },
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: { schema: text(), doc: "File with our certificate, for mutual TLS." },
  OTEL_EXPORTER_OTLP_CLIENT_KEY: { schema: text(), doc: "File with its key." },
  OTEL_TRACES_EXPORTER: { schema: oneOf(exporter), fallback: "otlp", doc: "`otlp` or `none`." },
  OTEL_METRICS_EXPORTER: { schema: oneOf(exporter), fallback: "otlp", doc: "`otlp` or `none`; `/metrics` stays." },
  OTEL_LOGS_EXPORTER: { schema: oneOf(exporter), fallback: "otlp", doc: "`otlp` or `none`; stdout stays." },
  OTEL_METRIC_EXPORT_INTERVAL: {
    schema: integer(1),
    fallback: "15000",
    doc: "Milliseconds between exports of metrics.",
  },
  OTEL_METRIC_EXPORT_TIMEOUT: {
    schema: integer(1),
    doc: "Milliseconds for one export of metrics; at most the interval.",
  },
  OTEL_BSP_MAX_QUEUE_SIZE: { schema: integer(1), fallback: "2048", doc: "Spans kept while the exporter is busy." },
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: { schema: integer(1), fallback: "512", doc: "Spans per request." },
  OTEL_BSP_SCHEDULE_DELAY: { schema: integer(1), fallback: "2000", doc: "Milliseconds between exports of spans." },
  OTEL_BSP_EXPORT_TIMEOUT: { schema: integer(1), fallback: "30000", doc: "Milliseconds for one batch of spans." },
  OTEL_BLRP_MAX_QUEUE_SIZE: {
    schema: integer(1),
    fallback: "2048",
    doc: "Log records kept while the exporter is busy.",
  },
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: { schema: integer(1), fallback: "512", doc: "Log records per request." },
  OTEL_BLRP_SCHEDULE_DELAY: { schema: integer(1), fallback: "1000", doc: "Milliseconds between exports of logs." },
  OTEL_BLRP_EXPORT_TIMEOUT: { schema: integer(1), fallback: "30000", doc: "Milliseconds for one batch of logs." },
  OTEL_SERVICE_NAME: { schema: text(), doc: "Name of this service; one per bot where several run." },
  OTEL_RESOURCE_ATTRIBUTES: { schema: text(), doc: "`key=value` pairs added to the resource." },
  OTEL_TRACES_SAMPLER: { schema: oneOf(samplers), fallback: "parentbased_always_on", doc: "Which traces are kept." },
  OTEL_TRACES_SAMPLER_ARG: { schema: text(), doc: "Ratio from 0 to 1 for the ratio samplers." },
  OTEL_LOG_LEVEL: {
    schema: oneOf(diagLevels),
    fallback: "warn",
    doc: "How much OpenTelemetry says about itself, on stdout.",
  },
} as const;

export type TelemetryConfig = ReturnType<typeof readTelemetryConfig>["config"];

// The sampler is checked here and read by NodeSDK.
/** The telemetry part of the environment, with every problem in it; a caller with settings of its own merges both lists. */
export function readTelemetryConfig(env: Record<string, string | undefined>) {
  const { values, problems } = readSettings(otelSettings, env);
  problems.push(...crossProblems(values, env));
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const intervalMs = values.OTEL_METRIC_EXPORT_INTERVAL;
  const config = {
    disabled: values.OTEL_SDK_DISABLED,
    urls: {
      traces: values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? `${base}/v1/traces`,
      metrics: values.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT ?? `${base}/v1/metrics`,
      logs: values.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT ?? `${base}/v1/logs`,
    },
    exported: {
      traces: values.OTEL_TRACES_EXPORTER === "otlp",
      metrics: values.OTEL_METRICS_EXPORTER === "otlp",
      logs: values.OTEL_LOGS_EXPORTER === "otlp",
    },
    headers: pairs(values.OTEL_EXPORTER_OTLP_HEADERS),
    timeoutMs: values.OTEL_EXPORTER_OTLP_TIMEOUT,
    compression: values.OTEL_EXPORTER_OTLP_COMPRESSION,
    tls: {
      ca: values.OTEL_EXPORTER_OTLP_CERTIFICATE,
      cert: values.OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE,
      key: values.OTEL_EXPORTER_OTLP_CLIENT_KEY,
    },
    metrics: { intervalMs, timeoutMs: Math.min(values.OTEL_METRIC_EXPORT_TIMEOUT ?? 30_000, intervalMs) },
    spans: {
      maxQueueSize: values.OTEL_BSP_MAX_QUEUE_SIZE,
      maxExportBatchSize: values.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
      scheduledDelayMillis: values.OTEL_BSP_SCHEDULE_DELAY,
      exportTimeoutMillis: values.OTEL_BSP_EXPORT_TIMEOUT,
    },
    logs: {
      maxQueueSize: values.OTEL_BLRP_MAX_QUEUE_SIZE,
      maxExportBatchSize: values.OTEL_BLRP_MAX_EXPORT_BATCH_SIZE,
      scheduledDelayMillis: values.OTEL_BLRP_SCHEDULE_DELAY,
      exportTimeoutMillis: values.OTEL_BLRP_EXPORT_TIMEOUT,
    },
    serviceName: values.OTEL_SERVICE_NAME,
    resourceAttributes: pairs(values.OTEL_RESOURCE_ATTRIBUTES),
    diagLevel: values.OTEL_LOG_LEVEL,
  };
  return { config, problems };
}

type Values = ReturnType<typeof readSettings<typeof otelSettings>>["values"];

function crossProblems(values: Values, env: Record<string, string | undefined>): Problem[] {
  const problems: Problem[] = [];
  const problem = (setting: string, expected: string) =>
    problems.push({ setting, value: JSON.stringify(env[setting] ?? ""), expected });
  const { OTEL_METRIC_EXPORT_TIMEOUT: timeoutMs, OTEL_METRIC_EXPORT_INTERVAL: intervalMs } = values;
  if (timeoutMs !== undefined && timeoutMs > intervalMs) {
    problem("OTEL_METRIC_EXPORT_TIMEOUT", `at most OTEL_METRIC_EXPORT_INTERVAL (${intervalMs})`);
  }
  if (values.OTEL_BSP_MAX_EXPORT_BATCH_SIZE > values.OTEL_BSP_MAX_QUEUE_SIZE) {
    problem("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", `at most OTEL_BSP_MAX_QUEUE_SIZE (${values.OTEL_BSP_MAX_QUEUE_SIZE})`);
  }
  if (values.OTEL_BLRP_MAX_EXPORT_BATCH_SIZE > values.OTEL_BLRP_MAX_QUEUE_SIZE) {
    problem("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", `at most OTEL_BLRP_MAX_QUEUE_SIZE (${values.OTEL_BLRP_MAX_QUEUE_SIZE})`);
  }
  const ratio = Number(values.OTEL_TRACES_SAMPLER_ARG ?? 1);
  if (!(ratio >= 0 && ratio <= 1)) problem("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1");
  for (const setting of ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_RESOURCE_ATTRIBUTES"] as const) {
    const bad = (values[setting] ?? "").split(",").some((pair) => pair.trim() !== "" && !/^\s*[^=\s]+\s*=/.test(pair));
    if (bad) problems.push({ setting, value: "(not shown)", expected: "key=value pairs, comma between" });
  }
  return problems;
}

/** `a=1,b=%20x` → record, values percent-decoded where that is possible (the OpenTelemetry format for both). */
function pairs(given: string | undefined): Record<string, string> {
  const record: Record<string, string> = {};
  for (const pair of (given ?? "").split(",")) {
    const at = pair.indexOf("=");
    if (at < 1) continue;
    const value = pair.slice(at + 1).trim();
    try {
      record[pair.slice(0, at).trim()] = decodeURIComponent(value);
    } catch {
      record[pair.slice(0, at).trim()] = value;
    }
  }
  return record;
}
