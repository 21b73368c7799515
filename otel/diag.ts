import type { DiagAPI, DiagLogLevel } from "@opentelemetry/api";
import type { DestinationStream } from "pino";
import { pino } from "pino";
import { createRuns } from "./runs.ts";

/**
 * What OpenTelemetry says about itself goes to stdout only: a failing log exporter must not log into itself. Of equal
 * sentences the 1st, 2nd, 4th, 8th … are written.
 */
export function attachDiag(
  diag: DiagAPI,
  level: DiagLogLevel,
  destination: DestinationStream,
  name: string | undefined,
): void {
  const log = pino(
    { level: "trace", base: { ...(name !== undefined && { name }), component: "opentelemetry" } },
    destination,
  );
  const runs = createRuns();
  const say =
    (level: "error" | "warn" | "info" | "debug" | "trace") =>
    (message: unknown, ...rest: unknown[]): void => {
      const text = [message, ...rest].map(textOf).join(" ").slice(0, 1000);
      const times = runs.failed(text);
      if (times !== undefined) log[level](times === 1 ? {} : { count: times }, text);
    };
  diag.setLogger(
    { error: say("error"), warn: say("warn"), info: say("info"), debug: say("debug"), verbose: say("trace") },
    { logLevel: level, suppressOverrideMessage: true },
  );
}

// Exporter errors come as JSON text with a stack; objects may hold the batch itself.
const textOf = (value: unknown): string =>
  value instanceof Error ? value.message : typeof value === "string" ? value : typeof value;
