import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeTelegram } from "../../fake-telegram/mod.ts";
import { openDatabase } from "../storage/database.ts";
import { fakeClock, startTestBot, temporaryDir, until } from "../testing.ts";
import { createDelivery, REPLY_EXPIRES_MS } from "./deliver.ts";
import { createOutbound, type LateMessage } from "./outbound.ts";

const reply = (chatId: number, dueAt: number): LateMessage => ({
  kind: "reply",
  chatId,
  text: "late",
  dueAt,
  correlationId: "a".repeat(32),
});

test("a reminder fires once at its time, in its chat, and survives a restart", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const clock = fakeClock();
  const bot = await startTestBot(t, { telegram, clock });
  assert.equal(await bot.ask("/remind 20m tea <now>"), "I will remind you at 2026-11-21 12:20 UTC: tea &lt;now&gt;");
  assert.equal(await bot.ask("/remind 1h30m call Ann"), "I will remind you at 2026-11-21 13:30 UTC: call Ann");
  assert.equal(
    await bot.ask("/reminders"),
    "2026-11-21 12:20 UTC ⏰ tea &lt;now&gt;\n2026-11-21 13:30 UTC ⏰ call Ann",
  );
  await clock.advance(20 * 60_000 - 1);
  assert.equal(telegram.messages(4242).length, 6);
  await clock.advance(1);
  await until(() => telegram.messages(4242).length === 7);
  assert.equal((telegram.messages(4242).at(-1) as { text: string }).text, "⏰ tea <now>");
  await bot.stop();

  const later = fakeClock(clock.now() + 3 * 3_600_000);
  const next = await startTestBot(t, { telegram, clock: later, dataDir: bot.dataDir });
  await until(() => telegram.messages(4242).length === 8);
  assert.equal((telegram.messages(4242).at(-1) as { text: string }).text, "⏰ call Ann", "overdue is late, not lost");
  assert.equal(await next.ask("/reminders"), "No reminders. Set one: /remind 20m tea");
});

test("a reminder that fell due while the machine slept, or because its clock was set, comes at once", async (t) => {
  const clock = fakeClock();
  let asleepMs = 0;
  const bot = await startTestBot(t, { clock: { ...clock, now: () => clock.now() + asleepMs } });
  await bot.ask("/remind 50m tea");
  asleepMs = 60 * 60_000;
  await clock.advance(30_000);
  await until(() => bot.telegram.messages(4242).length === 3);
});

test("a reminder that is on its way when the bot stops is not sent again by the next process", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const clock = fakeClock();
  const first = await startTestBot(t, { telegram, clock });
  await first.ask("/remind 1m tea");
  const slow = telegram.faults.add({ method: "sendMessage", when: "after", fault: { kind: "slow", delayMs: 100 } });
  await clock.advance(60_000);
  await telegram.called("sendMessage", { skip: 1 });
  await first.stop();
  await slow.remove();
  const next = await startTestBot(t, { telegram, clock: fakeClock(clock.now()), dataDir: first.dataDir });
  assert.equal(await next.ask("/reminders"), "No reminders. Set one: /remind 20m tea");
});

test("a replayed /remind names the time of the reminder that it set the first time", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const hang = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
  const clock = fakeClock();
  const first = await startTestBot(t, { telegram, clock, env: { SHUTDOWN_TIMEOUT: "10s" } });
  telegram.say("/remind 20m tea");
  await telegram.called("sendMessage");
  const stopped = first.stop();
  await clock.sleeping(5000);
  await clock.advance(5000);
  await stopped;
  await hang.remove();

  const later = fakeClock(clock.now() + 5 * 60_000);
  const second = await startTestBot(t, { telegram, clock: later, dataDir: first.dataDir });
  const answer = await telegram.called("sendMessage", { skip: 1 });
  assert.equal(answer.params["text"], "I will remind you at 2026-11-21 12:20 UTC: tea");
  assert.equal(await second.ask("/reminders"), "2026-11-21 12:20 UTC ⏰ tea");
});

