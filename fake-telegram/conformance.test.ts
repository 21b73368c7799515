import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message } from "@grammyjs/types";
import { manualClock } from "./clock.ts";
import type { FakeTelegram, Trouble } from "./mod.ts";
import { startWithClient as start } from "./testing.ts";

/** A person who pressed Start (4242), one whom the bot only saw in a group (7), groups, a forum with topic 5. */
function populate(telegram: FakeTelegram): void {
  telegram.say("/start");
  telegram.group({ id: -1, title: "Group" });
  telegram.say("/start", { user: 7, chat: -1 });
  telegram.group({ id: -2, title: "Forum", topics: [1, 5] });
  telegram.group({ id: -3, title: "Super", type: "supergroup", username: "super" });
  telegram.group({ id: -4, title: "Channel", type: "channel" });
  telegram.group({ id: -6, title: "Without", bots: [] });
  telegram.group({ id: -8, title: "Super without", type: "supergroup", bots: [] });
}

const long = "x".repeat(4097);
const button = (fields: object): object => ({ inline_keyboard: [[{ text: "x", ...fields }]] });

// Client::process_send_message_query and what it calls; fail_query_with_error for the wording.
const refused: [params: object, description: string][] = [
  [{ chat_id: 4242 }, "message text is empty"],
  [{ chat_id: 4242, text: "" }, "message text is empty"],
  [{ chat_id: 4242, text: " \n " }, "text must be non-empty"],
  [{ chat_id: 4242, text: "<b> </b>", parse_mode: "HTML" }, "text must be non-empty"],
  [{ chat_id: 4242, text: long }, "message is too long"],
  [{ chat_id: 4242, text: "x".repeat(32_769) }, "text is too long"],
  [{ chat_id: 4242, text: "x", parse_mode: "BBCode" }, "unsupported parse_mode"],
  [{ text: "x" }, "chat_id is empty"],
  [{ chat_id: 999, text: "x" }, "chat not found"],
  [{ chat_id: -999, text: "x" }, "chat not found"],
  [{ chat_id: "@nobody", text: "x" }, "chat not found"],
  [{ chat_id: "junk", text: "x" }, "chat not found"],
  [{ chat_id: -2, text: "x", message_thread_id: 9 }, "message thread not found"],
  [{ chat_id: -2, text: "x", message_thread_id: 1 }, "message thread not found"],
  [{ chat_id: 4242, text: "x", reply_markup: "{junk" }, "can't parse reply keyboard markup JSON object"],
  [{ chat_id: 4242, text: "x", reply_markup: [] }, "object expected as reply markup"],
  [{ chat_id: 4242, text: "x", reply_markup: { inline_keyboard: 1 } }, 'field "inline_keyboard" must be of type Array'],
  [
    { chat_id: 4242, text: "x", reply_markup: { inline_keyboard: [1] } },
    'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
  ],
  [
    { chat_id: 4242, text: "x", reply_markup: { inline_keyboard: [[1]] } },
    "can't parse inline keyboard button: InlineKeyboardButton must be an Object",
  ],
  [
    { chat_id: 4242, text: "x", reply_markup: { inline_keyboard: [[{ url: "x.y" }]] } },
    "can't parse inline keyboard button: Can't find field \"text\"",
  ],
  [
    { chat_id: 4242, text: "x", reply_markup: button({}) },
    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  ],
  [{ chat_id: 4242, text: "x", reply_markup: button({ callback_data: "ä".repeat(33) }) }, "BUTTON_DATA_INVALID"],
  [
    { chat_id: 4242, text: "x", reply_markup: button({ url: "http://localhost:3000/d/x" }) },
    "inline keyboard button URL 'http://localhost:3000/d/x' is invalid: Wrong HTTP URL",
  ],
  [
    { chat_id: 4242, text: "x", reply_markup: button({ url: "ftp://a.b" }) },
    "inline keyboard button URL 'ftp://a.b' is invalid: Unsupported URL protocol",
  ],
  [{ chat_id: 4242, text: "x", reply_parameters: { message_id: 999 } }, "message to be replied not found"],
  [{ chat_id: 4242, text: "x", reply_to_message_id: 999 }, "message to be replied not found"],
];
for (const [params, description] of refused) {
  test(`sendMessage refuses: ${description} (${JSON.stringify(params).slice(0, 60)})`, async (t) => {
    const { telegram, refusal } = await start(t);
    populate(telegram);
    const before = telegram.messages(4242).length;
    assert.equal(await refusal("sendMessage", params), `400 Bad Request: ${description}`);
    assert.equal(telegram.messages(4242).length, before);
  });
}

