import { AsyncLocalStorage } from "node:async_hooks";
import type { Link, SpanContext } from "@opentelemetry/api";
import { TraceFlags } from "@opentelemetry/api";
import type { HandlingReason } from "./names.ts";
import { rootSpanId, shortReference } from "./reference.ts";

/** What is known of an update before it is handled. */
export interface AboutUpdate {
  /** 32 hex digits, drawn when the update was committed; default: a new one. */
  correlationId?: string;
  /** Handled before, by a process that did not finish. */
  replayed?: boolean;
  /** Brought by a getUpdates that `observeApi` saw. */
  polled?: boolean;
  /** The getUpdates that brought it. */
  pollSpan?: SpanContext;
}

/** One handling of an update, from the middleware to the last log line in it. */
export interface UpdateScope {
  readonly correlationId: string;
  /** From the bot's handler table, never from user input. */
  handler: string;
  failure: { reason: HandlingReason; error: unknown } | undefined;
  /** Spans of steps that are worth a span only where the handling fails. */
  readonly ifItFails: (() => void)[];
}

/** Also there with telemetry off, unlike OpenTelemetry's own context. */
export const scopes = new AsyncLocalStorage<Pick<UpdateScope, "correlationId"> & Partial<UpdateScope>>();

const known = new WeakMap<object, AboutUpdate>();
const handled = new WeakMap<object, UpdateScope>();

/** Tells the middleware what is known of this very update object before it is handled. */
export function aboutUpdate(update: object, about: AboutUpdate): void {
  known.set(update, { ...known.get(update), ...about });
}

/** What `aboutUpdate` told of this very update object. */
export const whatIsKnownOf = (update: object): AboutUpdate | undefined => known.get(update);
export const remember = (update: object, scope: UpdateScope): void => void handled.set(update, scope);

interface HasUpdate {
  update: object;
}

/** The correlation id of the update in hand; undefined outside `observeUpdates`. */
export const correlationIdOf = (ctx: HasUpdate): string | undefined => handled.get(ctx.update)?.correlationId;

/** What the user sees in an error reply: the first 8 digits of the correlation id, `--------` where there is none. */
export const referenceOf = (ctx: HasUpdate): string => shortReference(correlationIdOf(ctx) ?? "--------");

/** Says which handler works on this update; a name from a fixed table, for it becomes a label. */
export function handledBy(ctx: HasUpdate, handler: string): void {
  const scope = handled.get(ctx.update);
  if (scope) scope.handler = handler;
}

/** Says that the handling failed although the error was caught (an error boundary that replied). The first one counts. */
export function handlingFailed(ctx: HasUpdate, reason: HandlingReason, error: unknown): void {
  const scope = handled.get(ctx.update);
  if (scope) scope.failure ??= { reason, error };
}

/** A link to the first root span of an update, from its correlation id alone. */
export const linkTo = (correlationId: string): Link => ({
  context: { traceId: correlationId, spanId: rootSpanId(correlationId), traceFlags: TraceFlags.SAMPLED },
});