test("a reminder that cannot be sent is tried again until Telegram is back", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  await bot.ask("/remind 1m tea");
  const outage = bot.telegram.faults.add({ method: "sendMessage", fault: { kind: "flood", retryAfterSeconds: 60 } });
  await clock.advance(60_000);
  await bot.telegram.called("sendMessage", { skip: 1 });
  await outage.remove();
  await until(() => bot.db.prepare("SELECT attempts FROM outbound").get()?.["attempts"] === 1);
  await clock.advance(61_000);
  await until(() => bot.telegram.messages(4242).length === 3);
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("a group that became a supergroup keeps its tasks and reminders, also when only a refusal says so", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  const told = { id: -500, moved: -1_000_000_500 };
  const found = { id: -501, moved: -1_000_000_501 };
  for (const { id, moved } of [told, found]) {
    bot.telegram.group({ id, title: "Team" });
    bot.telegram.group({ id: moved, title: "Team", type: "supergroup" });
    await bot.ask("/add milk", { chat: id });
    await bot.ask("/remind 1m tea", { chat: id });
    bot.telegram.trouble(id, { migratedTo: moved });
  }
  await bot.ask("/add bread", { chat: told.moved });
  bot.telegram.bot().updates.push("message", {
    message_id: 1000,
    date: 0,
    from: { id: 4242, is_bot: false, first_name: "You" },
    chat: { id: told.id, type: "group", title: "Team" },
    migrate_to_chat_id: told.moved,
  } as never);
  await until(() => bot.app.health.snapshot().updates.handled === 6);
  await clock.advance(60_000);
  for (const { moved } of [told, found])
    await until(() => JSON.stringify(bot.telegram.messages(moved)).includes("⏰ tea"));
  assert.equal(await bot.ask("/list", { chat: told.moved }), "<b>1</b> bread\n<b>2</b> milk");
  assert.equal(await bot.ask("/list", { chat: found.moved }), "<b>1</b> milk");
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("a full disk: what was sent is not sent again, however long it cannot be taken off the list", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  await bot.ask("/remind 1m tea");
  bot.db.exec("PRAGMA query_only = 1"); // as a full disk, refuses every write
  await clock.advance(60_000);
  await bot.telegram.called("sendMessage", { skip: 1 });
  for (let tries = 0; tries < 3; tries++) {
    await clock.sleeping(5000);
    assert.equal(bot.app.health.snapshot().status, "fail");
    await clock.advance(5000);
  }
  bot.db.exec("PRAGMA query_only = 0");
  await clock.advance(5000);
  assert.equal(await bot.ask("/reminders"), "No reminders. Set one: /remind 20m tea");
  assert.deepEqual(
    bot.telegram.messages(4242).flatMap((message) => ("text" in message && message.text.startsWith("⏰") ? 1 : [])),
    [1],
  );
});

test("a reminder to who has blocked the bot is dropped without an error, another refusal is one", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  await bot.ask("/remind 1m tea");
  bot.telegram.trouble(4242, "blocked");
  await clock.advance(60_000);
  await until(() => bot.db.prepare("SELECT count(*) AS n FROM outbound").get()?.["n"] === 0);
  assert.equal(bot.app.health.snapshot().errors.total, 0);
  bot.telegram.trouble(4242, null);
  await bot.ask("/remind 1m tea", {}, 0);
  bot.telegram.faults.add({
    method: "sendMessage",
    fault: { kind: "error", code: 400, description: "Bad Request: no" },
  });
  await clock.advance(60_000);
  await until(() => bot.app.health.snapshot().errors.by_reason["reply"] === 1);
});

test("a reply that could not be sent for a day is given up", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  bot.telegram.faults.add({
    method: "sendMessage",
    fault: { kind: "flood", retryAfterSeconds: REPLY_EXPIRES_MS / 1000 },
  });
  bot.telegram.say("/ping");
  await until(() => bot.db.prepare("SELECT 1 FROM outbound").get() !== undefined);
  await clock.advance(1000);
  await until(() => bot.app.health.snapshot().errors.by_reason["reply"] === 1);
  assert.equal(bot.db.prepare("SELECT count(*) AS n FROM outbound").get()?.["n"], 0);
});

test("a postponed reply holds back the later ones of its chat, and no other chat", (t) => {
  const outbound = createOutbound(
    openDatabase(`${temporaryDir(t)}/bot.db`),
    () => 0,
    (_operation, _table, call) => call(),
  );
  for (const [chat, due] of [
    [1, 10],
    [1, 20],
    [2, 30],
  ] as const)
    outbound.put(reply(chat, due));
  const first = outbound.next();
  assert.ok(first);
  outbound.postpone(first, 100);
  assert.equal(outbound.next()?.chatId, 2);
  outbound.sent(outbound.next()?.id ?? 0);
  assert.deepEqual([outbound.next()?.id, outbound.next()?.attempts], [first.id, 1]);
  outbound.sent(first.id);
  assert.equal(outbound.next()?.dueAt, 100);
});

test("a reply that is kept behind a postponed one of its chat does not overtake it", (t) => {
  const outbound = createOutbound(
    openDatabase(`${temporaryDir(t)}/bot.db`),
    () => 0,
    (_operation, _table, call) => call(),
  );
  outbound.put(reply(1, 10));
  const first = outbound.next();
  assert.ok(first);
  outbound.postpone(first, 100);
  outbound.put({ ...reply(1, 20), kind: "reminder" });
  const reminder = outbound.next();
  assert.equal(reminder?.dueAt, 20, "a reminder waits for nobody");
  outbound.sent(reminder?.id ?? 0);
  outbound.put(reply(1, 20));
  outbound.put(reply(2, 30));
  assert.equal(outbound.next()?.chatId, 2);
  outbound.sent(outbound.next()?.id ?? 0);
  assert.equal(outbound.next()?.id, first.id);
  outbound.sent(first.id);
  assert.equal(outbound.next()?.dueAt, 100);
});

test("the wait before the next try is drawn by chance and kept in whole milliseconds, as the table wants them", async (t) => {
  const clock = fakeClock();
  const db = openDatabase(`${temporaryDir(t)}/bot.db`);
  const outbound = createOutbound(db, clock.now, (_operation, _table, call) => call());
  outbound.put(reply(1, clock.now()));
  const refused: unknown[] = [];
  const delivery = createDelivery({
    outbound,
    send: () => Promise.reject(new Error("nobody there")),
    worthKeeping: () => true,
    gaveUp: () => {},
    chatMoved: () => {},
    storageFailed: (error) => void refused.push(error),
    clock,
    random: () => 1 / 3,
  });
  const stop = new AbortController();
  const running = delivery.run(stop.signal);
  await until(() => refused.length > 0 || outbound.next()?.attempts === 1);
  stop.abort();
  await running;
  assert.deepEqual(refused, []);
  assert.equal((outbound.next()?.dueAt ?? 0) - clock.now(), 2666);
});

test("the same reminder is kept once: a replayed update sets no second one", (t) => {
  const outbound = createOutbound(
    openDatabase(`${temporaryDir(t)}/bot.db`),
    () => 0,
    (_operation, _table, call) => call(),
  );
  const reminder: LateMessage = { ...reply(1, 10), kind: "reminder", origin: "x" };
  assert.deepEqual([outbound.put(reminder), outbound.put(reminder)], [true, false]);
  assert.equal(outbound.hasReplies(1), false, "a reminder does not hold back replies");
});
