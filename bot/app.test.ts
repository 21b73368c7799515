import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { fakeClock, startTestBot, temporaryDir, until } from "./testing.ts";

test("tasks are added, listed, ticked off; each chat has its own list", async (t) => {
  const bot = await startTestBot(t);
  assert.match(await bot.ask("/start"), /^Hello You!.*\/add &lt;task&gt; – put a task on the list/s);
  assert.equal(await bot.ask("/list"), "Nothing to do. Put something on the list with /add.");
  assert.equal(await bot.ask("/add buy <b>tea</b> & milk"), "Added <b>1</b>: buy &lt;b&gt;tea&lt;/b&gt; &amp; milk");
  assert.equal(await bot.ask("/add call Ann"), "Added <b>2</b>: call Ann");
  assert.equal(await bot.ask("/list"), "<b>1</b> buy &lt;b&gt;tea&lt;/b&gt; &amp; milk\n<b>2</b> call Ann");
  assert.equal(await bot.ask("/done 1"), "Done: <s>buy &lt;b&gt;tea&lt;/b&gt; &amp; milk</s>");
  assert.equal(await bot.ask("/done 1"), "Done: <s>buy &lt;b&gt;tea&lt;/b&gt; &amp; milk</s>");
  assert.equal(await bot.ask("/list"), "<b>2</b> call Ann");
  assert.equal(await bot.ask("/list", { user: 7 }), "Nothing to do. Put something on the list with /add.");
  assert.equal(await bot.ask("/add third"), "Added <b>3</b>: third", "numbers are not given twice");
});

const mistakes: [says: string, answer: RegExp][] = [
  ["/add", /What shall I add\?/],
  [`/add ${"x".repeat(501)}`, /may have 500 characters, this has 501/],
  ["/done", /Which one\?/],
  ["/done two", /Which one\?/],
  ["/done 99", /There is no task 99/],
  ["/done 9999999999", /Which one\?/],
  ["/remind tea", /When and what\?/],
  ["/remind 20m", /When and what\?/],
  [`/remind 20m ${"x".repeat(501)}`, /may have 500 characters/],
  ["/status", /Only the operators/],
  ["hello", /I did not understand/],
];
test("mistakes get a friendly answer and are no errors", async (t) => {
  const bot = await startTestBot(t);
  for (const [says, answer] of mistakes) assert.match(await bot.ask(says), answer, says);
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("a handler that throws answers politely with the 8 digits that lead to its trace, and counts one error", async (t) => {
  const bot = await startTestBot(t);
  await bot.ask("/add tea");
  const [, reference] = /mention <code>([0-9a-f]{8})<\/code>/.exec(await bot.ask("/boom")) ?? [];
  assert.ok(reference);
  await until(() => bot.app.health.snapshot().updates.failed === 1);
  const line = bot.lines.find((line) => line["event"] === "telegram.update.failed");
  assert.equal(String(line?.["telegram.correlation_id"]).slice(0, 8), reference);
  assert.match(JSON.stringify(line?.["err"]), /boom: failed on purpose with 1 open tasks/);
  const { errors, updates } = bot.app.health.snapshot();
  assert.deepEqual([errors.total, errors.by_reason["handler"], updates.handled], [1, 1, 1]);
  assert.equal(await bot.ask("/ping"), "pong", "the bot goes on");
});

test("in production there is no /boom", async (t) => {
  const bot = await startTestBot(t, { env: { NODE_ENV: "production" } });
  assert.match(await bot.ask("/boom"), /I did not understand/);
});

test("who is not allowed gets one polite refusal", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_ALLOWED_USERS: "4242" } });
  assert.equal(await bot.ask("/ping"), "pong");
  assert.match(await bot.ask("/ping", { user: 7 }), /this bot is private.*user id: 7$/);
  bot.telegram.say("/ping", { user: 7 });
  assert.equal(await bot.ask("/ping"), "pong");
  assert.equal(bot.telegram.messages(7).filter((message) => message.from?.is_bot).length, 1);
});

test("too many updates of one user are dropped with one word, others go on", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { env: { BOT_RATE_LIMIT: "2/60s" }, clock });
  await bot.ask("/ping");
  await bot.ask("/ping");
  assert.match(await bot.ask("/ping"), /Give me a moment/);
  bot.telegram.say("/ping");
  assert.equal(await bot.ask("/ping", { user: 7 }), "pong");
  await until(() => bot.app.health.snapshot().updates.handled === 5);
  await clock.advance(30_000);
  assert.equal(await bot.ask("/ping"), "pong");
});

test("what Telegram itself notes in a chat, a pin for example, is not answered; a picture is", async (t) => {
  const bot = await startTestBot(t);
  assert.equal(await bot.ask("/ping"), "pong");
  const [, pong] = bot.telegram.messages(4242);
  bot.telegram
    .bot()
    .updates.push("message", { ...pong, from: { id: 4242 }, text: undefined, pinned_message: pong } as never);
  bot.telegram.photo(Buffer.from("x"));
  await until(() => bot.app.health.snapshot().updates.handled === 3);
  assert.deepEqual(
    bot.telegram.calls().flatMap(({ method, params }) => (method === "sendMessage" ? [params["text"]] : [])),
    ["pong", "I did not understand that. /help shows what I can do."],
  );
});

