import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Logger, Meter, Tracer } from "@opentelemetry/api";
import { DiagLogLevel, context, diag, logs, metrics, propagation, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator, diagLogLevelFromString } from "@opentelemetry/core";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { BatchLogRecordProcessor } from "@opentelemetry/sdk-logs";
import {
  AggregationTemporality,
  AggregationType,
  InstrumentType,
  type MetricReader,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace";
import { readTelemetryConfig } from "./config.ts";
import { withDeadline } from "./deadline.ts";
import { createExporters } from "./exporters.ts";
import type { Ids } from "./ids.ts";
import { createIdGenerator } from "./ids.ts";
import { createInstrumentations } from "./instrumentations.ts";
import type { LoopWatch } from "./loop-delay.ts";
import { watchEventLoop } from "./loop-delay.ts";
import { renderMetrics } from "./metrics-page.ts";
import { httpClientBuckets } from "./names.ts";
import { observeProcess } from "./process-metrics.ts";
import { addSecret } from "./redact.ts";
import { createResource } from "./resource.ts";
import { ConfigError } from "./settings.ts";
import type { TelemetryHealth } from "./telemetry-health.ts";
import { isExporting, latestError } from "./telemetry-health.ts";
import { tallyCounters } from "./tally-meter.ts";
import { createTeeMeter } from "./tee-meter.ts";

export interface TelemetryOptions {
  /** `bot` or `sidecar`; `OTEL_SERVICE_NAME` wins. */
  serviceName: string;
  serviceVersion: string;
  env: Record<string, string | undefined>;
  /** Added to the resource, e.g. `telegram.bot.id`. */
  resource?: Readonly<Record<string, string>>;
  /** Calls to this host make no HTTP spans and carry no `traceparent`. Default `https://api.telegram.org`. */
  telegramApiRoot?: string;
  /** Wall clock, Unix milliseconds: timestamps. */
  now?: () => number;
  /** Milliseconds that never jump: durations. */
  monotonic?: () => number;
}

export interface Telemetry {
  enabled: boolean;
  /** Random at each start; `service.instance.id` and `/health.instance`. */
  instanceId: string;
  /** After `OTEL_SERVICE_NAME`. */
  serviceName: string;
  serviceVersion: string;
  startedAt: Date;
  meter: Meter;
  tracer: Tracer;
  logger: Logger;
  /** Gives the next root span the ids of a correlation id. */
  ids: Ids;
  /** How much OpenTelemetry says about itself (`OTEL_LOG_LEVEL`). */
  diagLevel: DiagLogLevel;
  /** Event loop delay and utilization, also with telemetry off. */
  loop: LoopWatch;
  /**
   * Sends the counters as they are born. To be called when the instruments are there and nothing has been counted: what
   * happens before the first value that Prometheus has is hidden from increase(). Reads them at once, never throws.
   */
  sendZeros(): void;
  /** The body of `/metrics`. Never rejects. */
  metricsPage(): Promise<string>;
  health(): TelemetryHealth;
  /** Flushes and ends everything, or gives up after `deadlineMs`. Never rejects; a second call does nothing. */
  shutdown(deadlineMs: number): Promise<void>;
}

const SCOPE = "@gramwatch/otel";
/** Telemetries that run in this process: one for each bot. OpenTelemetry's globals are there once. */
let running = 0;
/** Headers whose value is a word of the user's and no secret: hidden, it would be missing wherever else it stands. */
const NAMES_A_PLACE = /(dataset|orgid|organization|tenant(-?id)?|stream-name|project(-?id)?)$/i;

/**
 * Starts OpenTelemetry for this process. Bad settings throw a `ConfigError`; nothing that happens later ever does.
 * With `OTEL_SDK_DISABLED=true` everything returned does nothing, at no cost.
 */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { now = Date.now, monotonic = () => performance.now() } = options;
  const { config, problems } = readTelemetryConfig(options.env);
  if (problems.length > 0) throw new ConfigError(problems);
  for (const [name, value] of Object.entries(config.headers)) if (!NAMES_A_PLACE.test(name)) addSecret(value);

  const startedAt = new Date(now());
  const startedMs = monotonic();
  const instanceId = randomBytes(8).toString("hex");
  const serviceName = config.serviceName ?? options.serviceName;
  const ids = createIdGenerator();
  const diagLevel = diagLogLevelFromString(config.diagLevel) ?? DiagLogLevel.WARN;
  const loop = watchEventLoop();
  const base = { instanceId, serviceName, serviceVersion: options.serviceVersion, startedAt, ids, loop, diagLevel };
  const api = () => ({
    meter: metrics.getMeter(SCOPE, options.serviceVersion),
    tracer: trace.getTracer(SCOPE, options.serviceVersion),
    logger: logs.getLogger(SCOPE, options.serviceVersion),
  });
  if (config.disabled) {
    return { ...base, ...api(), ...disabled, shutdown: () => Promise.resolve(loop.close()) };
  }

  // The SDK's own meters report nothing unless this is set, and only NodeSDK reads it.
  process.env["OTEL_NODE_EXPERIMENTAL_SDK_METRICS"] ??= "true";
  const tee = createTeeMeter();
  const exporters = createExporters(config, tee.provider, { now, monotonic });
  const spanProcessors = config.exported.traces
    ? [new BatchSpanProcessor({ ...config.spans, exporter: exporters.traces, selfObsMeterProvider: tee.provider })]
    : [];
  const logRecordProcessors = config.exported.logs
    ? [new BatchLogRecordProcessor({ ...config.logs, exporter: exporters.logs, selfObsMeterProvider: tee.provider })]
    : [];
  const pushing = config.exported.metrics
    ? [
        new PeriodicExportingMetricReader({
          exporter: exporters.metrics,
          exportIntervalMillis: config.metrics.intervalMs,
          exportTimeoutMillis: config.metrics.timeoutMs,
        }),
      ]
    : [];
  // Each reader keeps its own books of every record. One is enough for both ways, if it does not start anew each time.
  const cumulative = pushing.filter(isCumulative);
  const [page = new PrometheusExporter({ preventServerStart: true })] = cumulative;
  const metricReaders = [...new Set<MetricReader>([...pushing, page])];
  for (const reader of metricReaders) forgetUnobserved(reader);
  const isFirst = running++ === 0;
  // Registering over the first would fail, and everything of this bot would go out as the other's. Handles that were
  // given out keep their provider. What is active and what is patched is the same for all.
  if (!isFirst) for (const global of [trace, metrics, logs]) global.disable();
  const instrumentations = isFirst ? createInstrumentations(options.telegramApiRoot) : [];
  const sdk = new NodeSDK({
    resource: createResource(
      { name: options.serviceName, version: options.serviceVersion, instanceId },
      options.resource ?? {},
      config,
      options.env["NODE_ENV"] === "production" ? "production" : "development",
    ),
    // A slow detector would hold back every export and the shutdown.
    autoDetectResources: false,
    spanProcessors,
    logRecordProcessors,
    metricReaders,
    spanLimits: { attributeValueLengthLimit: 4096, attributeCountLimit: 64 },
    idGenerator: ids.generator,
    ...(options.env["OTEL_PROPAGATORS"] === undefined && { textMapPropagator: new W3CTraceContextPropagator() }),
    ...(!isFirst && { textMapPropagator: null, contextManager: null as never }),
    instrumentations,
    views: [
      {
        instrumentName: "nodejs.eventloop.delay.*",
        meterName: "@opentelemetry/instrumentation-runtime-node",
        aggregation: { type: AggregationType.DROP },
      },
      {
        instrumentName: "http.client.request.duration",
        aggregation: {
          type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
          options: { boundaries: [...httpClientBuckets] },
        },
      },
    ],
  });
  sdk.start();
  tallyCounters(metrics.getMeterProvider(), "@opentelemetry/sdk-trace");
  tee.connect(metrics.getMeterProvider());

  const handles = api();
  observeProcess(handles.meter, loop);

  const deliveries = Object.values(exporters.deliveries).filter(({ signal }) => config.exported[signal]);
  let ended: Promise<void> | undefined;
  return {
    ...base,
    ...handles,
    enabled: true,
    sendZeros(): void {
      for (const reader of pushing)
        reader.collect().then(
          ({ resourceMetrics }) => exporters.metrics.export(resourceMetrics, () => {}),
          () => {},
        );
    },
    metricsPage: () => renderMetrics(page).catch((error: unknown) => `# not readable: ${(error as Error).name}\n`),
    health: () => ({
      enabled: true,
      exporting: isExporting(deliveries, monotonic(), startedMs, 2 * config.metrics.intervalMs),
      dropped: {
        spans: tee.queueFull.spans + exporters.deliveries.traces.lost,
        logs: tee.queueFull.logs + exporters.deliveries.logs.lost,
      },
      last_export_error: latestError(deliveries),
    }),
    shutdown: (deadlineMs) =>
      (ended ??= withDeadline(async () => {
        // NodeSDK.shutdown is a Promise.all: the first rejection would hide the rest (opentelemetry-js#3310).
        await Promise.allSettled(
          [...spanProcessors, ...logRecordProcessors, ...pushing].map((part) => part.forceFlush()),
        );
        await sdk.shutdown();
      }, deadlineMs).finally(() => {
        exporters.close();
        loop.close();
        for (const instrumentation of instrumentations) instrumentation.disable();
        if (--running > 0) return;
        for (const global of [trace, metrics, logs, context, propagation]) global.disable();
        diag.disable();
      })),
  };
}

/** Not with `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta` or `lowmemory`. */
const isCumulative = (reader: PeriodicExportingMetricReader): boolean =>
  reader.selectAggregationTemporality(InstrumentType.HISTOGRAM) === AggregationTemporality.CUMULATIVE;

/**
 * A cumulative reader repeats for ever what a gauge once said with labels that are observed no more: the age of a poll
 * that is over, the phases of a probe that no longer gets so far. One that starts anew each time says what is there; a
 * gauge looks the same on both ways.
 */
function forgetUnobserved(reader: MetricReader): void {
  const select = reader.selectAggregationTemporality.bind(reader);
  reader.selectAggregationTemporality = (type) =>
    type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : select(type);
}

const disabled = {
  enabled: false,
  sendZeros: () => {},
  metricsPage: () => Promise.resolve("# telemetry is off (OTEL_SDK_DISABLED=true)\n"),
  health: (): TelemetryHealth => ({
    enabled: false,
    exporting: false,
    dropped: { spans: 0, logs: 0 },
    last_export_error: null,
  }),
};
