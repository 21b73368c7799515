import { GrammyError, type MiddlewareFn } from "grammy";
import { HandlingError } from "@gramwatch/otel";
import type { Clock } from "./clock.ts";
import type { BotContext } from "./context.ts";
import { rich, type Html } from "./html.ts";

export interface DeadlineOptions {
  timeoutMs: number;
  /** Aborts at the end of the drain: what is not done by then is replayed by the next process. */
  drained: AbortSignal;
  clock: Clock;
}

/**
 * Ends a handling that takes too long, so that its chat is not blocked for ever. The work behind it may go on; whatever
 * watches `ctx.signal` stops, and calls to Telegram do.
 */
export function withDeadline({ timeoutMs, drained, clock }: DeadlineOptions): MiddlewareFn<BotContext> {
  return async (ctx, next) => {
    // Not AbortSignal.any: Node keeps a record of each for as long as its oldest source lives, here the whole process.
    const controller = new AbortController();
    const { signal } = controller;
    const finished = new AbortController();
    const cut = Promise.withResolvers<never>();
    cut.promise.catch(() => {}); // nobody listens once the handling is over
    const end = (error: HandlingError): void => {
      cut.reject(error);
      controller.abort();
    };
    const drain = (): void => end(new HandlingError("shutdown", "the process ends; the update will be replayed"));
    if (drained.aborted) drain();
    else drained.addEventListener("abort", drain, { once: true });
    void clock.wait(timeoutMs, finished.signal).then(() => {
      if (!finished.signal.aborted && !drained.aborted)
        end(new HandlingError("timeout", `not handled within ${timeoutMs / 1000} s`));
    });
    ctx.signal = signal;
    ctx.api.config.use((prev, method, payload, given) => prev(method, payload, given ?? (signal as never)));
    const work = next();
    work.catch(() => {}); // after the deadline nobody else hears of it
    try {
      await Promise.race([work, cut.promise]);
    } finally {
      finished.abort(null); // without a reason it makes an error with a stack, for every update
      drained.removeEventListener("abort", drain);
    }
  };
}

/** What a user is told when something broke; the reference leads an operator to the trace. */
export const apology = (reference: string): Html =>
  rich`Sorry, something went wrong on my side. It has been reported. If you ask about it, mention <code>${reference}</code>.`;

/**
 * Telegram's answer is the user's doing and no failure of ours: blocked, muted, message deleted or unchanged, old button.
 * The texts are the server's (tdlib/telegram-bot-api:Client.cpp); the code alone says too little.
 */
export function isHarmless(error: unknown): boolean {
  if (!(error instanceof GrammyError)) return false;
  if (error.error_code === 403) return true;
  return (
    error.error_code === 400 &&
    /message is not modified|query is too old|message to (edit|delete|be replied) not found|not enough rights to send|TOPIC_CLOSED/.test(
      error.description,
    )
  );
}
