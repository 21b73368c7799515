import type { BotContext } from "../context.ts";

/** One command of the bot; the table of them makes the routing, /help and the menu in the Telegram app. */
export interface Command {
  /** As typed, without the slash. */
  name: string;
  /** One line for /help and the menu. */
  summary: string;
  /** Arguments as /help shows them. */
  usage?: string;
  /** Who sees it and may use it. */
  audience: "everyone" | "admins";
  run: (ctx: BotContext, argument: string) => Promise<void>;
}