// Client::check_chat_access, then what the back end says on delivery.
const troubled: [chat: number, trouble: Trouble, refusal: string][] = [
  [4242, "blocked", "403 Forbidden: bot was blocked by the user"],
  [4242, "deactivated", "403 Forbidden: user is deactivated"],
  [-1, "kicked", "403 Forbidden: bot was kicked from the group chat"],
  [-3, "kicked", "403 Forbidden: bot was kicked from the supergroup chat"],
  [-4, "kicked", "403 Forbidden: bot was kicked from the channel chat"],
  [-1, "left", "403 Forbidden: bot is not a member of the group chat"],
  [-3, "left", "403 Forbidden: bot is not a member of the supergroup chat"],
  [-1, "deleted", "403 Forbidden: the group chat was deleted"],
  [-1, "restricted", "400 Bad Request: not enough rights to send text messages to the chat"],
  [-1, { migratedTo: -100 }, "400 Bad Request: group chat was upgraded to a supergroup chat"],
];
for (const [chat, trouble, description] of troubled) {
  test(`a chat that is ${JSON.stringify(trouble)} refuses: ${description}`, async (t) => {
    const { telegram, refusal, ok } = await start(t);
    populate(telegram);
    telegram.trouble(chat, trouble, "shop");
    assert.equal(await refusal("sendMessage", { chat_id: chat, text: "x" }), description);
    telegram.trouble(chat, null, "shop");
    await ok("sendMessage", { chat_id: chat, text: "x" });
  });
}

test("a migrated group says where it went", async (t) => {
  const { telegram, call } = await start(t);
  populate(telegram);
  telegram.trouble(-1, { migratedTo: -100 });
  const { text } = await call("sendMessage", { chat_id: -1, text: "x" });
  assert.deepEqual(JSON.parse(text).parameters, { migrate_to_chat_id: -100 });
});

test("a closed topic refuses, an open one and a forum without topic take the message", async (t) => {
  const { telegram, refusal, ok } = await start(t);
  populate(telegram);
  telegram.trouble(-2, { closedTopic: 5 });
  assert.equal(
    await refusal("sendMessage", { chat_id: -2, text: "x", message_thread_id: 5 }),
    "400 Bad Request: TOPIC_CLOSED",
  );
  telegram.trouble(-2, null);
  const inTopic = await ok("sendMessage", { chat_id: -2, text: "x", message_thread_id: 5 });
  assert.equal(inTopic.message_thread_id, 5);
  const general = await ok("sendMessage", { chat_id: -2, text: "x" });
  assert.equal(general.message_thread_id, undefined);
});

test("a bot cannot write first, nor where it is not a member", async (t) => {
  const { telegram, refusal } = await start(t);
  populate(telegram);
  const sent = (chat_id: number | string): Promise<string> => refusal("sendMessage", { chat_id, text: "x" });
  assert.equal(await sent(7), "403 Forbidden: bot can't initiate conversation with a user");
  assert.equal(await sent(-6), "403 Forbidden: bot is not a member of the group chat");
  assert.equal(await sent(-8), "403 Forbidden: bot is not a member of the supergroup chat");
});

test("each bot has its own view of who wrote to it", async (t) => {
  const { telegram, refusal, ok } = await start(t);
  telegram.say("/start", { bot: "shop" });
  await ok("sendMessage", { chat_id: 4242, text: "from shop" });
  assert.equal(
    await refusal("sendMessage", { chat_id: 4242, text: "x" }, { bot: "alerts" }),
    "400 Bad Request: chat not found",
  );
  telegram.say("/start", { bot: "alerts" });
  await ok("sendMessage", { chat_id: 4242, text: "from alerts" }, { bot: "alerts" });
  assert.equal(telegram.messages(4242, "shop").length, 2);
  assert.equal(telegram.messages(4242, "alerts").length, 2);
  assert.equal((await ok("getUpdates")).length, 1);
});

