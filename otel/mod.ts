/** The door of @gramwatch/otel. */
export * from "./settings.ts";
export { otelSettings, readTelemetryConfig } from "./config.ts";
export { startTelemetry, type Telemetry, type TelemetryOptions } from "./start.ts";
export type { TelemetryHealth } from "./telemetry-health.ts";
export { createLog, type Log, type LogOptions } from "./log.ts";
export { createRuns } from "./runs.ts";
export { addSecret, redact, redactFreeText } from "./redact.ts";
export { describeError, type DescribedError } from "./describe-error.ts";
export { HandlingError, handlingReasonOf, reasonOf, reasonOfCode, statusLabel } from "./reason.ts";
export { newCorrelationId, rootSpanId, shortReference } from "./reference.ts";
export { addressesOf, sharedLookup } from "./lookup.ts";
export { createTransport, type Transport, type TransportOptions } from "./transport.ts";
export {
  createBotHealth,
  type BotHealth,
  type BotHealthOptions,
  type BotHealthState,
  type CheckResult,
} from "./health.ts";
export { observe, type Observed, type ObserveOptions } from "./observe.ts";
export { handleExits, type Exits } from "./shutdown.ts";
export type { Handling } from "./counts.ts";
export { serveHealth, type HealthServer } from "./http.ts";
export { observeUpdates, updateTypeOf, type UpdatesOptions } from "./middleware.ts";
export { observeApi, type ApiOptions } from "./transformer.ts";
export { createApiCalls, thrownResult, type CallResult } from "./api-calls.ts";
export {
  aboutUpdate,
  correlationIdOf,
  handledBy,
  handlingFailed,
  linkTo,
  referenceOf,
  whatIsKnownOf,
  type AboutUpdate,
} from "./scope.ts";
export { runJob } from "./job.ts";
export { observeSql } from "./sql-span.ts";
export { createHistogram, observeMetric } from "./instruments.ts";
export { readMemory } from "./process-metrics.ts";
export { METRICS_CONTENT_TYPE } from "./metrics-page.ts";
export * from "./names.ts";
export { promLabel, promName } from "./prom-name.ts";
