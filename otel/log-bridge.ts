import type { Attributes, HrTime } from "@opentelemetry/api";
import type { DestinationStream, Logger } from "pino";
import type { DescribedError } from "./describe-error.ts";
import { describeError } from "./describe-error.ts";
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
const allowed: ReadonlySet<string> = new Set(logFields);

/** What pino leaves on a stream with this mark before it writes: the log call itself, before it became text. */
const METADATA = Symbol.for("pino.metadata");
interface LogCall {
  lastLevel: number;
  lastObj: Record<string, unknown>;
  lastMsg: string | undefined;
  lastTime: string;
  lastLogger: Logger;
}

/**
 * pino log call → OTel log record, in the same tick, so that the active context is that of the call. Read from the call
 * and not from the line, which would have to be parsed again. Only the fields of `names.ts` go out, each redacted.
 */
export function createBridge({ logger }: Pick<Telemetry, "logger">): DestinationStream {
  const safely = createSafely("exporting a log line");
  const distinct = createDistinctTimes();
  const bound = new WeakMap<Logger, Attributes>();
  /** What a logger says with every line. */
  const boundTo = (source: Logger): Attributes => {
    let found = bound.get(source);
    if (found === undefined) bound.set(source, (found = exportable(source.bindings())));
    return found;
  };

  function emit({ lastLevel, lastObj: fields, lastMsg, lastTime, lastLogger }: LogCall): void {
    const [severityNumber, severityText] = SEVERITIES[lastLevel] ?? [0, String(lastLevel)];
    const exported = exportable(fields, boundTo(lastLogger));
    const thrown = fields["err"] ?? fields["error"];
    if (thrown !== undefined) {
      const described = describeError(thrown);
      exported[attributes.exceptionType] = described.type;
      exported[attributes.exceptionMessage] = described.message;
      exported[attributes.exceptionStack] = stackOf(described).slice(0, LONGEST);
    }
    const event = fields["event"];
    logger.emit({
      timestamp: distinct(Number(lastTime)),
      severityNumber,
      severityText,
      body: redactFreeText(lastMsg ?? "").slice(0, LONGEST),
      attributes: exported,
      ...(typeof event === "string" && { eventName: event }),
    });
  }

  const stream = { [METADATA]: true, write: () => safely(() => emit(stream as unknown as LogCall)) };
  return stream;
}

/**
 * Milliseconds → seconds and nanoseconds, another nanosecond for each line of the same millisecond. Loki takes two lines
 * of one stream with the same time and text for one, whatever their other fields, and a burst of updates is such lines.
 */
function createDistinctTimes(): (ms: number) => HrTime {
  let lastMs = 0;
  let sameMs = 0;
  return (ms) => {
    sameMs = ms === lastMs ? sameMs + 1 : 0;
    lastMs = ms;
    return [Math.floor(ms / 1000), (ms % 1000) * 1_000_000 + Math.min(sameMs, 999_999)];
  };
}

function exportable(fields: Record<string, unknown>, beside: Attributes = {}): Attributes {
  const exported: Attributes = { ...beside };
  for (const field in fields) {
    const value = fields[field];
    if (!allowed.has(field)) continue;
    if (typeof value === "string") exported[field] = redactFreeText(value).slice(0, LONGEST);
    else if (typeof value === "number" || typeof value === "boolean") exported[field] = value;
  }
  return exported;
}

/** The stack with those of its causes: "Network request failed!" alone explains nothing. */
function stackOf({ type, message, stack, cause }: DescribedError): string {
  const own = stack ?? `${type}: ${message}`;
  return cause === undefined ? own : `${own}\nCaused by: ${stackOf(cause)}`;
}
