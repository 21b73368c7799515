import { performance } from "node:perf_hooks";
import type { Attributes, Context, SpanContext, TimeInput } from "@opentelemetry/api";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context } from "@opentelemetry/api";
import { describeSpan } from "./describe-span.ts";
import { createHistogram } from "./instruments.ts";
import { methodName } from "./methods.ts";
import type { ApiReason, StatusCode } from "./names.ts";
import { attributes, metrics } from "./names.ts";
import { reasonOf, statusLabel } from "./reason.ts";
import type { Telemetry } from "./start.ts";

/** What came of one attempt of a Bot API call. */
export interface CallResult {
  /** HTTP status, which is Telegram's `error_code`; undefined: nobody answered. */
  status?: number | undefined;
  /** Undefined: success. */
  reason?: ApiReason | undefined;
  retryAfterSeconds?: number | undefined;
}

/**
 * Spans and durations of Bot API calls, one per attempt, for whoever makes them: grammY's transformer, the sidecar's
 * channel. Made here and not by HTTP instrumentation, which would name every span POST and put the token into it.
 */
export function createApiCalls(telemetry: Telemetry, apiRoot: string, now: () => number = Date.now) {
  const duration = createHistogram(telemetry.meter, metrics.callDuration);
  const url = URL.parse(apiRoot);
  const server: Attributes = {
    [attributes.serverAddress]: url?.hostname ?? apiRoot,
    [attributes.serverPort]: Number(url?.port) || (url?.protocol === "http:" ? 80 : 443),
  };

  function record(method: string, result: CallResult, started: Started): Attributes {
    const labels = callLabels(method, result);
    duration.record(started.elapsedMs() / 1000, labels);
    return labels;
  }

  function finish(
    { method, result, started, labels }: { method: string; result: CallResult; started: Started; labels: Attributes },
    parent: Context,
    batch?: number,
  ): SpanContext {
    const described: Attributes = { ...server, ...labels };
    if (batch !== undefined) described[attributes.batchCount] = batch;
    if (result.retryAfterSeconds !== undefined) described[attributes.retryAfter] = result.retryAfterSeconds;
    const span = telemetry.tracer.startSpan(method, { kind: SpanKind.CLIENT, startTime: started.at }, parent);
    describeSpan(span, described);
    if (result.reason !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(started.endAt());
    return span.spanContext();
  }

  const start = (): Started => {
    const at = now();
    const fromMs = performance.now();
    return { at, elapsedMs: () => performance.now() - fromMs, endAt: () => at + performance.now() - fromMs };
  };

  return {
    start,
    /** Records an attempt that began at `started` as a child of the active span. */
    ended(method: string, result: CallResult, started: Started): void {
      const name = methodName(method);
      const labels = record(name, result, started);
      finish({ method: name, result, started, labels }, context.active());
    },
    /** A getUpdates: a span of its own trace if it brought updates or failed; an empty poll every 30 s is no trace. */
    polled(result: CallResult, started: Started, updates: number): SpanContext | undefined {
      const labels = record("getUpdates", result, started);
      if (updates === 0 && result.reason === undefined) return undefined;
      return finish({ method: "getUpdates", result, started, labels }, ROOT_CONTEXT, updates);
    },
  };
}

export interface Started {
  at: TimeInput;
  elapsedMs(): number;
  endAt(): number;
}

/** The result of a call that threw: nobody answered, or the answer was no JSON. */
export function thrownResult(error: unknown): CallResult {
  const inner = (error as { error?: unknown } | undefined)?.error ?? error;
  const { status } = (inner ?? {}) as { status?: unknown };
  return { status: typeof status === "number" ? status : undefined, reason: reasonOf(error) };
}

const labels = new Map<string, Attributes>();
function callLabels(method: string, { status, reason }: CallResult): Attributes {
  const label: StatusCode | undefined = statusLabel(status);
  const key = `${method} ${label} ${reason}`;
  let found = labels.get(key);
  if (!found) {
    found = Object.freeze({
      [attributes.rpcSystem]: "telegram",
      [attributes.rpcMethod]: method,
      ...(label && { [attributes.rpcStatus]: label }),
      ...(reason && { [attributes.errorType]: reason }),
    });
    labels.set(key, found);
  }
  return found;
}
