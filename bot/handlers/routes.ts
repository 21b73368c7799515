import { Composer, type Filter, type FilterQuery, type MiddlewareFn } from "grammy";
import type { BotContext } from "../context.ts";
import { rich } from "../html.ts";
import type { Command } from "./command.ts";

export interface RouteDeps {
  commands: readonly Command[];
  isAdmin: (userId: number | undefined) => boolean;
  /** Names the handler on the span and the metrics of the update. */
  named: (ctx: BotContext, handler: string) => void;
  voice?: ((ctx: Filter<BotContext, "message:voice">) => Promise<void>) | undefined;
  migrated?: ((ctx: Filter<BotContext, "message:migrate_to_chat_id">) => Promise<void>) | undefined;
  callback?: ((ctx: Filter<BotContext, "callback_query:data">) => Promise<void>) | undefined;
}

/** What a person says; a pin, a call or a changed timer is Telegram's own note. */
const SAID: FilterQuery[] = [
  "message:text",
  "message:file",
  "message:contact",
  "message:location",
  "message:poll",
  "message:dice",
  "message:story",
];

/** Which handler gets which update. */
export function createRoutes({ commands, isAdmin, named, voice, migrated, callback }: RouteDeps): Composer<BotContext> {
  const routes = new Composer<BotContext>();
  for (const { name, audience, run } of commands) {
    routes.chatType(["private", "group", "supergroup"]).command(name, async (ctx) => {
      named(ctx, name);
      if (audience === "admins" && !isAdmin(ctx.from?.id))
        return ctx.say(rich`Only the operators of this bot may do that.`);
      await run(ctx, ctx.match.trim());
    });
  }
  const answer =
    <C extends BotContext>(handler: string, run: ((ctx: C) => Promise<void>) | undefined): MiddlewareFn<C> =>
    (ctx, next) => {
      if (run === undefined) return next();
      named(ctx, handler);
      return run(ctx);
    };
  routes.on("message:voice", answer("voice", voice));
  routes.on("message:migrate_to_chat_id", answer("migrated", migrated));
  routes.on("callback_query:data", answer("button", callback));
  routes.on(
    "callback_query",
    answer("button", async (ctx) => void (await ctx.answerCallbackQuery())),
  );
  // In a group most messages are not for the bot.
  routes.chatType("private").on(
    SAID,
    answer("unknown", (ctx) => ctx.say(rich`I did not understand that. /help shows what I can do.`)),
  );
  return routes;
}
