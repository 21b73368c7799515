import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeTelegram, type Fault } from "../../fake-telegram/mod.ts";
import { fakeClock, startTestBot, temporaryDir, until } from "../testing.ts";

/** What two polls in a row can suffer, and the word for it in /health. */
const faults: [reason: string, fault: Fault][] = [
  ["server", { kind: "error", code: 500, description: "Internal Server Error: restart" }],
  ["server", { kind: "html" }],
  ["reset", { kind: "reset", by: "rst" }],
  ["reset", { kind: "reset", by: "fin" }],
  ["reset", { kind: "truncate", by: "fin" }],
  ["reset", { kind: "truncate", by: "rst" }],
  ["timeout", { kind: "hang" }],
  ["timeout", { kind: "hang", headers: true }],
  ["timeout", { kind: "drip", pauseMs: 10 }],
  ["bad_request", { kind: "error", code: 400, description: "Bad Request: whatever" }],
];

for (const [reason, fault] of faults) {
  test(`b10, b13, b14: a poll spoilt by ${JSON.stringify(fault)} is retried at once, then after a wait, and no update is lost`, async (t) => {
    const clock = fakeClock();
    const telegram = await startFakeTelegram({ bots: ["shop"] });
    t.after(() => telegram.close());
    telegram.faults.add({ method: "getUpdates", fault, times: 2 });
    const bot = await startTestBot(t, { clock, telegram, deadlinesMs: { getUpdates: 250 } });
    await clock.sleeping(1000);
    const { telegram: health, errors, status } = bot.app.health.snapshot();
    assert.equal(health.connected, false);
    assert.equal(health.last_error?.reason, reason);
    assert.equal(health.next_retry_at, new Date(clock.now() + 1000).toISOString());
    assert.equal(errors.by_reason["poll"], 1, "a run of failures is one error");
    assert.equal(status, "degraded");
    telegram.say("/ping");
    await clock.advance(1000);
    await telegram.called("sendMessage");
    assert.equal(bot.app.health.snapshot().telegram.connected, true);
  });
}

for (const [, fault] of faults)
  test(`a lasting ${JSON.stringify(fault)} costs seven requests in the first half minute, then two a minute`, async (t) => {
    const clock = fakeClock();
    const telegram = await startFakeTelegram({ bots: ["shop"] });
    t.after(() => telegram.close());
    const lasting = telegram.faults.add({ method: "getUpdates", fault });
    const bot = await startTestBot(t, { clock, telegram, deadlinesMs: { getUpdates: 100 } });
    const polls = () => telegram.calls().filter(({ method }) => method === "getUpdates").length;
    for (const ms of [1000, 2000, 4000, 8000, 16_000]) {
      await clock.sleeping(ms);
      await clock.advance(ms);
    }
    for (const expected of [7, 8, 9]) {
      await clock.sleeping(30_000);
      assert.equal(polls(), expected);
      assert.equal(bot.app.health.snapshot().telegram.connected, false);
      if (expected < 9) await clock.advance(30_000);
    }
    await lasting.remove();
    await clock.advance(30_000);
    assert.equal(await bot.ask("/ping"), "pong");
  });

test("a body that was cut after the updates were confirmed brings them again, and they are handled once", async (t) => {
  const clock = fakeClock();
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  telegram.faults.add({ method: "getUpdates", when: "after", fault: { kind: "truncate" }, times: 1, skip: 1 });
  const bot = await startTestBot(t, { clock, telegram });
  await telegram.called("getUpdates");
  assert.equal(await bot.ask("/ping"), "pong");
  assert.equal(await bot.ask("/add once"), "Added <b>1</b>: once");
  await until(() => bot.app.health.snapshot().updates.handled === 2);
  assert.equal(bot.telegram.messages(4242).length, 4);
});

test("b20: a flood wait on getUpdates is kept to the second and shown", async (t) => {
  const clock = fakeClock();
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  telegram.faults.add({ method: "getUpdates", fault: { kind: "flood", retryAfterSeconds: 6775 }, times: 1 });
  const bot = await startTestBot(t, { clock, telegram });
  await clock.sleeping(6_776_000);
  const { flood_until: until, last_error: error } = bot.app.health.snapshot().telegram;
  assert.equal(until, new Date(clock.now() + 6_776_000).toISOString());
  assert.deepEqual([error?.reason, error?.code], ["flood", 429]);
  await clock.advance(6_775_999);
  assert.equal(telegram.calls().filter((call) => call.method === "getUpdates").length, 1);
  await clock.advance(1);
  await telegram.called("getUpdates", { skip: 1 });
});

test("failure 15, b5: an outage is survived however long it is, and the bot is back within 30 s of its end", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock, deadlinesMs: { getUpdates: 200 } });
  await bot.telegram.called("getUpdates");
  const outage = bot.telegram.faults.add({ fault: { kind: "refuse" } });
  for (const ms of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
    await clock.sleeping(ms);
    await clock.advance(ms);
  }
  await clock.sleeping(30_000);
  assert.equal(bot.app.health.snapshot().telegram.last_error?.reason, "connect");
  const logged = bot.lines.filter((line) => line["event"] === "telegram.poll.failed");
  assert.deepEqual(
    logged.map((line) => line["run"]),
    [1, 2, 4, 8],
  );
  await outage.remove();
  await clock.advance(30_000);
  assert.equal(await bot.ask("/ping"), "pong");
  assert.equal(bot.lines.filter((line) => line["event"] === "telegram.poll.recovered").length, 1);
});

