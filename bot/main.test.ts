import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BotHealth } from "@gramwatch/otel";
import { startFakeTelegram, type FakeTelegram } from "../fake-telegram/mod.ts";
import { openDatabase } from "./storage/database.ts";
import { temporaryDir, until } from "./testing.ts";

/** A process takes seconds to start on a busy machine. */
const timeoutMs = 60_000;
const MAIN = join(import.meta.dirname, "main.ts");

interface Running {
  process: ChildProcess;
  /** Everything it printed. */
  output: () => string;
  /** Exit code, or the signal that killed it. */
  exit: Promise<number | string>;
  /** The HTTP port, once it is known. */
  port: () => Promise<number>;
}

function start(t: TestContext, env: Record<string, string>, uid?: number): Running {
  let output = "";
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env["PATH"], OTEL_SDK_DISABLED: "true", BOT_HTTP_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid !== undefined && { uid }),
  });
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (output += part.toString()));
  const exit = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  t.after(() => child.kill("SIGKILL"));
  return {
    process: child,
    output: () => output,
    exit,
    async port() {
      await until(() => output.includes('"port":')); // stdout is flushed every second
      return Number(/"port":(\d+)/.exec(output)?.[1]);
    },
  };
}

const envOf = (t: TestContext, telegram: FakeTelegram): Record<string, string> => ({
  BOT_TOKEN: telegram.bot().token,
  TELEGRAM_API_ROOT: telegram.url,
  DATA_DIR: temporaryDir(t),
});

