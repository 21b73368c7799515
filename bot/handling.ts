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
    const finished = new AbortController();
    const late = new AbortController();
    const signal = AbortSignal.any([late.signal, drained]);
    const cut = new Promise<never>((_, reject) => {
      const cutOff = (): void =>
        reject(
          drained.aborted
            ? new HandlingError("shutdown", "the process ends; the update will be replayed")
            : new HandlingError("timeout", `not handled within ${timeoutMs / 1000} s`),
        );
      if (signal.aborted) cutOff();
      else signal.addEventListener("abort", cutOff, { once: true });
    });
    cut.catch(() => {}); // nobody listens once the handling is over
    void clock.wait(timeoutMs, AbortSignal.any([finished.signal, drained])).then(() => {
      if (!finished.signal.aborted && !drained.aborted) late.abort();
    });
    ctx.signal = signal;
    ctx.api.config.use((prev, method, payload, given) => prev(method, payload, given ?? (signal as never)));
    const work = next();
    work.catch(() => {}); // after the deadline nobody else hears of it
    try {
      await Promise.race([work, cut]);
    } finally {
      finished.abort();
    }
  };
}

/** What a user is told when something broke; the reference leads an operator to the trace. */
export const apology = (reference: string): Html =>
  rich`Sorry, something went wrong on my side. It has been reported. If you ask about it, mention <code>${reference}</code>.`;

/**
 * Telegram's answer is the user's doing and no failure of ours: blocked, message deleted or unchanged, old button.
 * The texts are the server's (tdlib/telegram-bot-api:Client.cpp); the code alone says too little.
 */
export function isHarmless(error: unknown): boolean {
  if (!(error instanceof GrammyError)) return false;
  if (error.error_code === 403) return true;
  return (
    error.error_code === 400 &&
    /message is not modified|query is too old|message to (edit|delete|be replied) not found/.test(error.description)
  );
}