// The order of the checks: each pair has two faults, and the earlier check speaks.
const ordered: [params: object, description: string][] = [
  [{ chat_id: 999 }, "message text is empty"],
  [
    { chat_id: 999, text: "<x>", parse_mode: "HTML" },
    'can\'t parse entities: Unsupported start tag "x" at byte offset 0',
  ],
  [{ chat_id: 999, text: "x", reply_markup: [] }, "object expected as reply markup"],
  [{ chat_id: 999, text: long, reply_markup: button({ url: "localhost" }) }, "chat not found"],
  [
    { chat_id: -2, text: long, message_thread_id: 9, reply_markup: button({ url: "localhost" }) },
    "message thread not found",
  ],
  [
    { chat_id: 4242, text: long, reply_markup: button({ url: "localhost" }) },
    "inline keyboard button URL 'localhost' is invalid: Wrong HTTP URL",
  ],
];
for (const [params, description] of ordered) {
  test(`of two faults "${description}" is told first`, async (t) => {
    const { telegram, refusal } = await start(t);
    populate(telegram);
    assert.equal(await refusal("sendMessage", params), `400 Bad Request: ${description}`);
  });
}

test("a blocked bot is told so only when the message is in order", async (t) => {
  const { telegram, refusal } = await start(t);
  populate(telegram);
  telegram.trouble(4242, "blocked");
  assert.equal(await refusal("sendMessage", { chat_id: 4242, text: long }), "400 Bad Request: message is too long");
});

test("a message comes back with its text stripped, entities out, and only inline keyboards", async (t) => {
  const clock = manualClock(1_700_000_000_500);
  const { telegram, ok } = await start(t, { clock });
  populate(telegram);
  const { message_id, ...sent } = await ok("sendMessage", {
    chat_id: "4242",
    text: "  <b>x</b> /help ",
    parse_mode: "html",
    link_preview_options: { is_disabled: true },
    reply_markup: button({ url: "Example.org" }),
    reply_parameters: { message_id: 1 },
  });
  assert.ok(message_id > 0);
  assert.deepEqual(sent, {
    from: { id: 1_000_001, is_bot: true, first_name: "shop", username: "shop_bot" },
    chat: { id: 4242, type: "private", first_name: "You", username: "you" },
    date: 1_700_000_000,
    reply_to_message: telegram.messages(4242)[0],
    text: "x /help",
    entities: [
      { type: "bold", offset: 0, length: 1 },
      { type: "bot_command", offset: 2, length: 5 },
    ],
    link_preview_options: { is_disabled: true },
    reply_markup: { inline_keyboard: [[{ text: "x", url: "http://example.org/" }]] },
  });
  const plain = await ok("sendMessage", { chat_id: 4242, text: "x", reply_markup: { keyboard: [[{ text: "y" }]] } });
  assert.equal("reply_markup" in plain, false);
});

test("a length counts code points, and entities may be given instead of a parse mode", async (t) => {
  const { telegram, ok } = await start(t);
  populate(telegram);
  await ok("sendMessage", { chat_id: "@super", text: "😀".repeat(4096) });
  const entities = [{ type: "italic", offset: 0, length: 1 }];
  assert.deepEqual((await ok("sendMessage", { chat_id: 4242, text: "x", entities })).entities, entities);
});

test("a reply to a message that has gone may be sent without one", async (t) => {
  const { telegram, ok } = await start(t);
  populate(telegram);
  const reply_parameters = { message_id: 999, allow_sending_without_reply: true };
  const sent = await ok("sendMessage", { chat_id: 4242, text: "x", reply_parameters });
  assert.equal(sent.reply_to_message, undefined);
});

test("Markdown and other buttons are refused as not served", async (t) => {
  const { telegram, refusal } = await start(t);
  populate(telegram);
  const sent = { chat_id: 4242, text: "*x*" };
  assert.equal(
    await refusal("sendMessage", { ...sent, parse_mode: "MarkdownV2" }),
    "501 fake-telegram: parse_mode markdownv2 is not served",
  );
  assert.equal(
    await refusal("sendMessage", { ...sent, reply_markup: button({ web_app: { url: "x" } }) }),
    "501 fake-telegram: an inline keyboard button with web_app is not served",
  );
});

