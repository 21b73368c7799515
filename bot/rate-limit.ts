import type { MiddlewareFn } from "grammy";
import { isSpokenTo } from "./access.ts";
import { bounded } from "./bounded.ts";
import type { RateLimit } from "./config.ts";
import type { BotContext } from "./context.ts";
import { rich } from "./html.ts";

/** A bucket that refills evenly: `count` updates at once, then one every `windowMs / count`. */
export interface Bucket {
  tokens: number;
  atMs: number;
  /** The user knows that updates are being dropped. */
  told: boolean;
}

/** Takes one token; the bucket afterwards, and whether there was one. */
export function take(bucket: Bucket | undefined, { count, windowMs }: RateLimit, nowMs: number): [Bucket, boolean] {
  const { tokens, atMs, told } = bucket ?? { tokens: count, atMs: nowMs, told: false };
  const filled = Math.min(count, tokens + ((nowMs - atMs) * count) / windowMs);
  if (filled < 1) return [{ tokens: filled, atMs: nowMs, told }, false];
  return [{ tokens: filled - 1, atMs: nowMs, told: false }, true];
}

/** Drops what exceeds the limit of a user, and says so once until there is room again. */
export function rateLimited(limit: RateLimit, monotonicMs: () => number): MiddlewareFn<BotContext> {
  const buckets = bounded<number, Bucket>(10_000);
  return async (ctx, next) => {
    // Telegram gives the anonymous admins of all groups one user id.
    const id = ctx.message?.sender_chat?.id ?? ctx.from?.id;
    const makesWork = ctx.callbackQuery || ctx.message?.voice || isSpokenTo(ctx);
    if (id === undefined || !makesWork) return next();
    const [bucket, allowed] = take(buckets.get(id), limit, monotonicMs());
    buckets.set(id, allowed ? bucket : { ...bucket, told: true });
    if (allowed) return next();
    if (ctx.callbackQuery) return void (await ctx.answerCallbackQuery({ text: "Too fast. Wait a moment." }));
    if (!bucket.told) await ctx.say(rich`That was a lot at once. Give me a moment, then go on.`);
  };
}
