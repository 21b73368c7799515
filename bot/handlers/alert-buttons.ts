import type { Filter } from "grammy";
import type { Logger } from "pino";
import type { BotContext } from "../context.ts";
import { rich } from "../html.ts";
import { SidecarRefusal, type SidecarClient } from "../sidecar-client.ts";
import { nameOf } from "./admin.ts";

type Press = (sidecar: SidecarClient, id: string, by: string, signal: AbortSignal) => Promise<void>;

const ACTIONS: Record<string, { toast: string; press: Press }> = {
  a: { toast: "Acknowledging…", press: (sidecar, id, by, signal) => sidecar.ack(id, by, signal) },
  s1: { toast: "Silencing for 1 hour…", press: (sidecar, id, by, signal) => sidecar.silence(id, "1h", by, signal) },
  s8: { toast: "Silencing for 8 hours…", press: (sidecar, id, by, signal) => sidecar.silence(id, "8h", by, signal) },
  u: { toast: "Taking it back…", press: (sidecar, id, by, signal) => sidecar.undo(id, by, signal) },
};

export interface ButtonDeps {
  sidecar: SidecarClient;
  isAdmin: (userId: number | undefined) => boolean;
  log: Logger;
}

/**
 * The buttons under the sidecar's alerts (`action|incident|nonce`). They reach the bot when both share one token. The
 * press is answered before the work, because Telegram shows a spinner and forgets the query after a while.
 */
export function createAlertButtons({ sidecar, isAdmin, log }: ButtonDeps) {
  return async (ctx: Filter<BotContext, "callback_query:data">): Promise<void> => {
    const [, action = "", id = ""] = /^(\w{1,2})\|(\w{1,16})\|/.exec(ctx.callbackQuery.data) ?? [];
    const known = ACTIONS[action];
    if (known === undefined) return void (await ctx.answerCallbackQuery());
    if (!isAdmin(ctx.from.id)) {
      log.warn("an alert button was pressed by somebody who is not in BOT_ADMINS");
      return void (await ctx.answerCallbackQuery({ text: "Only the operators of this bot may do that." }));
    }
    // The press counts, not its toast, which comes too late when the bot was away.
    await ctx.answerCallbackQuery({ text: known.toast }).catch(() => {});
    try {
      await known.press(sidecar, id, nameOf(ctx), ctx.signal);
    } catch (error) {
      if (!(error instanceof SidecarRefusal)) throw error;
      // Over by now, most likely; a query can be answered once only, so this comes as a message.
      await ctx.say(rich`<code>${id}</code>: ${error.message}`);
    }
  };
}
