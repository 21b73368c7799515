import type { CallbackQuery, Message, User } from "@grammyjs/types";
import type { Bot, Bots } from "./bots.ts";
import type { Callbacks } from "./callbacks.ts";
import type { Chats, Conversation, PersonSpec } from "./chats.ts";
import type { Clock } from "./clock.ts";
import { findEntities } from "./entities.ts";
import type { Files } from "./files.ts";

/** Who acts, and where. */
export interface Where {
  /** Default: person 4242. Whoever is not there yet comes into being. */
  user?: number | PersonSpec;
  /** Group id; default: the private chat with `bot`. */
  chat?: number;
  /** Name or id; default: the first bot. */
  bot?: string | number;
  /** Id of the message that is answered. */
  replyTo?: number;
  /** Topic of a forum. */
  thread?: number;
}

interface PeopleDeps {
  bots: Bots;
  chats: Chats;
  callbacks: Callbacks;
  clock: Clock;
  files: Files;
}

export const you: PersonSpec = { id: 4242, first_name: "You", username: "you" };

export function createPeople({ bots, chats, callbacks, clock, files }: PeopleDeps) {
  function place(where: Where): { user: User; conversation: Conversation; bot: Bot } {
    const user = chats.person(where.user ?? you);
    const bot = bots.named(where.bot);
    if (where.chat !== undefined && where.chat < 0) return { user, bot, conversation: chats.group(where.chat) };
    bot.startedBy.add(user.id);
    return { user, bot, conversation: chats.privateChat(bot, user) };
  }

  function write(where: Where, content: object): Message {
    const { user, conversation } = place(where);
    const repliedTo = conversation.messages.find(({ message_id }) => message_id === where.replyTo);
    const message = {
      message_id: chats.nextMessageId(),
      from: user,
      chat: conversation.chat,
      date: Math.floor(clock.now() / 1000),
      ...(where.thread === undefined ? {} : { message_thread_id: where.thread, is_topic_message: true }),
      ...(repliedTo ? { reply_to_message: repliedTo } : {}),
      ...content,
    } as unknown as Message & Message.TextMessage;
    chats.store(conversation, message);
    for (const bot of conversation.members) {
      bot.knows.add(user.id);
      if (conversation.bot || isFor(bot, message)) bot.updates.push("message", message as never);
    }
    return message;
  }

  return {
    /** A person writes. In a group a bot gets commands, replies to it and its own name: privacy mode. */
    say(text: string, where: Where = {}): Message {
      const entities = findEntities({ text, entities: [] });
      return write(where, entities.length > 0 ? { text, entities } : { text });
    },

    /** `claimedSize`: what the Bot API says of its length, for the limit of getFile. */
    voice(bytes: Uint8Array, { claimedSize, ...where }: Where & { claimedSize?: number } = {}): Message {
      const file = files.add("voice", bytes, claimedSize === undefined ? {} : { size: claimedSize });
      const { file_id, file_unique_id, size } = file;
      return write(where, { voice: { file_id, file_unique_id, duration: 1, mime_type: "audio/ogg", file_size: size } });
    },

    photo(bytes: Uint8Array, where: Where = {}): Message {
      const { file_id, file_unique_id, size } = files.add("photo", bytes);
      return write(where, { photo: [{ file_id, file_unique_id, width: 640, height: 480, file_size: size }] });
    },

    /** Presses the newest button with this data, or the one under `message`. Throws when there is none. */
    press(data: string, where: Where & { message?: number } = {}): CallbackQuery {
      const { user, conversation } = place(where);
      const message = conversation.messages.findLast(
        (message) =>
          (where.message === undefined || message.message_id === where.message) &&
          (message as Message.CommonMessage).reply_markup?.inline_keyboard
            .flat()
            .some((button) => "callback_data" in button && button.callback_data === data),
      );
      const bot = conversation.bot ?? bots.all().find((bot) => bot.id === message?.from?.id);
      if (!message || !bot) throw new Error(`no button with "${data}" in chat ${conversation.chat.id}`);
      bot.knows.add(user.id);
      const query = callbacks.press(bot, user, message, data);
      bot.updates.push("callback_query", query);
      return query;
    },
  };
}

/** Privacy mode: commands without a name or with its own, mentions of it, replies to it. */
function isFor(bot: Bot, message: Message & Partial<Message.TextMessage>): boolean {
  if (message.reply_to_message?.from?.id === bot.id) return true;
  return (message.entities ?? []).some(({ type, offset, length }) => {
    const [command, name] = (message.text ?? "").slice(offset, offset + length).split("@");
    if (type === "bot_command") return name === undefined || name === bot.me.username;
    return type === "mention" && command === "" && name === bot.me.username;
  });
}

export type People = ReturnType<typeof createPeople>;
