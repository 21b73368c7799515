import { performance } from "node:perf_hooks";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { attributes } from "./names.ts";
import type { Telemetry } from "./start.ts";

const SLOW_MS = 5;

/**
 * Runs a synchronous SQLite call; one slower than 5 ms or failed leaves a span, made afterwards (a synchronous call has
 * no children). `operation` and `table` are constants of the program, never parts of a statement's values.
 */
export function observeSql<T>(
  telemetry: Telemetry,
  { operation, table }: { operation: string; table: string },
  call: () => T,
  monotonic: () => number = () => performance.now(),
): T {
  const startedMs = monotonic();
  const span = (error: boolean): void => {
    const durationMs = monotonic() - startedMs;
    if (!error && durationMs <= SLOW_MS) return;
    const endTime = Date.now();
    const made = telemetry.tracer.startSpan(`${operation} ${table}`, {
      kind: SpanKind.CLIENT,
      startTime: endTime - durationMs,
      attributes: {
        [attributes.dbSystem]: "sqlite",
        [attributes.dbOperation]: operation,
        [attributes.dbCollection]: table,
        ...(error && { [attributes.errorType]: "storage" }),
      },
    });
    if (error) made.setStatus({ code: SpanStatusCode.ERROR });
    made.end(endTime);
  };
  try {
    const result = call();
    span(false);
    return result;
  } catch (error) {
    span(true);
    throw error;
  }
}
