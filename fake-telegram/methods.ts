import type { BotCommand, ChatFullInfo, Message, ReactionType } from "@grammyjs/types";
import type { Bot } from "./bots.ts";
import type { Callbacks } from "./callbacks.ts";
import type { Chats } from "./chats.ts";
import type { Clock } from "./clock.ts";
import type { Files } from "./files.ts";
import { createMedia } from "./media.ts";
import type { Params } from "./params.ts";
import { badRequest } from "./refusals.ts";
import type { Api, Served } from "./schema.ts";
import type { Sending } from "./sending.ts";
import { structured } from "./structured.ts";
import { type Described, setWebhook, webhookInfo } from "./webhook.ts";

/** `signal` aborts when the caller has gone. Throws or rejects with a `Refusal`. */
type Method<M extends keyof Api> = (
  bot: Bot,
  params: Params,
  signal: AbortSignal,
) => ReturnType<Api[M]> | Described | Promise<ReturnType<Api[M]>>;
export type Methods = { [M in Served]: Method<M> };

interface MethodDeps {
  chats: Chats;
  callbacks: Callbacks;
  clock: Clock;
  files: Files;
  sending: Sending;
}

/** getUpdates: LONG_POLL_MAX_TIMEOUT. */
const maxPollSeconds = 50;

const actions = new Set(
  [
    "cancel typing record_video upload_video record_audio record_voice upload_audio upload_voice upload_photo upload_document",
    "choose_sticker pick_up_location find_location record_video_note upload_video_note",
  ].flatMap((line) => line.split(" ")),
);

export function createMethods({ chats, callbacks, clock, files, sending }: MethodDeps): Methods {
  const media = createMedia(files);
  const scopeOf = (params: Params): string =>
    `${JSON.stringify(structured(params, "scope") ?? { type: "default" })} ${params.text("language_code") ?? ""}`;

  return {
    getMe: (bot) => bot.me,

    getUpdates(bot, params, signal) {
      if (bot.webhook.url) {
        return bot.updates.refusePoll(
          "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        );
      }
      const offset = params.integer("offset", 0);
      const limit = params.integer("limit", 100, 1, 100);
      const timeoutSeconds = params.integer("timeout", 0, 0, maxPollSeconds);
      bot.updates.setAllowed(structured(params, "allowed_updates"));
      return bot.updates.poll({ offset, limit, timeoutSeconds }, signal);
    },

    setWebhook: (bot, params) => setWebhook(bot, params.text("url") ?? "", params, clock),
    deleteWebhook: (bot, params) => setWebhook(bot, "", params, clock),
    getWebhookInfo: (bot) => webhookInfo(bot),

    sendMessage: (bot, params) => sending.sendText(bot, params),
    sendPhoto: (bot, params) => sending.sendCaptioned(bot, params, media.photo(params)) as Message.PhotoMessage,
    sendDocument: (bot, params) =>
      sending.sendCaptioned(bot, params, media.document(params)) as Message.DocumentMessage,
    editMessageText: (bot, params) => sending.editText(bot, params),
    editMessageReplyMarkup: (bot, params) => sending.editMarkup(bot, params),
    deleteMessage: (bot, params) => sending.remove(bot, params),

    answerCallbackQuery: (bot, params) => callbacks.answer(bot, params),

    sendChatAction(bot, params) {
      const name = (params.text("action") ?? "").toLowerCase();
      if (!actions.has(name)) throw badRequest("wrong parameter action in request");
      const conversation = chats.access(bot, params.text("chat_id"), "write");
      chats.deliverable(bot, conversation);
      if (name === "cancel") delete conversation.action;
      else conversation.action = { bot, name, atMs: clock.now() };
      return true;
    },

    setMessageReaction(bot, params) {
      const reactions = (structured(params, "reaction") ?? []) as ReactionType[];
      const conversation = chats.access(bot, params.text("chat_id"), "read");
      const message = sending.find(conversation, params.integer("message_id", 0), "message to react");
      const emoji = reactions.map((reaction) => (reaction.type === "emoji" ? reaction.emoji : undefined));
      if (emoji.includes(undefined)) throw badRequest("REACTION_INVALID");
      if (emoji.length > 1) throw badRequest("REACTIONS_TOO_MANY");
      conversation.reactions.set(message.message_id, emoji.join(""));
      return true;
    },

    setMyCommands(bot, params) {
      let commands: unknown;
      try {
        commands = params.json("commands") ?? [];
      } catch {
        throw badRequest("can't parse commands JSON object");
      }
      if (!Array.isArray(commands)) throw badRequest("expected an Array of BotCommand");
      for (const { command } of commands as BotCommand[]) {
        if (!/^[a-z0-9_]{1,32}$/.test(command)) throw badRequest("BOT_COMMAND_INVALID");
      }
      bot.commands.set(scopeOf(params), commands as BotCommand[]);
      return true;
    },
    getMyCommands: (bot, params) => bot.commands.get(scopeOf(params)) ?? [],

    getChat(bot, params) {
      const { chat } = chats.access(bot, params.text("chat_id"), "read");
      return { ...chat, accent_color_id: 0, max_reaction_count: 11 } as unknown as ChatFullInfo;
    },

    getFile: (_bot, params) => files.info(params.text("file_id")),
  };
}
