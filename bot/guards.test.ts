import assert from "node:assert/strict";
import { test } from "node:test";
import { take, type Bucket } from "./rate-limit.ts";
import { fakeClock, startTestBot, until, type TestBot } from "./testing.ts";

/** A message with a button, as if the bot had sent it. */
async function showButton(bot: TestBot, chat: number): Promise<void> {
  const markup = JSON.stringify({ inline_keyboard: [[{ text: "press", callback_data: "x" }]] });
  const query = new URLSearchParams({ chat_id: String(chat), text: "look", reply_markup: markup });
  const sent = await fetch(`${bot.telegram.url}/bot${bot.telegram.bot().token}/sendMessage?${query.toString()}`);
  assert.equal(sent.status, 200);
}

const toasts = (bot: TestBot): unknown[] =>
  bot.telegram.calls().flatMap((call) => (call.method === "answerCallbackQuery" ? [call.params["text"]] : []));

/** The text of the `nth` answer. */
async function pingAnonymously(bot: TestBot, groupId: number, nth: number): Promise<string> {
  const chat = bot.telegram.group({ id: groupId, title: "Team" });
  bot.telegram.bot().updates.push("message", {
    message_id: 1000 + nth,
    date: 0,
    from: { id: 1087968824, is_bot: true, first_name: "Group", username: "GroupAnonymousBot" },
    sender_chat: chat,
    chat,
    text: "/ping",
    entities: [{ type: "bot_command", offset: 0, length: 5 }],
  } as never);
  return String((await bot.telegram.called("sendMessage", { skip: nth })).params["text"]);
}

test("a bucket fills evenly and never above its size", () => {
  const limit = { count: 2, windowMs: 1000 };
  let bucket: Bucket | undefined;
  const takeAt = (nowMs: number): boolean => {
    const [next, allowed] = take(bucket, limit, nowMs);
    bucket = next;
    return allowed;
  };
  assert.deepEqual([0, 0, 0, 499, 500, 500, 999, 1000, 90_000, 90_000, 90_000].map(takeAt), [
    true,
    true,
    false,
    false,
    true,
    false,
    false,
    true,
    true,
    true,
    false,
  ]);
});

test("a button pressed by who is not allowed is answered with a toast", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_ALLOWED_USERS: "1" } });
  await bot.ask("/ping");
  await showButton(bot, 4242);
  bot.telegram.press("x");
  await bot.telegram.called("answerCallbackQuery");
  assert.deepEqual(toasts(bot), ["This bot is private."]);
});

test("an admin need not be among the allowed", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_ALLOWED_USERS: "1", BOT_ADMINS: "4242" } });
  assert.equal(await bot.ask("/ping"), "pong");
});

test("a button pressed too often is answered with a toast", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_RATE_LIMIT: "2/60s" }, clock: fakeClock() });
  await bot.ask("/ping");
  await showButton(bot, 4242);
  for (let n = 1; n <= 2; n++) {
    bot.telegram.press("x");
    await until(() => toasts(bot).length === n);
  }
  assert.deepEqual(toasts(bot), [undefined, "Too fast. Wait a moment."]);
});

test("what people in a group write to each other is no use of the bot: it is neither counted nor commented on", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_RATE_LIMIT: "2/60s" }, clock: fakeClock() });
  const { id } = bot.telegram.group({ id: -500, title: "Team" });
  for (let n = 0; n < 5; n++) bot.telegram.say("I like @shop_bot", { chat: id });
  assert.equal(await bot.ask("/ping@shop_bot", { chat: id }), "pong");
  assert.equal(await bot.ask("/ping@shop_bot", { chat: id }), "pong");
  assert.match(await bot.ask("/ping@shop_bot", { chat: id }), /Give me a moment/);
});

test("the anonymous admins of one group do not use up those of another, though Telegram gives all of them one id", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_RATE_LIMIT: "1/60s" }, clock: fakeClock() });
  assert.equal(await pingAnonymously(bot, -500, 0), "pong");
  assert.equal(await pingAnonymously(bot, -501, 1), "pong");
  assert.match(await pingAnonymously(bot, -500, 2), /Give me a moment/);
});

test("an anonymous admin is not told to have the id allowed that all anonymous admins share", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_ALLOWED_USERS: "1" } });
  assert.match(await pingAnonymously(bot, -500, 0), /this bot is private.*as yourself/);
});

test("a list of tasks and a set of reminders have an end", async (t) => {
  const bot = await startTestBot(t);
  await bot.ask("/ping");
  const task = bot.db.prepare(
    "INSERT INTO tasks (chat_id, number, text, created_at, origin) VALUES (4242, ?, 'x', 0, ?)",
  );
  const reminder = bot.db.prepare(
    `INSERT INTO outbound (kind, chat_id, text, due_at, correlation_id, created_at, origin)
     VALUES ('reminder', 4242, 'x', 9e15, '', 0, ?)`,
  );
  for (let n = 1; n <= 200; n++) task.run(n, `task ${n}`);
  for (let n = 1; n <= 100; n++) reminder.run(`reminder ${n}`);
  assert.match(await bot.ask("/add one more"), /^The list is full \(200 tasks\)/);
  assert.match(await bot.ask("/remind 1m one more"), /^You have 100 reminders already/);
});

test("a handler that the database fails answers politely, counts as storage, and /health is well again after a write", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  bot.db.exec("CREATE TRIGGER broken BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END");
  assert.match(await bot.ask("/add tea"), /something went wrong/);
  await until(() => bot.app.health.snapshot().updates.failed === 1);
  const { errors, checks, status } = bot.app.health.snapshot();
  assert.deepEqual([errors.by_reason["storage"], status, checks["sqlite"]?.ok], [1, "fail", false]);
  await clock.advance(30_000);
  assert.equal(bot.app.health.snapshot().checks["sqlite"]?.ok, true);
});
