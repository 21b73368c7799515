import type { Attributes } from "@opentelemetry/api";
import type { DestinationStream } from "pino";
import type { DescribedError } from "./describe-error.ts";
import { attributes, logFields } from "./names.ts";
import { redactFreeText } from "./redact.ts";
import { createSafely } from "./safely.ts";
import type { Telemetry } from "./start.ts";

const SEVERITIES: Readonly<Record<number, readonly [number, string]>> = {
  10: [1, "TRACE"],
  20: [5, "DEBUG"],
  30: [9, "INFO"],
  40: [13, "WARN"],
  50: [17, "ERROR"],
  60: [21, "FATAL"],
};
const LONGEST = 4096;

/**
 * pino line → OTel log record, in the same tick, so that the active context is that of the log call. It sees what the
 * serializers left; only the fields of `names.ts` go out.
 */
export function createBridge(telemetry: Pick<Telemetry, "logger">): DestinationStream {
  const safely = createSafely("exporting a log line");
  return { write: (text) => safely(() => emit(telemetry, JSON.parse(text) as Record<string, unknown>)) };
}

function emit({ logger }: Pick<Telemetry, "logger">, line: Record<string, unknown>): void {
  const [severityNumber, severityText] = SEVERITIES[Number(line["level"])] ?? [0, String(line["level"])];
  const exported: Attributes = {};
  for (const field of logFields) {
    const value = line[field];
    if (typeof value === "string") exported[field] = redactFreeText(value).slice(0, LONGEST);
    else if (typeof value === "number" || typeof value === "boolean") exported[field] = value;
  }
  const error = (line["err"] ?? line["error"]) as DescribedError | undefined;
  if (error?.type !== undefined) {
    exported[attributes.exceptionType] = error.type;
    exported[attributes.exceptionMessage] = error.message;
    if (error.stack !== undefined) exported[attributes.exceptionStack] = error.stack;
  }
  const event = line["event"];
  logger.emit({
    timestamp: Number(line["time"]),
    severityNumber,
    severityText,
    body: redactFreeText(typeof line["msg"] === "string" ? line["msg"] : "").slice(0, LONGEST),
    attributes: exported,
    ...(typeof event === "string" && { eventName: event }),
  });
}
