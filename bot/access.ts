import type { MiddlewareFn } from "grammy";
import type { BotContext } from "./context.ts";
import { rich } from "./html.ts";
import { bounded } from "./bounded.ts";

/** In a group most messages are not for the bot. */
export const isSpokenTo = (ctx: BotContext): boolean =>
  ctx.chat?.type === "private" || ctx.message?.text?.startsWith("/") === true;

/** Lets nobody but the allowed users in; an empty set means everyone. The others get one polite refusal each. */
export function onlyAllowed(allowed: ReadonlySet<number>): MiddlewareFn<BotContext> {
  const refused = bounded<number, true>(10_000);
  return async (ctx, next) => {
    const id = ctx.from?.id;
    if (allowed.size === 0 || id === undefined || allowed.has(id)) return next();
    if (ctx.callbackQuery) return void (await ctx.answerCallbackQuery({ text: "This bot is private." }));
    if (!isSpokenTo(ctx) || refused.get(id)) return;
    refused.set(id, true);
    // The id of all anonymous admins, everywhere: it must not be let in.
    if (ctx.message?.sender_chat)
      return ctx.say(rich`Sorry, this bot is private. If you should have access, write to it as yourself.`);
    await ctx.say(rich`Sorry, this bot is private. If you should have access, give its owner your user id: ${id}`);
  };
}
