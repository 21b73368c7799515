import type { Button, Message } from "../state/records.ts";
import type { Channel, Route } from "./channel.ts";
import { createPost } from "./post.ts";

export interface TelegramOptions {
  /** Several are tried in turn, where the first answers nobody: the alert channel may have its own way out. */
  apiRoots: string[];
  token: string;
  chatId: number;
  threadId?: number | undefined;
}

/** Alert messages into one chat by the Bot API. The token is in the path only, and errors carry codes only. */
export function createTelegramChannel({ apiRoots, token, chatId, threadId }: TelegramOptions): Channel {
  const { post, close } = createPost();
  let preferred = 0;

  async function call(method: string, params: object, signal: AbortSignal) {
    for (let tried = 1; ; tried++) {
      const answer = await post(`${apiRoots[preferred]}/bot${token}/${method}`, {
        body: JSON.stringify(params),
        signal,
      });
      if (answer.answered || answer.written || tried >= apiRoots.length) return answer;
      preferred = (preferred + 1) % apiRoots.length; // nobody there: certainly not sent
    }
  }

  return {
    name: "telegram",
    dialect: "telegram",
    edits: true,
    digests: true,
    // https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    pace: { everyMs: 1000, perMinute: chatId < 0 ? 20 : 60 },
    send: (message, route, signal) =>
      message.edit === null
        ? call(
            "sendMessage",
            { ...target(chatId, threadId, route), ...bodyOf(message, route), ...replyOf(message) },
            signal,
          )
        : call(
            "editMessageText",
            { chat_id: route.movedTo ?? chatId, message_id: message.edit, ...bodyOf(message, route) },
            signal,
          ),
    close,
  };
}

const target = (chatId: number, threadId: number | undefined, route: Route) => ({
  chat_id: route.movedTo ?? chatId,
  // The General topic has no id that a message may name.
  ...(threadId === undefined || threadId === 1 || route.withoutThread ? {} : { message_thread_id: threadId }),
});

function bodyOf(message: Message, route: Route) {
  const quiet = { link_preview_options: { is_disabled: true }, disable_notification: message.silent };
  if (route.plain) return { text: clipUnits(message.plain, 3500), ...quiet };
  const keyboard = message.buttons.map((row) => row.map(buttonOf));
  // An empty keyboard is sent with an edit too: that is how the buttons of a closed incident go.
  const markup = keyboard.length > 0 || message.edit !== null ? { reply_markup: { inline_keyboard: keyboard } } : {};
  const { disable_notification, ...preview } = quiet;
  return {
    text: message.html,
    parse_mode: "HTML",
    ...preview,
    ...(message.edit === null ? { disable_notification } : {}),
    ...markup,
  };
}

const buttonOf = ({ text, url, data }: Button) => (url === undefined ? { text, callback_data: data } : { text, url });

const replyOf = ({ replyTo }: Message) =>
  replyTo === null ? {} : { reply_parameters: { message_id: replyTo, allow_sending_without_reply: true } };

const clipUnits = (text: string, units: number) => text.slice(0, units).toWellFormed();
