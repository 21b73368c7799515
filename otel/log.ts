import { INVALID_TRACEID, context, diag, trace } from "@opentelemetry/api";
import type { DestinationStream, Logger } from "pino";
import { pino } from "pino";
import { attachDiag } from "./diag.ts";
import { describeError } from "./describe-error.ts";
import { createBridge } from "./log-bridge.ts";
import { createPrettyStream } from "./log-pretty.ts";
import { attributes } from "./names.ts";
import { redactFreeText } from "./redact.ts";
import { scopes } from "./scope.ts";
import type { Telemetry } from "./start.ts";

export interface LogOptions {
  /** Lines go to OTLP as well, if it runs. */
  telemetry?: Telemetry;
  level?: string;
  /** `json` (default), or `pretty` for a terminal. */
  format?: "json" | "pretty";
  /** `bot`, `sidecar`: which part speaks. */
  name?: string;
  /** Default: stdout, asynchronous and bounded. */
  destination?: DestinationStream;
}

export type Log = Logger & {
  /** Lines that a full pipe made us drop, since the start. */
  dropped(): number;
};

const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * A pino logger whose lines carry trace, span and correlation ids, have passed redaction, and go to stdout and to OTLP.
 * A full pipe drops lines and counts them; it never blocks the event loop.
 */
export function createLog(options: LogOptions = {}): Log {
  let dropped = 0;
  const stdout = options.destination ?? boundedStdout(() => void dropped++);
  const redacted: DestinationStream = { write: (line) => stdout.write(redactFreeText(line)) };
  // In this order: a line that has lost a number's digits can no longer be parsed.
  const shown = options.format === "pretty" ? createPrettyStream(redacted) : redacted;
  const bridge = options.telemetry?.enabled
    ? [{ level: "trace" as const, stream: createBridge(options.telemetry) }]
    : [];
  const logger = pino(
    {
      level: options.level ?? "info",
      base: options.name === undefined ? {} : { name: options.name },
      serializers: { err: describeError, error: describeError },
      mixin: correlation,
    },
    pino.multistream([{ level: "trace", stream: shown }, ...bridge]),
  );
  if (options.telemetry?.enabled) attachDiag(diag, options.telemetry.diagLevel, shown, options.name);
  const flush = "flushSync" in stdout ? () => (stdout as { flushSync(): void }).flushSync() : () => {};
  return Object.assign(logger, {
    dropped: () => dropped,
    flush: (done?: (error?: Error) => void) => {
      flush();
      done?.();
    },
  });
}

function correlation(): object {
  const spanContext = trace.getSpanContext(context.active());
  const scope = scopes.getStore();
  if (spanContext === undefined && scope === undefined) return {};
  return {
    ...(spanContext !== undefined &&
      spanContext.traceId !== INVALID_TRACEID && {
        trace_id: spanContext.traceId,
        span_id: spanContext.spanId,
        trace_flags: `0${spanContext.traceFlags.toString(16)}`,
      }),
    ...(scope && { [attributes.correlationId]: scope.correlationId }),
  };
}

function boundedStdout(onDrop: () => void): DestinationStream & { flushSync(): void } {
  const stream = pino.destination({
    dest: 1,
    sync: false,
    // Each write wakes another thread. Just under what is written at once, so that none is split.
    minLength: 15 * 1024,
    periodicFlush: 1000,
    maxLength: MAX_BUFFERED_BYTES,
    // As text, what waits would be joined and measured again with each line.
    contentMode: "buffer",
  });
  stream.on("drop", onDrop);
  // Whoever reads us has gone (EPIPE): the bot goes on without its lines.
  stream.on("error", () => {});
  return {
    write: (line: string) => void (stream as unknown as { write(bytes: Buffer): boolean }).write(Buffer.from(line)),
    flushSync: () => stream.flushSync(),
  };
}
