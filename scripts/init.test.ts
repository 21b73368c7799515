import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseEnv } from "node:util";
import { readConfig as readBotConfig } from "../bot/config.ts";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { readConfig as readSidecarConfig } from "../sidecar/config.ts";
import { callBotApi } from "./bot-api.ts";

type Telegram = Awaited<ReturnType<typeof startFakeTelegram>>;

async function scene(t: TestContext): Promise<{ telegram: Telegram; dir: string }> {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-init-"));
  t.after(async () => {
    await telegram.close();
    rmSync(dir, { recursive: true });
  });
  return { telegram, dir };
}

/** `npm run init` in `dir`, with a script that answers what it reads. `terminal`: on a real one, by script(1). */
function start(t: TestContext, telegram: Telegram, dir: string, { terminal = false } = {}) {
  const command = [process.execPath, join(import.meta.dirname, "init.ts")];
  const [program = "", ...args] = terminal ? ["script", "-qefc", command.join(" "), "/dev/null"] : command;
  const child: ChildProcessWithoutNullStreams = spawn(program, args, {
    cwd: dir,
    env: { PATH: process.env["PATH"], TELEGRAM_API_ROOT: telegram.url },
  });
  t.after(() => child.kill());
  let said = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (part: Buffer) => {
      said += part.toString();
      for (const listener of listeners) listener();
    });
  let read = 0;
  /** Resolves when `text` comes after what was waited for before. */
  const until = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        const at = said.indexOf(text, read);
        if (at < 0) return;
        read = at + text.length;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
      look();
    });
  return {
    async answer(question: string, line: string): Promise<void> {
      await until(question);
      child.stdin.write(`${line}\n`);
    },
    until,
    end: () => child.stdin.end(),
    async ended(): Promise<{ code: number; said: string }> {
      if (child.exitCode === null) await once(child, "close");
      return { code: child.exitCode ?? -1, said };
    },
  };
}