const healthOf = async (port: number): Promise<BotHealth> =>
  (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as BotHealth;

async function fake(t: TestContext): Promise<FakeTelegram> {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  return telegram;
}

test("without a token it ends with 78 and says what to do", async (t) => {
  const bot = start(t, { BOT_HTTP_PORT: "none", OTEL_TRACES_EXPORTER: "zipkin" });
  assert.equal(await bot.exit, 78);
  assert.equal(
    bot.output(),
    `The configuration has 3 problems:
  BOT_TOKEN: required: ask @BotFather for a token and set BOT_TOKEN or BOT_TOKEN_FILE (\`npm start\` without one uses a stand-in)
  BOT_HTTP_PORT = "none": a whole number from 0 to 65535
  OTEL_TRACES_EXPORTER = "zipkin": one of otlp, none
`,
  );
});

test("a token that Telegram refuses and that never worked ends with 78 in development; the token is not printed", async (t) => {
  const telegram = await fake(t);
  telegram.revoke();
  const bot = start(t, envOf(t, telegram));
  assert.equal(await bot.exit, 78);
  assert.match(
    bot.output(),
    /BOT_TOKEN = \(secret, not shown\): http.* refuses it \(401\)\. Copy the token again from @BotFather/,
  );
  assert.ok(!bot.output().includes(telegram.bot().token.split(":")[1] ?? ""));
});

test("in production a refused token leaves it up, and /health says unauthorized with 503", async (t) => {
  const telegram = await fake(t);
  telegram.revoke();
  const bot = start(t, { ...envOf(t, telegram), NODE_ENV: "production" });
  await telegram.called("getMe", { timeoutMs });
  const answer = await fetch(`http://127.0.0.1:${await bot.port()}/health`);
  const body = (await answer.json()) as {
    status: string;
    telegram: { stopped: boolean; last_error: { reason: string } };
  };
  assert.deepEqual(
    [answer.status, body.status, body.telegram.stopped, body.telegram.last_error.reason],
    [503, "fail", true, "unauthorized"],
  );
  assert.equal((await fetch(`http://127.0.0.1:${await bot.port()}/livez`)).status, 200);
  bot.process.kill("SIGTERM");
  assert.equal(await bot.exit, 0);
});

test("a port in use ends with 1 and the remedy", async (t) => {
  const telegram = await fake(t);
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const env = { ...envOf(t, telegram), BOT_HTTP_PORT: String(port) };
  const bot = start(t, env);
  assert.equal(await bot.exit, 1);
  const free = start(t, { ...env, BOT_HTTP_PORT: "0" });
  assert.equal((await healthOf(await free.port())).errors.total, 0, "no crash");
  assert.equal(
    bot.output(),
    `The address 127.0.0.1:${port} is in use. End the process that has it, or set BOT_HTTP_PORT to a free port.\n`,
  );
});

test("a DATA_DIR that cannot be made ends with 1 and the remedy", async (t) => {
  const telegram = await fake(t);
  const file = join(MAIN, "data");
  const bot = start(t, { ...envOf(t, telegram), DATA_DIR: file });
  assert.equal(await bot.exit, 1);
  assert.match(
    bot.output(),
    /^DATA_DIR .*main\.ts\/data is not writable \(ENOTDIR\)\. Give it to the user that the bot runs as \(uid \d+\), or set DATA_DIR to a directory that is\.\n$/,
  );
});

test("a DATA_DIR of another user ends with 1 and the remedy", async (t) => {
  const telegram = await fake(t);
  const dir = temporaryDir(t);
  chmodSync(dir, 0o555);
  // Root may write anywhere, so there the bot runs as nobody.
  const bot = start(t, { ...envOf(t, telegram), DATA_DIR: dir }, process.getuid?.() === 0 ? 65_534 : undefined);
  assert.equal(await bot.exit, 1);
  assert.match(bot.output(), /^DATA_DIR .* is not writable \(EACCES\)\. Give it to the user that the bot runs as/);
});

test("a damaged database ends with 1 and the remedy", async (t) => {
  const telegram = await fake(t);
  const env = envOf(t, telegram);
  writeFileSync(
    join(env["DATA_DIR"] ?? "", "bot.db"),
    "no database at all, but long enough to look like one".repeat(50),
  );
  const bot = start(t, env);
  assert.equal(await bot.exit, 1);
  assert.match(
    bot.output(),
    /^The database .* cannot be used: file is not a database\. Free the disk, restore a backup, or set DATA_DIR to another directory\.\n$/,
  );
});

test("a disk that is full at the start ends with 1 and the remedy", async (t) => {
  const telegram = await fake(t);
  const env = envOf(t, telegram);
  const db = openDatabase(join(env["DATA_DIR"] ?? "", "bot.db"));
  db.exec("CREATE TRIGGER full BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END");
  db.close();
  const bot = start(t, env);
  assert.equal(await bot.exit, 1);
  assert.match(bot.output(), /^The database .* cannot be used: database or disk is full\. Free the disk, .*\n$/);
});

test("an uncaught exception is logged, ends with 1, and the next start counts one crash", async (t) => {
  const telegram = await fake(t);
  const env = envOf(t, telegram);
  const crash = `process.on("SIGUSR2", () => { throw new Error("on purpose"); })`;
  const bot = start(t, { ...env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(crash)}` });
  await bot.port();
  bot.process.kill("SIGUSR2");
  assert.equal(await bot.exit, 1);
  assert.match(bot.output(), /"level":60.*"message":"on purpose".*"msg":"uncaught exception"/);
  const next = start(t, env);
  assert.deepEqual((await healthOf(await next.port())).errors.by_reason["crash"], 1);
});

test("a second bot on the same DATA_DIR ends with 1 and does not disturb the first", async (t) => {
  const telegram = await fake(t);
  const env = envOf(t, telegram);
  const first = start(t, env);
  await telegram.called("getUpdates", { timeoutMs });
  const second = start(t, env);
  assert.equal(await second.exit, 1);
  assert.match(second.output(), /is in use by another bot\. End that one, or give this one a DATA_DIR of its own\.\n$/);
  telegram.say("/ping");
  await telegram.called("sendMessage", { timeoutMs });
  first.process.kill("SIGINT");
  assert.equal(await first.exit, 0);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} ends an idle bot with 0, and the next start finds no crash`, async (t) => {
    const telegram = await fake(t);
    const env = envOf(t, telegram);
    const bot = start(t, env);
    await telegram.called("getUpdates", { timeoutMs, where: (call) => call.state === "waiting" });
    bot.process.kill(signal);
    assert.equal(await bot.exit, 0);
    const next = start(t, env);
    await telegram.called("getUpdates", {
      timeoutMs,
      skip: 1,
      where: (call) => call.state === "waiting" || call.state === "gone",
    });
    assert.equal((await healthOf(await next.port())).errors.total, 0);
    next.process.kill("SIGKILL");
    assert.equal(await next.exit, "SIGKILL");
  });
}

test("failure 20, b1: SIGTERM lets the work in hand finish and tells /health; the second signal ends it at once with 1", async (t) => {
  const telegram = await fake(t);
  const env = envOf(t, telegram);
  telegram.faults.add({ method: "sendMessage", fault: { kind: "slow", delayMs: 400 }, times: 1 });
  const draining = start(t, env);
  const drainingPort = await draining.port();
  telegram.say("/ping");
  await until(() => telegram.calls().some((call) => call.method === "sendMessage"));
  draining.process.kill("SIGTERM");
  await until(async () => (await healthOf(drainingPort)).stopping);
  assert.equal(await draining.exit, 0);
  assert.equal(telegram.messages(4242).length, 2, "the answer was sent");

  telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
  const hanging = start(t, env);
  const hangingPort = await hanging.port();
  telegram.say("/ping");
  await telegram.called("sendMessage", { timeoutMs, skip: 1 });
  hanging.process.kill("SIGTERM");
  // Two signals at once are one to the kernel.
  await until(async () => (await healthOf(hangingPort)).stopping);
  hanging.process.kill("SIGTERM");
  assert.equal(await hanging.exit, 1);
});

test("failure 20, b2: killed again and again under load it loses nothing, keeps each chat's order, and repeats only what was in work, marked", async (t) => {
  const telegram = await fake(t);
  telegram.latency({ medianMs: 4, sigma: 0.5 });
  const env = { ...envOf(t, telegram), BOT_RATE_LIMIT: "100000/1s" };
  const chats = [1, 2, 3, 4, 5];
  const perChat = 40;
  const kills = 10;
  let sent = 0;
  const outputs: Running[] = [];
  for (let life = 0; life <= kills; life++) {
    const bot = start(t, env);
    outputs.push(bot);
    if (life === kills) {
      for (; sent < perChat; sent++) for (const user of chats) telegram.say(`/add ${sent}`, { user });
    } else {
      for (const until = ((life + 1) * perChat) / (kills + 1); sent < until; sent++) {
        for (const user of chats) telegram.say(`/add ${sent}`, { user });
      }
      const before = telegram.calls().filter((call) => call.method === "sendMessage").length;
      await telegram.called("sendMessage", { timeoutMs, skip: before + 3 + life });
      bot.process.kill("SIGKILL");
      assert.equal(await bot.exit, "SIGKILL");
    }
  }
  const texts = (user: number): string[] =>
    telegram.messages(user).flatMap((message) => (message.from?.is_bot && "text" in message ? [message.text] : []));
  const complete = (): boolean => chats.every((user) => texts(user).includes(`Added ${perChat}: ${perChat - 1}`));
  await until(complete, timeoutMs);

  const last = outputs.at(-1);
  last?.process.kill("SIGTERM");
  assert.equal(await last?.exit, 0);
  let repeated = 0;
  for (const user of chats) {
    const numbers = texts(user).map((text) => Number(/^Added \d+: (\d+)$/.exec(text)?.[1]));
    assert.deepEqual(
      [...new Set(numbers)],
      Array.from({ length: perChat }, (_, n) => n),
      "all, in order",
    );
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      "a repeat comes right after its first",
    );
    repeated += numbers.length - perChat;
    // The task itself was stored once however often its update was handled: the numbers of tasks have no gap.
    assert.deepEqual(
      [...new Set(texts(user))],
      Array.from({ length: perChat }, (_, n) => `Added ${n + 1}: ${n}`),
    );
  }
  assert.ok(repeated <= kills * chats.length, `${repeated} repeats`);
  assert.match(outputs.map((bot) => bot.output()).join(""), /come again/);
});