test("failure 7, b3, b17: in production a revoked token stops polling, is asked about every 15 minutes, and works again when it is restored", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock, env: { NODE_ENV: "production" } });
  await bot.telegram.called("getUpdates");
  bot.telegram.revoke();
  await clock.sleeping(900_000);
  const health = bot.app.health.snapshot();
  assert.equal(health.status, "fail");
  assert.equal(health.telegram.stopped, true);
  assert.deepEqual([health.telegram.last_error?.reason, health.telegram.last_error?.code], ["unauthorized", 401]);
  const before = bot.telegram.calls().length;
  await clock.advance(899_999);
  assert.equal(bot.telegram.calls().length, before, "nothing is asked in between");
  await clock.advance(1);
  await bot.telegram.called("getMe", { skip: 1 });
  await clock.sleeping(900_000);
  bot.telegram.restore();
  await clock.advance(900_000);
  assert.equal(await bot.ask("/ping"), "pong");
  assert.equal(bot.app.health.snapshot().telegram.stopped, false);
});

test("in development a token that never worked ends the bot, one that worked before does not", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const dataDir = temporaryDir(t);
  telegram.revoke();
  const never = await startTestBot(t, { telegram, clock: fakeClock(), env: { NODE_ENV: "development" } });
  assert.equal(await never.ended, "refused");

  telegram.restore();
  const worked = await startTestBot(t, { telegram, clock: fakeClock(), dataDir });
  await telegram.called("getUpdates");
  await worked.stop();
  telegram.revoke();
  const clock = fakeClock();
  const later = await startTestBot(t, { telegram, clock, dataDir });
  await clock.sleeping(900_000);
  assert.equal(later.app.health.snapshot().telegram.stopped, true);
});

test("failure 6, b12: a webhook that is set while we poll is deleted once, with the pending updates kept", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  await bot.telegram.called("getUpdates", { where: ({ state }) => state === "waiting" });
  await fetch(`${bot.telegram.url}/bot${bot.telegram.bot().token}/setWebhook?url=https://example.com/hook`);
  await clock.sleeping(5000);
  bot.telegram.say("/ping");
  await clock.advance(5000);
  const deleted = await bot.telegram.called("deleteWebhook", { skip: 1 });
  assert.deepEqual(deleted.params, {});
  await clock.sleeping(10_000);
  await clock.advance(10_000);
  await bot.telegram.called("sendMessage");
});

test("failure 4, b3: of two bots with one token both stay up, say conflict, and take turns without hammering", async (t) => {
  const clock = fakeClock();
  const first = await startTestBot(t, { clock });
  await first.telegram.called("getUpdates", { where: (call) => call.state === "waiting" });
  const second = await startTestBot(t, { clock, telegram: first.telegram });
  await clock.sleeping(5000);
  assert.equal(first.app.health.snapshot().telegram.last_error?.code, 409, "the older, waiting poll loses");
  assert.equal(second.app.health.snapshot().telegram.last_error, null);
  await clock.advance(5000);
  await clock.sleeping(5000);
  assert.deepEqual(
    [first, second].map((bot) => bot.app.health.snapshot().telegram.last_error?.reason),
    ["conflict", "conflict"],
  );
  assert.deepEqual(await Promise.all([first.stop(), second.stop()]), ["stopped", "stopped"]);
});

test("while Telegram is unreachable at the start a bot that was known before polls as soon as it is back", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const dataDir = temporaryDir(t);
  const before = await startTestBot(t, { telegram, clock: fakeClock(), dataDir });
  await telegram.called("getUpdates");
  await before.stop();
  telegram.faults.add({ method: "getMe", fault: { kind: "reset" } });
  const bot = await startTestBot(t, { telegram, clock: fakeClock(), dataDir });
  assert.equal(await bot.ask("/ping"), "pong");
  assert.equal(bot.app.health.snapshot().telegram.username, "shop_bot");
});

test("b7: a bot that nobody answered yet asks again and again who it is, and then polls", async (t) => {
  const clock = fakeClock();
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  telegram.faults.add({ method: "getMe", fault: { kind: "html" }, times: 3 });
  const bot = await startTestBot(t, { telegram, clock });
  await clock.sleeping(1000);
  assert.equal(bot.app.health.snapshot().telegram.connected, false);
  await clock.advance(1000);
  await clock.sleeping(2000);
  await clock.advance(2000);
  assert.equal(await bot.ask("/ping"), "pong");
});