const envOf = (dir: string): Record<string, string> =>
  Object.fromEntries(
    readFileSync(join(dir, ".env"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(/=(.*)/s, 2) as [string, string]),
  );
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test("two tokens and a message make a .env and secrets that both processes accept", async (t) => {
  const { telegram, dir } = await scene(t);
  writeFileSync(join(dir, ".env"), "LOG_LEVEL=debug\nALERT_CHAT_ID=\n", { mode: 0o644 });
  const init = start(t, telegram, dir);
  await init.answer("Token of the bot", telegram.bot("shop").token);
  await init.answer("Token of the alert bot", telegram.bot("alerts").token);
  await init.until("Waiting");
  telegram.say("/start", { bot: "alerts" });
  await init.answer("You (4242) wrote in this private chat (4242)", "y");
  const { code, said } = await init.ended();
  assert.equal(code, 0, said);

  const env = envOf(dir);
  assert.equal(modeOf(join(dir, ".env")), "600");
  assert.deepEqual(env, {
    LOG_LEVEL: "debug",
    ALERT_CHAT_ID: "4242",
    BOT_TOKEN: telegram.bot("shop").token,
    ALERT_BOT_TOKEN: telegram.bot("alerts").token,
    BOT_ADMINS: "4242",
    TELEGRAM_API_ROOT: telegram.url,
  });
  assert.deepEqual([...readBotConfig(env).admins], [4242]);
  assert.equal(readSidecarConfig(env).alertChat?.chatId, 4242);

  assert.equal(modeOf(join(dir, "secrets")), "700");
  assert.deepEqual(readdirSync(join(dir, "secrets")).toSorted(), [
    "alert_bot_token",
    "api_token",
    "bot_token",
    "grafana_password",
  ]);
  for (const name of readdirSync(join(dir, "secrets"))) assert.equal(modeOf(join(dir, "secrets", name)), "444");
  assert.equal(readFileSync(join(dir, "secrets", "bot_token"), "utf8"), env["BOT_TOKEN"]);
  assert.ok(readFileSync(join(dir, "secrets", "api_token"), "utf8").length >= 32);

  const texts = telegram.messages(4242, "alerts").map(({ text }) => text);
  assert.ok(texts.includes("Gramwatch will write its alerts here."));
  assert.equal(telegram.pending("alerts"), 1, "the message is left for the bot");
  assert.ok(!said.includes(env["BOT_TOKEN"] ?? ""), "no token is printed");
});

test("of a setting that stands twice the one that counts is replaced; an .env elsewhere stays there", async (t) => {
  const { telegram, dir } = await scene(t);
  writeFileSync(join(dir, "settings"), "BOT_TOKEN=1:first\nBOT_TOKEN=1:last\n");
  symlinkSync("settings", join(dir, ".env"));
  const init = start(t, telegram, dir);
  await init.answer("Token of the bot", telegram.bot("shop").token);
  await init.answer("Token of the alert bot", "");
  await init.until("Waiting");
  telegram.say("/start", { bot: "shop" });
  await init.answer("in this private chat (4242)", "y");
  const { code, said } = await init.ended();
  assert.equal(code, 0, said);
  assert.equal(parseEnv(readFileSync(join(dir, ".env"), "utf8"))["BOT_TOKEN"], telegram.bot("shop").token);
  assert.equal(readlinkSync(join(dir, ".env")), "settings");
  assert.equal(modeOf(join(dir, "settings")), "600");
});

test("on a real terminal the tokens do not appear, and the other answers do", async (t) => {
  if (spawnSync("script", ["--version"]).status !== 0) return t.skip("user side: no script(1) of util-linux");
  const { telegram, dir } = await scene(t);
  const init = start(t, telegram, dir, { terminal: true });
  await init.answer("Token of the bot", telegram.bot("shop").token);
  await init.answer("Token of the alert bot", telegram.bot("alerts").token);
  await init.until("Waiting");
  telegram.say("/start", { bot: "alerts" });
  await init.answer("in this private chat (4242)", "yes-of-course");
  const { code, said } = await init.ended();
  assert.equal(code, 0, said);
  assert.match(said, /\[Y\/n\]: yes-of-course/, "a terminal that echoes");
  for (const name of ["shop", "alerts"]) assert.ok(!said.includes(telegram.bot(name).token.slice(0, 12)), said);
  assert.equal(envOf(dir)["BOT_TOKEN"], telegram.bot("shop").token);
});

test("a wrong token is asked for again, a webhook is deleted, another person is passed over", async (t) => {
  const { telegram, dir } = await scene(t);
  const { token } = telegram.bot("shop");
  await callBotApi({ apiRoot: telegram.url, token }, "setWebhook", { url: "https://old.example.org/hook" });
  const init = start(t, telegram, dir);
  await init.answer("Token of the bot", "hunter2");
  await init.answer("That is not a token", `1:${"x".repeat(35)}`);
  await init.answer("Telegram says: Unauthorized", token);
  await init.answer("Token of the alert bot", "");
  await init.answer("Delete it", "");
  telegram.say("spam", { user: { id: 7, first_name: "Mallory" } });
  await init.answer("Mallory (7) wrote", "n");
  telegram.group({ id: -1005, title: "Ops" });
  telegram.say(`/start@${telegram.bot("shop").me.username}`, { chat: -1005 });
  await init.answer('You (4242) wrote in "Ops" (-1005)', "");
  assert.equal((await init.ended()).code, 0);
  const env = envOf(dir);
  assert.equal(env["ALERT_CHAT_ID"], "-1005");
  assert.equal(env["ALERT_BOT_TOKEN"], undefined);
  assert.equal(readFileSync(join(dir, "secrets", "alert_bot_token"), "utf8"), token);
});

test("input that ends early writes nothing", async (t) => {
  const { telegram, dir } = await scene(t);
  const init = start(t, telegram, dir);
  await init.answer("Token of the bot", telegram.bot("shop").token);
  init.end();
  const { code, said } = await init.ended();
  assert.equal(code, 1);
  assert.match(said, /the input ended before everything was answered/);
  assert.deepEqual(readdirSync(dir), []);
});
