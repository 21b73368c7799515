import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeTelegram, type Fault } from "../../fake-telegram/mod.ts";
import { fakeClock, startTestBot, until } from "../testing.ts";
import { nextAttempt, worthKeeping, type FailedCall } from "./resend.ts";

const longest = (failed: FailedCall) => nextAttempt(failed, () => 1);

test("b6: who was not reached is tried four times, a lost answer twice, a refusal once", () => {
  const waits = (reason: FailedCall["reason"]) => [1, 2, 3, 4].map((attempt) => longest({ reason, attempt }));
  for (const reason of ["dns", "connect", "tls", "server"] as const) {
    assert.deepEqual(waits(reason), [1000, 2000, 4000, undefined], reason);
  }
  for (const reason of ["reset", "protocol"] as const) {
    assert.deepEqual(waits(reason), [1000, undefined, undefined, undefined], reason);
  }
  for (const reason of [
    "bad_request",
    "forbidden",
    "unauthorized",
    "conflict",
    "timeout",
    "aborted",
    "_OTHER",
  ] as const) {
    assert.equal(longest({ reason, attempt: 1 }), undefined, reason);
  }
  assert.equal(longest({ reason: "flood", attempt: 1, retryAfterSeconds: 7 }), 8000);
});

test("a refusal is never kept for later, an outage and a flood are", () => {
  assert.deepEqual((["bad_request", "forbidden", "aborted", "_OTHER"] as const).filter(worthKeeping), []);
  assert.ok((["flood", "dns", "connect", "server", "timeout", "reset", "unauthorized"] as const).every(worthKeeping));
});

const passing: [title: string, fault: Fault, when: "before" | "after", waitMs: number, messages: number][] = [
  ["a 500", { kind: "error", code: 500, description: "Internal Server Error" }, "before", 1000, 1],
  ["the front end's 502 page", { kind: "html" }, "before", 1000, 1],
  ["a reset before the work", { kind: "reset" }, "before", 1000, 1],
  ["a FIN before the work", { kind: "reset", by: "fin" }, "before", 1000, 1],
  ["a reset after the work", { kind: "reset" }, "after", 1000, 2],
  ["a body cut after the work", { kind: "truncate" }, "after", 1000, 2],
  ["a short flood wait", { kind: "flood", retryAfterSeconds: 3 }, "before", 4000, 1],
];
for (const [title, fault, when, waitMs, messages] of passing) {
  test(`${title} on sendMessage does not lose the reply`, async (t) => {
    const clock = fakeClock();
    const bot = await startTestBot(t, { clock });
    bot.telegram.faults.add({ method: "sendMessage", fault, when, times: 1 });
    const asked = bot.ask("/ping", {}, 1);
    await clock.sleeping(waitMs);
    await clock.advance(waitMs);
    assert.equal(await asked, "pong");
    await until(() => bot.app.health.snapshot().updates.handled === 1);
    assert.equal(bot.telegram.messages(4242).filter((message) => message.from?.is_bot).length, messages);
    assert.equal(bot.app.health.snapshot().errors.total, 0);
  });
}

test("a long flood wait keeps the replies, in order, past a restart; other chats go on", async (t) => {
  const clock = fakeClock();
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const flood = telegram.faults.add({
    method: "sendMessage",
    chat: 4242,
    fault: { kind: "flood", retryAfterSeconds: 6775 },
  });
  const bot = await startTestBot(t, { telegram, clock });
  await bot.ask("/add one");
  await until(() => bot.app.health.snapshot().updates.handled === 1);
  telegram.say("/add two");
  assert.equal(await bot.ask("/ping", { user: 7 }), "pong");
  await until(() => bot.app.health.snapshot().updates.handled === 3);
  const toChat = (): number =>
    telegram.calls().filter((call) => call.method === "sendMessage" && call.params["chat_id"] === 4242).length;
  const before = toChat();
  await clock.advance(6_000_000);
  assert.equal(toChat(), before, "nothing goes to that chat before its time");
  await bot.stop();

  await flood.remove();
  const later = fakeClock(clock.now() + 776_000);
  const next = await startTestBot(t, { telegram, clock: later, dataDir: bot.dataDir });
  await until(() => telegram.messages(4242).length === 4);
  assert.deepEqual(
    telegram.messages(4242).flatMap((message) => (message.from?.is_bot && "text" in message ? [message.text] : [])),
    ["Added 1: one", "Added 2: two"],
  );
  assert.equal(next.app.health.snapshot().errors.total, 0);
});

test("a reply that Telegram refuses for good is an error of the reply, and nothing is kept", async (t) => {
  const bot = await startTestBot(t);
  const fault: Fault = { kind: "error", code: 400, description: "Bad Request: CHAT_RESTRICTED" };
  bot.telegram.faults.add({ method: "sendMessage", fault });
  bot.telegram.say("/ping");
  await until(() => bot.app.health.snapshot().updates.failed === 1);
  assert.equal(bot.app.health.snapshot().errors.by_reason["reply"], 1);
  assert.equal(bot.db.prepare("SELECT count(*) AS n FROM outbound").get()?.["n"], 0);
});

test("a user who has blocked the bot is no error", async (t) => {
  const bot = await startTestBot(t);
  bot.telegram.say("/ping");
  await bot.telegram.called("sendMessage");
  bot.telegram.trouble(4242, "blocked");
  bot.telegram.say("/ping");
  await until(() => bot.app.health.snapshot().updates.handled === 2);
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("a group that does not let the bot write is no error", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  const { id } = bot.telegram.group({ id: -500, title: "Team", type: "supergroup" });
  bot.telegram.trouble(id, "restricted");
  bot.telegram.say("/ping", { chat: id });
  const done = (): number => {
    const { handled, failed } = bot.app.health.snapshot().updates;
    return handled + failed;
  };
  await until(() => done() === 1);
  bot.telegram.trouble(id, null);
  assert.match(await bot.ask("/remind 1m tea", { chat: id }), /^I will remind you/);
  bot.telegram.trouble(id, "restricted");
  await clock.advance(60_000);
  await until(() => bot.db.prepare("SELECT count(*) AS n FROM outbound").get()?.["n"] === 0);
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("a send that nobody answers is given up at its deadline, kept, and sent when Telegram is back", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock, deadlinesMs: { sendMessage: 50 } });
  bot.telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" }, times: 1 });
  bot.telegram.say("/ping");
  await until(() => bot.app.health.snapshot().updates.handled === 1);
  await clock.sleeping(1000);
  await clock.advance(1000);
  await bot.telegram.called("sendMessage", { skip: 1 });
  await until(() => bot.telegram.messages(4242).length === 2);
});