test("in a group only commands are answered", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const group = telegram.group({ id: -500, title: "Team" });
  const bot = await startTestBot(t, { telegram });
  telegram.say("hello @shop_bot", { chat: group.id });
  assert.equal(await bot.ask("/ping@shop_bot", { chat: group.id }), "pong");
});

test("a long list comes in several messages", async (t) => {
  const bot = await startTestBot(t);
  for (let n = 0; n < 10; n++) await bot.ask(`/add ${"x".repeat(480)}`);
  await bot.ask("/list", {}, 1);
  const [first, second] = bot.telegram.messages(4242).slice(-2);
  assert.match((first as { text: string }).text, /^1 x/);
  assert.match((second as { text: string }).text, /^9 x+\n10 x+$/);
});

test("failure 9: the menu of commands is sent to Telegram only when it changed", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const dataDir = temporaryDir(t);
  const menus = (): number => telegram.calls().filter((call) => call.method === "setMyCommands").length;
  const first = await startTestBot(t, { telegram, dataDir });
  await telegram.called("setMyCommands");
  await until(() => first.db.prepare("SELECT 1 FROM meta WHERE key LIKE 'menu:%'").get() !== undefined);
  await first.stop();
  const second = await startTestBot(t, { telegram, dataDir });
  await second.ask("/ping");
  await second.stop();
  assert.equal(menus(), 1);
  const changed = await startTestBot(t, { telegram, dataDir, env: { NODE_ENV: "production" } });
  await telegram.called("setMyCommands", { skip: 1 });
  await changed.stop();
});

test("a process that ended without its clean-stop mark counts as one crash at the next start", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const dataDir = temporaryDir(t);
  const crashes = async (crash: boolean): Promise<number | undefined> => {
    const bot = await startTestBot(t, { telegram, dataDir, crash });
    const { by_reason: reasons } = bot.app.health.snapshot().errors;
    await bot.stop();
    return reasons["crash"];
  };
  assert.equal(await crashes(false), 0);
  assert.equal(await crashes(true), 0);
  assert.equal(await crashes(false), 1);
  assert.equal(await crashes(false), 0);
});

test("the data directory and its files are for the bot alone", async (t) => {
  const dataDir = join(temporaryDir(t), "deep", "data");
  const bot = await startTestBot(t, { dataDir });
  await bot.ask("/add tea");
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  assert.equal(mode(dataDir), "700");
  for (const name of ["bot.db", "bot.db-wal", "bot.db-shm", "bot.lock"])
    assert.equal(mode(join(dataDir, name)), "600", name);
});

test("failure 20, b1: a handler cut off by the drain is replayed by the next process under the same reference, and done once", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const dataDir = temporaryDir(t);
  const hang = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
  const clock = fakeClock();
  const first = await startTestBot(t, { telegram, dataDir, clock, env: { SHUTDOWN_TIMEOUT: "10s" } });
  telegram.say("/add tea");
  telegram.say("/add milk");
  await telegram.called("sendMessage");
  const stopped = first.stop();
  await clock.sleeping(5000);
  await clock.advance(5000);
  assert.equal(await stopped, "stopped");
  await hang.remove();

  const second = await startTestBot(t, { telegram, dataDir, clock: fakeClock() });
  await telegram.called("sendMessage", { skip: 2 });
  await until(() => second.app.health.snapshot().updates.handled === 2);
  assert.deepEqual(
    telegram.messages(4242).flatMap((message) => (message.from?.is_bot && "text" in message ? [message.text] : [])),
    ["Added 1: tea", "Added 2: milk"],
  );
  const ids = (lines: Record<string, unknown>[]) =>
    lines.filter((line) => line["msg"] === "update handled").map((line) => line["telegram.correlation_id"]);
  assert.equal(ids(first.lines)[0], ids(second.lines)[0]);
  assert.match(JSON.stringify(second.lines), /were in work when the last process ended/);
});

test("restarts in an outage, however many, lose no update: who cut it off was the operator, not a crash", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const dataDir = temporaryDir(t);
  const hang = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
  telegram.say("/add tea");
  for (let restart = 0; restart < 4; restart++) {
    const clock = fakeClock();
    const bot = await startTestBot(t, { telegram, dataDir, clock, env: { SHUTDOWN_TIMEOUT: "10s" } });
    await telegram.called("sendMessage", { skip: restart });
    const stopped = bot.stop();
    await clock.sleeping(5000);
    await clock.advance(5000);
    await stopped;
  }
  await hang.remove();
  const last = await startTestBot(t, { telegram, dataDir });
  await until(() => last.app.health.snapshot().updates.handled === 1);
  assert.equal((telegram.messages(4242).at(-1) as { text: string }).text, "Added 1: tea");
  assert.equal(last.app.health.snapshot().errors.total, 0);
});