test("an edit changes text and buttons in place and says when", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  const { message_id } = await ok("sendMessage", {
    chat_id: 4242,
    text: "<b>one</b>",
    parse_mode: "HTML",
    reply_markup: button({ callback_data: "x" }),
  });
  const where = { chat_id: 4242, message_id };
  const edited = (await ok("editMessageText", { ...where, text: "two" })) as Message.TextMessage;
  assert.equal(edited.text, "two");
  assert.equal(edited.entities, undefined);
  assert.equal(edited.reply_markup, undefined, "buttons not given again are gone");
  assert.ok(edited.edit_date);
  const same =
    "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message";
  assert.equal(await refusal("editMessageText", { ...where, text: " two " }), `400 Bad Request: ${same}`);
  await ok("editMessageReplyMarkup", { ...where, reply_markup: button({ callback_data: "y" }) });
  assert.equal(
    await refusal("editMessageReplyMarkup", { ...where, reply_markup: button({ callback_data: "y" }) }),
    `400 Bad Request: ${same}`,
  );
  assert.deepEqual(
    telegram.messages(4242).map((message) => "text" in message && message.text),
    ["/start", "two"],
  );
});

test("what cannot be edited says why", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  const document = await ok("sendDocument", { chat_id: 4242, document: await uploadedId(telegram, ok) });
  const edit = (params: object): Promise<string> =>
    refusal("editMessageText", { chat_id: 4242, message_id: 1, text: "x", ...params });
  assert.equal(await edit({ text: undefined }), "400 Bad Request: message text is empty");
  assert.equal(await edit({ message_id: 999 }), "400 Bad Request: message to edit not found");
  assert.equal(await edit({}), "400 Bad Request: message can't be edited");
  assert.equal(
    await edit({ message_id: document.message_id }),
    "400 Bad Request: there is no text in the message to edit",
  );
  telegram.trouble(-1, "kicked");
  assert.equal(await edit({ chat_id: -1 }), "403 Forbidden: bot was kicked from the group chat");
});

test("a message can be deleted once, in a private chat also the person's, in a group only the own", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  const [persons] = telegram.messages(-1);
  assert.equal(await ok("deleteMessage", { chat_id: 4242, message_id: 1 }), true);
  assert.equal(
    await refusal("deleteMessage", { chat_id: 4242, message_id: 1 }),
    "400 Bad Request: message to delete not found",
  );
  assert.equal(
    await refusal("deleteMessage", { chat_id: -1, message_id: persons!.message_id }),
    "400 Bad Request: message can't be deleted",
  );
  assert.equal(await refusal("deleteMessage", { message_id: 1 }), "400 Bad Request: chat identifier is not specified");
  assert.equal(
    await refusal("deleteMessage", { chat_id: 4242 }),
    "400 Bad Request: message identifier is not specified",
  );
});

test("a callback query is answered once, by the bot that got it", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  await ok("sendMessage", { chat_id: 4242, text: "x", reply_markup: button({ callback_data: "yes" }) });
  const { id } = telegram.press("yes");
  const old = "400 Bad Request: query is too old and response timeout expired or query ID is invalid";
  const [update] = (await ok("getUpdates", { offset: -1 })).slice(-1);
  assert.equal(update?.callback_query?.data, "yes");
  assert.equal(await refusal("answerCallbackQuery", { callback_query_id: id }, { bot: "alerts" }), old);
  assert.equal(
    await refusal("answerCallbackQuery", { callback_query_id: id, text: "x".repeat(201) }),
    "400 Bad Request: MESSAGE_TOO_LONG",
  );
  await ok("answerCallbackQuery", { callback_query_id: id, text: "Done", show_alert: true });
  assert.equal(await refusal("answerCallbackQuery", { callback_query_id: id }), old);
  assert.deepEqual(telegram.callbackAnswers(), [{ id, bot: "shop", user: 4242, text: "Done", show_alert: true }]);
  assert.throws(() => telegram.press("no"), /no button with "no" in chat 4242/);
});

type Ok = Awaited<ReturnType<typeof start>>["ok"];