test("failure 22, b2: a full disk confirms nothing: Telegram keeps the updates until there is room, and /health says why", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  await bot.telegram.called("getUpdates");
  const pages = Number(bot.db.prepare("PRAGMA page_count").get()?.["page_count"]);
  bot.db.exec(`PRAGMA max_page_count = ${pages}`);
  for (let n = 0; n < 80; n++) bot.telegram.say(`/add ${"x".repeat(400)} ${n}`);
  await clock.sleeping(5000);
  const health = bot.app.health.snapshot();
  assert.equal(health.status, "fail");
  assert.match(health.checks["sqlite"]?.error ?? "", /full/);
  assert.equal(health.telegram.connected, true, "it is not Telegram that is broken");
  assert.equal(health.telegram.next_retry_at, new Date(clock.now() + 5000).toISOString());
  assert.equal(health.errors.by_reason["storage"], 1);
  assert.ok(bot.telegram.pending() > 0);
  bot.db.exec("PRAGMA max_page_count = 100000");
  await clock.advance(5000);
  await bot.telegram.called("sendMessage", { skip: 79 });
  assert.equal(bot.app.health.snapshot().status, "ok");
  assert.equal(
    bot.telegram.messages(4242).filter((message) => "text" in message && message.text.startsWith("Added")).length,
    80,
  );
});

test("b20: a flood wait on getMe at the start is kept too", async (t) => {
  const clock = fakeClock();
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  telegram.faults.add({ method: "getMe", fault: { kind: "flood", retryAfterSeconds: 30 }, times: 1 });
  const bot = await startTestBot(t, { clock, telegram });
  await clock.sleeping(31_000);
  assert.equal(bot.app.health.snapshot().telegram.flood_until, new Date(clock.now() + 31_000).toISOString());
  await clock.advance(31_000);
  assert.equal(await bot.ask("/ping"), "pong");
  assert.equal(telegram.calls().filter(({ method }) => method === "getMe").length, 2);
});

for (const [when, method] of [
  ["at the start", "getMe"],
  ["while it polls", "getUpdates"],
] as const)
  test(`b8, b16: a stop in a black hole ${when} ends the call in hand and makes no last one`, async (t) => {
    const telegram = await startFakeTelegram({ bots: ["shop"] });
    t.after(() => telegram.close());
    telegram.faults.add({ method, fault: { kind: "hang" } });
    const bot = await startTestBot(t, { telegram });
    await telegram.called(method);
    const before = telegram.calls().length;
    assert.equal(await bot.stop(), "stopped");
    assert.equal(telegram.calls().length, before);
  });

test("b9: however many handlers hang, polls go on and every update is taken in", async (t) => {
  const bot = await startTestBot(t, { env: { SHUTDOWN_TIMEOUT: "1s" } });
  const { telegram } = bot;
  const hang = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
  const people = 120;
  for (let user = 1; user <= people; user++) telegram.say("/ping", { user });
  await until(() => bot.app.health.snapshot().updates.received === people);
  await telegram.called("getUpdates", { where: ({ state }) => state === "waiting" });
  assert.equal(telegram.pending(), 0, "all are confirmed, and in the inbox");
  await hang.remove();
});

test("b19: of two bots that overlap in a deploy the old one, which is stopping, ends without an error", async (t) => {
  const old = await startTestBot(t);
  const { telegram } = old;
  const slow = telegram.faults.add({ method: "sendMessage", fault: { kind: "slow", delayMs: 300 } });
  telegram.say("/ping");
  await until(() => old.app.health.inFlight() === 1);
  const stopped = old.stop();
  const next = await startTestBot(t, { telegram });
  await until(() => next.app.health.snapshot().telegram.connected);
  assert.equal(await stopped, "stopped");
  await slow.remove();
  assert.deepEqual(
    old.lines.filter(({ level }) => Number(level) >= 40),
    [],
  );
  assert.equal(telegram.messages(4242).length, 2, "and what it had in hand was answered");
});

test("a quiet bot is known to be connected at once, at the start and after an outage", async (t) => {
  const clock = fakeClock();
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  telegram.faults.add({
    method: "getUpdates",
    skip: 1,
    times: 2,
    fault: { kind: "error", code: 502, description: "Bad Gateway" },
  });
  const bot = await startTestBot(t, { clock, telegram });
  await clock.sleeping(1000);
  await clock.advance(1000);
  await telegram.called("getUpdates", {
    where: ({ state, params }) => state === "waiting" && params["timeout"] === 30,
  });
  assert.deepEqual(
    telegram
      .calls()
      .filter(({ method }) => method === "getUpdates")
      .map(({ params }) => params["timeout"]),
    [0, 30, 0, 0, 30],
  );
  assert.equal(bot.app.health.snapshot().telegram.connected, true);
});

test("failure 23, b12: the full list of update kinds goes with every poll, and a stop ends the poll in flight", async (t) => {
  const bot = await startTestBot(t);
  const first = await bot.telegram.called("getUpdates");
  const call = await bot.telegram.called("getUpdates", { where: ({ state }) => state === "waiting" });
  for (const { params } of [first, call]) assert.deepEqual(params["allowed_updates"], ["message", "callback_query"]);
  assert.equal(call.params["timeout"], 30);
  assert.equal(await bot.stop(), "stopped");
  await until(() => call.state === "gone");
});
