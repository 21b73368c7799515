import type { ApiMethods, Opts } from "@grammyjs/types";

export type Api = ApiMethods<Blob>;

/** `false`: Telegram knows the parameter, we do not serve it, and say so instead of ignoring it. */
type Parameters<M extends keyof Api> = Record<keyof Opts<Blob>[M], boolean>;

const sending = {
  business_connection_id: false,
  chat_id: true,
  message_thread_id: true,
  direct_messages_topic_id: false,
  ephemeral_message_parameters: false,
  parse_mode: true,
  disable_notification: true,
  protect_content: true,
  allow_paid_broadcast: false,
  suggested_post_parameters: false,
  message_effect_id: false,
  reply_parameters: true,
  reply_markup: true,
  reply_to_message_id: true,
};

/** Every parameter of every method that is served: a misspelt one is a 400, which Telegram would ignore. */
export const schema = {
  getMe: {},
  getUpdates: { offset: true, limit: true, timeout: true, allowed_updates: true } satisfies Parameters<"getUpdates">,
  setWebhook: {
    url: true,
    certificate: false,
    ip_address: false,
    max_connections: true,
    allowed_updates: true,
    drop_pending_updates: true,
    secret_token: true,
  } satisfies Parameters<"setWebhook">,
  deleteWebhook: { drop_pending_updates: true } satisfies Parameters<"deleteWebhook">,
  getWebhookInfo: {},
  sendMessage: {
    ...sending,
    text: true,
    entities: true,
    link_preview_options: true,
  } satisfies Parameters<"sendMessage">,
  sendPhoto: {
    ...sending,
    photo: true,
    caption: true,
    caption_entities: true,
    show_caption_above_media: true,
    has_spoiler: true,
  } satisfies Parameters<"sendPhoto">,
  sendDocument: {
    ...sending,
    document: true,
    thumbnail: false,
    caption: true,
    caption_entities: true,
    disable_content_type_detection: true,
  } satisfies Parameters<"sendDocument">,
  editMessageText: {
    business_connection_id: false,
    chat_id: true,
    message_id: true,
    inline_message_id: false,
    text: true,
    parse_mode: true,
    entities: true,
    link_preview_options: true,
    rich_message: false,
    reply_markup: true,
  } satisfies Parameters<"editMessageText">,
  editMessageReplyMarkup: {
    business_connection_id: false,
    chat_id: true,
    message_id: true,
    inline_message_id: false,
    reply_markup: true,
  } satisfies Parameters<"editMessageReplyMarkup">,
  deleteMessage: { chat_id: true, message_id: true } satisfies Parameters<"deleteMessage">,
  answerCallbackQuery: {
    callback_query_id: true,
    text: true,
    show_alert: true,
    url: false,
    cache_time: true,
  } satisfies Parameters<"answerCallbackQuery">,
  sendChatAction: {
    business_connection_id: false,
    chat_id: true,
    message_thread_id: true,
    action: true,
  } satisfies Parameters<"sendChatAction">,
  setMessageReaction: {
    chat_id: true,
    message_id: true,
    reaction: true,
    is_big: true,
  } satisfies Parameters<"setMessageReaction">,
  setMyCommands: { commands: true, scope: true, language_code: true } satisfies Parameters<"setMyCommands">,
  getMyCommands: { scope: true, language_code: true } satisfies Parameters<"getMyCommands">,
  getChat: { chat_id: true } satisfies Parameters<"getChat">,
  getFile: { file_id: true } satisfies Parameters<"getFile">,
};

export type Served = keyof typeof schema;
