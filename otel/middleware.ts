import { performance } from "node:perf_hooks";
import type { Attributes, Context as OtelContext, Link, Span } from "@opentelemetry/api";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import type { Context, MiddlewareFn } from "grammy";
import type { Logger } from "pino";
import type { Handling } from "./counts.ts";
import { describeSpan } from "./describe-span.ts";
import type { BotHealthState } from "./health.ts";
import { createHistogram } from "./instruments.ts";
import type { HandlingReason, UpdateType } from "./names.ts";
import { attributes, events, metrics, updateTypes } from "./names.ts";
import { handlingReasonOf } from "./reason.ts";
import { newCorrelationId } from "./reference.ts";
import type { UpdateScope } from "./scope.ts";
import { createSafely } from "./safely.ts";
import { linkTo, remember, scopes, whatIsKnownOf } from "./scope.ts";
import type { Telemetry } from "./start.ts";
import { createUserHash } from "./user-hash.ts";

export interface UpdatesOptions {
  telemetry: Telemetry;
  health: BotHealthState;
  log: Logger;
  /** Key of `user.hash`; default: one per process. */
  userHashKey?: Uint8Array;
  /** An update that no observed getUpdates brought came by webhook: count it and read health from that. */
  webhooks?: boolean;
  /** Records message texts on the span. For development only; the product never sets it. */
  recordText?: boolean;
  now?: () => number;
  monotonic?: () => number;
}

const types: ReadonlySet<string> = new Set(updateTypes);

/** The type of an update: the one field beside `update_id` that the Bot API documents, else `unknown`. */
export function updateTypeOf(update: object): UpdateType {
  for (const key in update) if (types.has(key)) return key as UpdateType;
  return "unknown";
}

/**
 * grammY middleware, to be installed first: one root span `process <type>` per handling, whose trace id is the
 * update's correlation id; duration and lag; one log line. What a handler throws is recorded and thrown on.
 */
export function observeUpdates(options: UpdatesOptions): MiddlewareFn {
  const { telemetry, health, log } = options;
  const now = options.now ?? Date.now;
  const monotonic = options.monotonic ?? (() => performance.now());
  const userHash = createUserHash(options.userHashKey);
  const safely = createSafely("observing an update");
  const duration = createHistogram(telemetry.meter, metrics.processDuration);
  const lag = createHistogram(telemetry.meter, metrics.lag);

  interface Begun {
    scope: UpdateScope;
    span: Span;
    active: OtelContext;
    handling: Handling;
    type: UpdateType;
    updateId: number;
    startedMs: number;
  }

  function begin(ctx: Context): Begun {
    const { update } = ctx;
    const about = whatIsKnownOf(update) ?? {};
    const correlationId = about.correlationId ?? newCorrelationId();
    const scope: UpdateScope = { correlationId, handler: "none", failure: undefined, ifItFails: [] };
    remember(update, scope);
    const type = updateTypeOf(update);
    if (options.webhooks && about.polled !== true) {
      health.webhook.on();
      health.update.received(type);
    }
    const links: Link[] = [];
    if (about.pollSpan) links.push({ context: about.pollSpan });
    if (about.replayed) links.push(linkTo(correlationId));
    const start = () => telemetry.tracer.startSpan(`process ${type}`, { kind: SpanKind.CONSUMER, links }, ROOT_CONTEXT);
    const span = about.replayed ? start() : telemetry.ids.with(correlationId, start);
    describeSpan(span, describe(ctx, type, scope, about.replayed));
    if (options.recordText && ctx.msg?.text !== undefined) span.setAttribute("telegram.message.text", ctx.msg.text);
    const date = dateOf(ctx, type);
    if (date !== undefined) lag.record(Math.max(0, Math.floor(now() / 1000) - date), { [attributes.updateType]: type });
    return {
      scope,
      span,
      active: trace.setSpan(ROOT_CONTEXT, span),
      handling: health.update.started(),
      type,
      updateId: ctx.update.update_id,
      startedMs: monotonic(),
    };
  }

  function describe(ctx: Context, type: UpdateType, scope: UpdateScope, replayed = false): Attributes {
    const described: Attributes = {
      [attributes.system]: "telegram",
      [attributes.operationName]: "process",
      [attributes.operationType]: "process",
      [attributes.updateType]: type,
      [attributes.messageId]: String(ctx.update.update_id),
      [attributes.updateId]: ctx.update.update_id,
      [attributes.correlationId]: scope.correlationId,
    };
    if (ctx.chat) described[attributes.chatType] = ctx.chat.type;
    if (ctx.from) described[attributes.userHash] = userHash(ctx.from.id);
    if (replayed) described[attributes.replayed] = true;
    return described;
  }

  function end({ scope, span, active, handling, type, updateId, startedMs }: Begun): void {
    const reason = scope.failure?.reason;
    const durationMs = monotonic() - startedMs;
    health.update.ended(handling, reason);
    span.setAttribute(attributes.handler, scope.handler);
    if (reason !== undefined) {
      for (const makeSpan of scope.ifItFails) makeSpan();
      span.setAttribute(attributes.errorType, reason);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    duration.record(durationMs / 1000, durationLabels(type, scope.handler, reason), active);
    const line = {
      event: reason === undefined ? events.handled : events.failed,
      [attributes.updateType]: type,
      [attributes.updateId]: updateId,
      [attributes.handler]: scope.handler,
      outcome: reason ?? "ok",
      duration_ms: Math.round(durationMs * 100) / 100,
    };
    // The record is the exception: there is no span event beside it.
    if (reason === undefined || reason === "shutdown") log.info(line, "update handled");
    else log.error({ ...line, err: scope.failure?.error }, "update failed");
    span.end();
  }

  return async function observeUpdate(ctx, next) {
    const begun = safely(() => begin(ctx));
    if (!begun) return next();
    await context.with(begun.active, () =>
      scopes.run(begun.scope, async () => {
        try {
          await next();
        } catch (error) {
          begun.scope.failure ??= { reason: handlingReasonOf(error), error };
          throw error;
        } finally {
          safely(() => end(begun));
        }
      }),
    );
  };
}

const labels = new Map<string, Attributes>();
/** One frozen object per label set: nothing is built per update. */
function durationLabels(type: UpdateType, handler: string, reason: HandlingReason | undefined): Attributes {
  const key = `${type} ${handler} ${reason}`;
  let found = labels.get(key);
  if (!found) {
    found = Object.freeze({
      [attributes.system]: "telegram",
      [attributes.operationName]: "process",
      [attributes.updateType]: type,
      [attributes.handler]: handler,
      ...(reason && { [attributes.errorType]: reason }),
    });
    labels.set(key, found);
  }
  return found;
}

// An edit has the date of the first version; what counts is when it was edited. Whatever becomes of a business
// connection has the date of its beginning.
function dateOf(ctx: Context, type: UpdateType): number | undefined {
  if (type === "business_connection") return undefined;
  const subject = ctx.update[type as "message"] as { date?: number; edit_date?: number } | undefined;
  return subject?.edit_date ?? subject?.date;
}