async function uploadedId(telegram: FakeTelegram, ok: Ok): Promise<string> {
  telegram.group({ id: -50 });
  const form = new FormData();
  form.set("chat_id", "-50");
  form.set("document", new File(["hello"], "a.txt", { type: "text/plain" }));
  form.set("caption", "<i>note</i>");
  form.set("parse_mode", "HTML");
  const answer = await fetch(`${telegram.url}/bot${telegram.bot().token}/sendDocument`, { method: "POST", body: form });
  const { result } = (await answer.json()) as { result: Message.DocumentMessage };
  assert.equal(result.caption, "note");
  assert.deepEqual(result.caption_entities, [{ type: "italic", offset: 0, length: 4 }]);
  assert.equal(result.document.file_name, "a.txt");
  assert.equal((await ok("getFile", { file_id: result.document.file_id })).file_size, 5);
  return result.document.file_id;
}

test("an uploaded file can be downloaded, and sent again by its id", async (t) => {
  const { telegram, ok } = await start(t);
  populate(telegram);
  const file_id = await uploadedId(telegram, ok);
  const { file_path } = await ok("getFile", { file_id });
  const answer = await fetch(`${telegram.url}/file/bot${telegram.bot().token}/${file_path}`);
  assert.equal(await answer.text(), "hello");
  assert.equal((await ok("sendDocument", { chat_id: 4242, document: file_id })).document.file_id, file_id);
});

test("a person's voice and photo bring file ids that getFile serves", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  telegram.voice(Buffer.from("sound"));
  telegram.photo(Buffer.from("light"));
  telegram.voice(Buffer.from("x"), { claimedSize: 21 * 1024 * 1024 });
  const [voice, photo, big] = (await ok("getUpdates")).map(({ message }) => message);
  const { file_path } = await ok("getFile", { file_id: voice!.voice!.file_id });
  assert.match(file_path!, /^voice\/file_\d+\.oga$/);
  assert.equal((await ok("getFile", { file_id: photo!.photo![0]!.file_id })).file_size, 5);
  assert.equal(await refusal("getFile", { file_id: big!.voice!.file_id }), "400 Bad Request: file is too big");
});

test("files that are not there or not right are refused", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  const document = await uploadedId(telegram, ok);
  const photo = (reference?: string): Promise<string> => refusal("sendPhoto", { chat_id: 4242, photo: reference });
  assert.equal(await refusal("getFile"), "400 Bad Request: file_id not specified");
  assert.equal(await refusal("getFile", { file_id: "x" }), "400 Bad Request: invalid file_id");
  assert.equal(
    await refusal("getFile", { file_id: "A".repeat(30) }),
    "400 Bad Request: wrong file_id or the file is temporarily unavailable",
  );
  assert.equal(await photo(), "400 Bad Request: there is no photo in the request");
  assert.equal(await photo("x"), "400 Bad Request: wrong file identifier/HTTP URL specified");
  assert.equal(await photo(document), "400 Bad Request: can't use file of type Document as Photo");
  assert.equal(await photo("https://a.b/c.jpg"), "501 fake-telegram: a photo by URL is not served");
  const caption = "x".repeat(1025);
  assert.equal(
    await refusal("sendDocument", { chat_id: 4242, document, caption }),
    "400 Bad Request: message caption is too long",
  );
});

test("an empty file is refused, and one may be attached by name", async (t) => {
  const { telegram } = await start(t);
  populate(telegram);
  const send = async (content: string): Promise<{ status: number; text: string }> => {
    const form = new FormData();
    form.set("chat_id", "4242");
    form.set("photo", "attach://here");
    form.set("here", new File([content], "a.jpg"));
    const answer = await fetch(`${telegram.url}/bot${telegram.bot().token}/sendPhoto`, { method: "POST", body: form });
    return { status: answer.status, text: await answer.text() };
  };
  assert.equal((await send("light")).status, 200);
  assert.match((await send("")).text, /file must be non-empty/);
});

test("a chat action is shown until the message comes", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  const shown = (): string | undefined => telegram.conversations().find(({ chat }) => chat.id === 4242)?.action?.name;
  assert.equal(
    await refusal("sendChatAction", { chat_id: 4242, action: "dance" }),
    "400 Bad Request: wrong parameter action in request",
  );
  await ok("sendChatAction", { chat_id: 4242, action: "typing" });
  assert.equal(shown(), "typing");
  await ok("sendMessage", { chat_id: 4242, text: "x" });
  assert.equal(shown(), undefined);
  await ok("sendChatAction", { chat_id: 4242, action: "typing" });
  await ok("sendChatAction", { chat_id: 4242, action: "cancel" });
  assert.equal(shown(), undefined);
});

