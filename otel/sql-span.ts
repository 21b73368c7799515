import { performance } from "node:perf_hooks";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { attributes } from "./names.ts";
import { scopes } from "./scope.ts";
import type { Telemetry } from "./start.ts";

const SLOW_MS = 5;
/** Calls kept per update until it is known whether it failed. */
const KEPT = 32;

/**
 * Runs a synchronous SQLite call. One that is slower than 5 ms or failed leaves a span, made afterwards (a synchronous
 * call has no children); the quick ones of an update leave theirs only if its handling fails: whoever looks at a failure
 * sees every step, and a success pays for none. `operation` and `table` are constants of the program, never parts of a statement's values.
 */
export function observeSql<T>(
  telemetry: Telemetry,
  { operation, table }: { operation: string; table: string },
  call: () => T,
  monotonic: () => number = () => performance.now(),
): T {
  // Whole milliseconds, as the span around it begins: a time counted back from the end could lie before that.
  const startTime = Date.now();
  const startedMs = monotonic();
  const span = (error: boolean): void => {
    const durationMs = monotonic() - startedMs;
    const make = (): void => {
      const made = telemetry.tracer.startSpan(`${operation} ${table}`, {
        kind: SpanKind.CLIENT,
        startTime,
        attributes: {
          [attributes.dbSystem]: "sqlite",
          [attributes.dbOperation]: operation,
          [attributes.dbCollection]: table,
          ...(error && { [attributes.errorType]: "storage" }),
        },
      });
      if (error) made.setStatus({ code: SpanStatusCode.ERROR });
      made.end(startTime + durationMs);
    };
    if (error || durationMs > SLOW_MS) return make();
    const kept = scopes.getStore()?.ifItFails;
    if (kept !== undefined && kept.length < KEPT) kept.push(make);
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
