import type { CallbackQuery, Message, User } from "@grammyjs/types";
import type { Bot } from "./bots.ts";
import type { Params } from "./params.ts";
import { badRequest } from "./refusals.ts";

/** What the person sees after pressing a button. */
export interface CallbackAnswer {
  id: string;
  bot: string;
  user: number;
  text?: string;
  show_alert: boolean;
}

const keptAnswers = 1_000;

/** Presses that wait for their one answer. They do not expire. */
export function createCallbacks() {
  const open = new Map<string, { bot: Bot; user: User }>();
  const answers: CallbackAnswer[] = [];
  let lastId = 0;

  return {
    /** A press, as the update's body. */
    press(bot: Bot, user: User, message: Message, data: string): CallbackQuery {
      const id = String(++lastId);
      open.set(id, { bot, user });
      return { id, from: user, message, chat_instance: String(message.chat.id), data };
    },

    answer(bot: Bot, params: Params): true {
      const id = params.text("callback_query_id") ?? "";
      const press = open.get(id);
      if (press?.bot !== bot) {
        throw badRequest("query is too old and response timeout expired or query ID is invalid");
      }
      const text = params.text("text");
      if (text !== undefined && Array.from(text).length > 200) throw badRequest("MESSAGE_TOO_LONG");
      open.delete(id);
      answers.push({
        id,
        bot: bot.name,
        user: press.user.id,
        ...(text === undefined ? {} : { text }),
        show_alert: params.flag("show_alert"),
      });
      if (answers.length > keptAnswers) answers.shift();
      return true;
    },

    answers: () => [...answers],
  };
}

export type Callbacks = ReturnType<typeof createCallbacks>;
