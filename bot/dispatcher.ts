import { sequentialize } from "@grammyjs/runner";
import type { Bot, MiddlewareFn } from "grammy";
import {
  aboutUpdate,
  correlationIdOf,
  handlingFailed,
  handlingReasonOf,
  observeUpdates,
  referenceOf,
  shortReference,
  whatIsKnownOf,
  type BotHealthState,
  type Log,
  type Telemetry,
} from "@gramwatch/otel";
import { onlyAllowed } from "./access.ts";
import type { Clock } from "./clock.ts";
import type { BotConfig } from "./config.ts";
import type { BotContext } from "./context.ts";
import type { Html } from "./html.ts";
import { apology, isHarmless, withDeadline } from "./handling.ts";
import type { InboxItem } from "./inbox/inbox.ts";
import type { createSay } from "./outbound/say.ts";
import { rateLimited } from "./rate-limit.ts";

/** Longer than the transcription of a voice note, shorter than anybody's patience. */
const HANDLING_MS = 90_000;

export interface DispatcherDeps {
  bot: Bot<BotContext>;
  routes: MiddlewareFn<BotContext>;
  say: ReturnType<typeof createSay>;
  config: Pick<BotConfig, "allowedUsers" | "rateLimit">;
  telemetry: Telemetry;
  health: BotHealthState;
  log: Log;
  clock: Clock;
  /** Aborts at the end of the drain. */
  drained: AbortSignal;
  userHashKey: Uint8Array;
  storageFailed: (error: unknown) => void;
}

/**
 * The way of one update through the bot: in line with its chat and user, traced, guarded, answered whatever happens.
 * Returned is what the inbox calls: it never rejects, and false says "cut off by the shutdown, replay it".
 */
export function createDispatcher(deps: DispatcherDeps): (item: InboxItem) => Promise<boolean> {
  const { bot, say, health, log, clock, drained } = deps;
  const cutOff = new WeakSet<object>();

  const answer = (ctx: BotContext, message: Html, signal: AbortSignal, keepWhenCut = false): Promise<void> => {
    const chatId = ctx.chat?.id;
    if (chatId === undefined) return Promise.resolve();
    const threadId = ctx.msg?.is_topic_message ? ctx.msg.message_thread_id : undefined;
    return say({ chatId, threadId, correlationId: ctx.correlationId }, message, signal, keepWhenCut);
  };

  const prepare: MiddlewareFn<BotContext> = (ctx, next) => {
    ctx.correlationId = correlationIdOf(ctx) ?? "";
    ctx.replayed = whatIsKnownOf(ctx.update)?.replayed === true;
    ctx.say = (message) => answer(ctx, message, ctx.signal);
    return next();
  };

  /** A failure ends here: the user is told, with the reference that leads to the trace. */
  const boundary: MiddlewareFn<BotContext> = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (isHarmless(error)) {
        log.info({ err: error }, "Telegram refused; not our failure");
        return;
      }
      const reason = handlingReasonOf(error);
      handlingFailed(ctx, reason, error);
      if (reason === "shutdown") {
        cutOff.add(ctx.update);
        return;
      }
      if (reason === "storage") deps.storageFailed(error);
      // Not with the signal of the handling, which may have run out; the process does not wait longer for it than for that.
      await answer(ctx, apology(referenceOf(ctx)), drained, true).catch((unsent: unknown) =>
        log.warn({ err: unsent }, "the user could not be told of the failure"),
      );
    }
  };

  bot.use(
    sequentialize((ctx) => [ctx.chat?.id, ctx.from?.id].filter((id) => id !== undefined).map(String)),
    observeUpdates({
      telemetry: deps.telemetry,
      health,
      log,
      userHashKey: deps.userHashKey,
      now: clock.now,
      monotonic: clock.monotonicMs,
    }),
    prepare,
    boundary,
    withDeadline({ timeoutMs: HANDLING_MS, drained, clock }),
    onlyAllowed(deps.config.allowedUsers),
    rateLimited(deps.config.rateLimit, clock.monotonicMs),
    deps.routes,
  );

  return async ({ update, correlationId, replayed }) => {
    aboutUpdate(update, { correlationId, replayed });
    if (replayed) health.update.replayed();
    try {
      await bot.handleUpdate(update);
    } catch (error) {
      // Only the machinery around the handlers can get here.
      health.countError("handler");
      log.error({ err: error, reference: shortReference(correlationId) }, "an update could not be dispatched");
    }
    return !cutOff.has(update);
  };
}
