import assert from "node:assert/strict";
import { inspect } from "node:util";
import { test, type TestContext } from "node:test";
import { type Fault, startFakeTelegram } from "@gramwatch/fake-telegram";
import { createTelegramChannel, type TelegramOptions } from "./telegram.ts";
import { message, ROUTE } from "./testing.ts";

const soon = () => AbortSignal.timeout(2000);

async function chat(t: TestContext, options: Partial<TelegramOptions> = {}) {
  const telegram = await startFakeTelegram({ bots: ["alerts"] });
  telegram.person({ id: 42, first_name: "Ada" });
  telegram.say("/start", { user: 42, bot: "alerts" });
  const { token } = telegram.bot("alerts");
  const channel = createTelegramChannel({ apiRoots: [telegram.url], token, chatId: 42, ...options });
  t.after(async () => {
    await channel.close();
    await telegram.close();
  });
  return { telegram, channel, token, last: () => telegram.calls().at(-1) };
}

test("a message is HTML with its keyboard, without previews, loud or silent", async (t) => {
  const { channel, telegram, last } = await chat(t);
  await channel.send(message(), ROUTE, soon());
  await channel.send(message({ silent: true, replyTo: 2, buttons: [] }), ROUTE, soon());
  const [, first, second] = telegram.messages(42, "alerts");
  assert.equal(first?.text, "🔴 shopbot: disconnected from Telegram");
  assert.equal(first?.reply_markup?.inline_keyboard.length, 2);
  assert.equal(second?.reply_to_message?.message_id, first?.message_id);
  assert.equal(String(last()?.params["disable_notification"]), "true");
});

test("an edit changes the message in place and takes the keyboard away", async (t) => {
  const { channel, telegram } = await chat(t);
  await channel.send(message(), ROUTE, soon());
  const sent = telegram.messages(42, "alerts").at(-1);
  await channel.send(message({ edit: sent?.message_id ?? 0, html: "✅ <b>over</b>", buttons: [] }), ROUTE, soon());
  const edited = telegram.messages(42, "alerts").at(-1);
  assert.equal(edited?.message_id, sent?.message_id);
  assert.equal(edited?.text, "✅ over");
  assert.deepEqual(edited?.reply_markup?.inline_keyboard ?? [], []);
});

test("the plain form has neither formatting nor keyboard", async (t) => {
  const { channel, last } = await chat(t);
  await channel.send(message(), { ...ROUTE, plain: true }, soon());
  assert.equal(last()?.params["parse_mode"], undefined);
  assert.equal(last()?.params["reply_markup"], undefined);
  assert.equal(last()?.status, 200);
});

test("a topic is named, but never General's id 1, nor one that is gone", async (t) => {
  const { telegram, token } = await chat(t);
  telegram.group({ id: -100_5, title: "ops", type: "supergroup", topics: [7] });
  for (const [threadId, route, named] of [
    [7, ROUTE, "7"],
    [1, ROUTE, "undefined"],
    [7, { ...ROUTE, withoutThread: true }, "undefined"],
  ] as const) {
    const channel = createTelegramChannel({ apiRoots: [telegram.url], token, chatId: -100_5, threadId });
    const answer = await channel.send(message(), route, soon());
    assert.equal(answer.answered && answer.status, 200);
    assert.equal(String(telegram.calls().at(-1)?.params["message_thread_id"]), named);
    await channel.close();
  }
});

test("a chat that moved is written to at its new place", async (t) => {
  const { channel, last } = await chat(t);
  await channel.send(message(), { ...ROUTE, movedTo: -77 }, soon());
  assert.equal(Number(last()?.params["chat_id"]), -77);
});

test("where one way in is dead the next is tried and kept", async (t) => {
  const { telegram, token } = await chat(t);
  const channel = createTelegramChannel({ apiRoots: ["http://127.0.0.1:1", telegram.url], token, chatId: 42 });
  for (let sent = 0; sent < 2; sent++) {
    const answer = await channel.send(message(), ROUTE, soon());
    assert.equal(answer.answered, true);
  }
  await channel.close();
});

const FAULTS: Fault[] = [
  { kind: "error", code: 401, description: "Unauthorized" },
  { kind: "flood", retryAfterSeconds: 3 },
  { kind: "html" },
  { kind: "reset" },
  { kind: "reset", by: "fin" },
  { kind: "truncate" },
  { kind: "hang" },
  { kind: "refuse" },
];
for (const fault of FAULTS)
  test(`the token is in no answer to ${JSON.stringify(fault)}`, async (t) => {
    const { channel, telegram, token } = await chat(t);
    telegram.faults.add({ fault });
    const answer = await channel.send(message(), ROUTE, AbortSignal.timeout(300));
    assert.ok(!inspect(answer, { depth: 9 }).includes(token.slice(8)));
    assert.equal(answer.answered, ["error", "flood", "html"].includes(fault.kind));
    await telegram.faults.clear();
  });
