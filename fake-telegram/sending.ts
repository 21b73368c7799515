import type { InlineKeyboardMarkup, Message } from "@grammyjs/types";
import type { Bot } from "./bots.ts";
import type { Chats, Conversation } from "./chats.ts";
import type { Clock } from "./clock.ts";
import { finishFormatted, readFormatted } from "./formatted.ts";
import type { FormattedText } from "./html.ts";
import type { SendLimits } from "./limits.ts";
import { checkMarkup, readMarkup } from "./markup.ts";
import type { Params } from "./params.ts";
import { badRequest } from "./refusals.ts";
import { structured } from "./structured.ts";

interface SendingDeps {
  chats: Chats;
  clock: Clock;
  limits: SendLimits | undefined;
}

/** What a message holds besides its head; built only after every check has passed. */
type Content = (finish: (formatted: FormattedText, limit: number, tooLong: string) => FormattedText) => object;

export function createSending({ chats, clock, limits }: SendingDeps) {
  const seconds = (): number => Math.floor(clock.now() / 1000);

  /** The order of the server: markup, chat and access, topic, reply, button links, content, delivery. */
  function send(bot: Bot, params: Params, content: Content): Message {
    const markup = readMarkup(params);
    const conversation = chats.access(bot, params.text("chat_id"), "write");
    const { chat } = conversation;
    const thread = chats.topic(bot, conversation, params.integer("message_thread_id", 0, 0));
    const repliedTo = readReply(params, conversation);
    checkMarkup(markup);
    const body = content(finishFormatted);
    chats.deliverable(bot, conversation);
    limits?.count(bot, chat);
    const { id, is_bot, first_name, username } = bot.me;
    const message = {
      message_id: chats.nextMessageId(),
      from: { id, is_bot, first_name, username },
      chat,
      date: seconds(),
      ...(thread === undefined ? {} : { message_thread_id: thread, is_topic_message: true }),
      ...(repliedTo ? { reply_to_message: withoutReply(repliedTo) } : {}),
      ...body,
      ...(markup ? { reply_markup: markup } : {}),
    } as unknown as Message;
    chats.store(conversation, message);
    delete conversation.action;
    return message;
  }

  /** Client::check_message. `what` is the server's word for it: "message to edit". */
  function find(conversation: Conversation, id: number, what: string): Message {
    const message = conversation.messages.find((message) => message.message_id === id);
    if (!message) throw badRequest(`${what} not found`);
    return message;
  }

  function readReply(params: Params, conversation: Conversation): Message | undefined {
    const given = structured(params, "reply_parameters") as
      | { message_id?: number; allow_sending_without_reply?: boolean }
      | undefined;
    const id = given?.message_id ?? params.integer("reply_to_message_id", 0);
    if (id <= 0) return undefined;
    try {
      return find(conversation, id, "message to be replied");
    } catch (error) {
      if (given?.allow_sending_without_reply) return undefined;
      throw error;
    }
  }

  function edit(
    bot: Bot,
    params: Params,
    change: (message: Message) => object,
    markup: InlineKeyboardMarkup | undefined,
  ) {
    const conversation = chats.access(bot, params.text("chat_id"), "edit");
    const message = find(conversation, params.integer("message_id", 0), "message to edit");
    if (message.from?.id !== bot.id) throw badRequest("message can't be edited");
    checkMarkup(markup);
    const edited = { ...message, ...change(message) } as Message & { reply_markup?: InlineKeyboardMarkup };
    if (markup) edited.reply_markup = markup;
    else delete edited.reply_markup;
    if (shownAs(edited) === shownAs(message)) {
      throw badRequest(
        "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
      );
    }
    const dated = { ...edited, edit_date: seconds() };
    conversation.messages[conversation.messages.indexOf(message)] = dated;
    return dated;
  }

  return {
    sendText(bot: Bot, params: Params): Message.TextMessage {
      if (!params.has("text")) throw badRequest("message text is empty");
      const formatted = readFormatted(params, "text", "entities");
      const options = structured(params, "link_preview_options");
      return send(bot, params, (finish) => ({
        ...textOf(finish(formatted, 4096, "message is too long")),
        ...(options === undefined ? {} : { link_preview_options: options }),
      })) as Message.TextMessage;
    },

    /** `media` makes the fields of the kind, once the rest has passed. */
    sendCaptioned(bot: Bot, params: Params, media: () => object): Message {
      const formatted = readFormatted(params, "caption", "caption_entities");
      return send(bot, params, (finish) => {
        const { text, entities } = finish(formatted, 1024, "message caption is too long");
        return {
          ...media(),
          ...(text === "" ? {} : { caption: text }),
          ...(entities.length > 0 ? { caption_entities: entities } : {}),
        };
      });
    },

    editText(bot: Bot, params: Params) {
      if (!params.has("text")) throw badRequest("message text is empty");
      const formatted = readFormatted(params, "text", "entities");
      const markup = readMarkup(params);
      return edit(
        bot,
        params,
        (message) => {
          if (!("text" in message)) throw badRequest("there is no text in the message to edit");
          return { entities: undefined, ...textOf(finishFormatted(formatted, 4096, "message is too long")) };
        },
        markup,
      ) as Message.TextMessage & { edit_date: number };
    },

    editMarkup(bot: Bot, params: Params) {
      return edit(bot, params, () => ({}), readMarkup(params));
    },

    /** Own messages, and in a private chat the person's too. */
    remove(bot: Bot, params: Params): true {
      if (!params.has("chat_id")) throw badRequest("chat identifier is not specified");
      if (params.integer("message_id", 0) === 0) throw badRequest("message identifier is not specified");
      const conversation = chats.access(bot, params.text("chat_id"), "write");
      const message = find(conversation, params.integer("message_id", 0), "message to delete");
      if (message.from?.id !== bot.id && conversation.chat.type !== "private")
        throw badRequest("message can't be deleted");
      conversation.messages.splice(conversation.messages.indexOf(message), 1);
      return true;
    },

    find,
  };
}

export type Sending = ReturnType<typeof createSending>;

function textOf({ text, entities }: FormattedText): { text: string; entities?: FormattedText["entities"] } {
  if (text === "") throw badRequest("text must be non-empty");
  return entities.length > 0 ? { text, entities } : { text };
}

/** A message inside another never holds a third. */
function withoutReply(message: Message): Message {
  const { reply_to_message: _dropped, ...rest } = message as Message.CommonMessage;
  return rest;
}

/** What "not modified" compares. */
function shownAs(message: Message): string {
  const { text, entities, caption, reply_markup } = message as Partial<
    Message.TextMessage & Message.CaptionableMessage
  >;
  return JSON.stringify([text, entities, caption, reply_markup]);
}