test("a reaction is one emoji on a message that is there", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  const react = { chat_id: 4242, message_id: 1, reaction: [{ type: "emoji", emoji: "👍" }] };
  await ok("setMessageReaction", react);
  assert.equal(
    telegram
      .conversations()
      .find(({ chat }) => chat.id === 4242)
      ?.reactions.get(1),
    "👍",
  );
  assert.equal(
    await refusal("setMessageReaction", { ...react, message_id: 999 }),
    "400 Bad Request: message to react not found",
  );
  assert.equal(
    await refusal("setMessageReaction", { ...react, reaction: [{ type: "paid" }] }),
    "400 Bad Request: REACTION_INVALID",
  );
  assert.equal(
    await refusal("setMessageReaction", { ...react, reaction: [...react.reaction, ...react.reaction] }),
    "400 Bad Request: REACTIONS_TOO_MANY",
  );
});

test("commands are kept by scope and language", async (t) => {
  const { ok, refusal } = await start(t);
  const commands = [{ command: "start", description: "Begin" }];
  await ok("setMyCommands", { commands });
  await ok("setMyCommands", { commands: [], language_code: "de" });
  assert.deepEqual(await ok("getMyCommands"), commands);
  assert.deepEqual(await ok("getMyCommands", { language_code: "de" }), []);
  assert.deepEqual(await ok("getMyCommands", { scope: { type: "chat", chat_id: 1 } }), []);
  assert.equal(
    await refusal("setMyCommands", { commands: "{junk" }),
    "400 Bad Request: can't parse commands JSON object",
  );
  assert.equal(await refusal("setMyCommands", { commands: {} }), "400 Bad Request: expected an Array of BotCommand");
  assert.equal(
    await refusal("setMyCommands", { commands: [{ command: "No Way" }] }),
    "400 Bad Request: BOT_COMMAND_INVALID",
  );
});

test("getChat tells of a chat that the bot can see", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  populate(telegram);
  assert.equal((await ok("getChat", { chat_id: -2 })).is_forum, true);
  assert.equal((await ok("getChat", { chat_id: "@super" })).id, -3);
  assert.equal(await refusal("getChat", { chat_id: 999 }), "400 Bad Request: chat not found");
  telegram.trouble(-1, "kicked");
  assert.equal((await ok("getChat", { chat_id: -1 })).title, "Group", "a basic group may still be read");
  assert.equal(await refusal("getChat", { chat_id: -8 }), "403 Forbidden: bot is not a member of the supergroup chat");
});

test("in a group a bot gets commands, its own name and replies to it, and nothing else", async (t) => {
  const { telegram, ok } = await start(t);
  telegram.group({ id: -1 });
  const { message_id } = await ok("sendMessage", { chat_id: -1, text: "x" });
  for (const text of ["hello", "/both", "/one@shop_bot", "/other@alerts_bot", "hi @shop_bot"])
    telegram.say(text, { chat: -1 });
  telegram.say("reply", { chat: -1, replyTo: message_id });
  const texts = async (bot: string): Promise<unknown[]> =>
    (await ok("getUpdates", {}, { bot })).map(({ message }) => message?.text);
  assert.deepEqual(await texts("shop"), ["/both", "/one@shop_bot", "hi @shop_bot", "reply"]);
  assert.deepEqual(await texts("alerts"), ["/both", "/other@alerts_bot"]);
});

test("over the published figures a send is a 429, where asked for", async (t) => {
  const clock = manualClock();
  const { telegram, ok, refusal } = await start(t, { clock, limits: "faq" });
  populate(telegram);
  const sent = { chat_id: 4242, text: "x" };
  await ok("sendMessage", sent);
  assert.equal(await refusal("sendMessage", sent), "429 Too Many Requests: retry after 1");
  telegram.say("/start", { bot: "alerts" });
  await ok("sendMessage", sent, { bot: "alerts" });
  clock.advance(1000);
  await ok("sendMessage", sent);
  for (let i = 0; i < 20; i++) {
    clock.advance(1000);
    await ok("sendMessage", { chat_id: -1, text: "x" });
  }
  clock.advance(1000);
  assert.equal(await refusal("sendMessage", { chat_id: -1, text: "x" }), "429 Too Many Requests: retry after 40");
});
