import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

const root = join(import.meta.dirname, "..");
const ALERTS = -100_200_300;

/** `npm start` with ports and a folder of its own; resolves when it has printed its addresses. */
async function start(t: TestContext, settings: Record<string, string> = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), "gramwatch-start-"));
  const [api, chat, bot, console, otlp] = await freePorts(5);
  const child = spawn(process.execPath, [join(root, "scripts/run.mjs"), "scripts/start.ts"], {
    env: {
      PATH: process.env["PATH"],
      NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"],
      FAKE_TELEGRAM_PORT: String(api),
      FAKE_TELEGRAM_CONTROL_PORT: String(chat),
      BOT_HTTP_PORT: String(bot),
      CONSOLE_PORT: String(console),
      OTLP_PORT: String(otlp),
      DATA_DIR: dataDir,
      LOG_FORMAT: "json",
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed += String(chunk)));
  t.after(async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  });
  await until("the addresses", () => {
    assert.equal(child.exitCode, null, printed);
    return printed.includes("Gramwatch is ready");
  });
  const url = (port: number | undefined, path: string): string => `http://127.0.0.1:${port}${path}`;
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(url(chat, path), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    child,
    ended,
    printed: () => printed,
    post,
    clearFaults: () => fetch(url(chat, "/faults"), { method: "DELETE" }),
    bot: (path: string) => fetch(url(bot, path)),
    sidecar: <T>(path: string) => json<T>(url(console, path)),
    page: (path: string) => fetch(url(console, path)).then((response) => response.text()),
    /** What the chat shows, oldest first. */
    messages: async (chatId: number, from: string): Promise<string[]> => {
      const all = await json<{ text?: string; from?: { is_bot: boolean } }[]>(
        url(chat, `/messages?chat=${chatId}&bot=${from}`),
      );
      return all.filter((message) => message.from?.is_bot).map((message) => message.text ?? "");
    },
    say: (text: string) => post("/say", { text }),
  };
}

test("npm start: the three moments, end to end", { timeout: 120_000 }, async (t) => {
  const product = await start(t, { DISCONNECTED_AFTER: "3s" });
  const answers = () => product.messages(4242, "shop");
  const alerts = () => product.messages(ALERTS, "alerts");

  const story: [string, RegExp][] = [
    ["/start", /\/add/],
    ["/help", /\/list/],
    ["/ping", /pong/i],
    ["/add buy milk", /buy milk/],
    ["/list", /buy milk/],
    ["/done 1", /buy milk|done/i],
  ];
  for (const [index, [said, expected]] of story.entries()) {
    await product.say(said);
    const answer = await until(`an answer to ${said}`, async () => (await answers())[index]);
    assert.match(answer, expected, said);
  }

  await product.say("/boom");
  const polite = await until("the polite answer", async () => (await answers())[story.length]);
  const reference = /\b[0-9a-f]{8}\b/.exec(polite)?.[0];
  assert.ok(reference, polite);
  interface Span {
    name: string;
    children?: Span[];
  }
  const found = await until("the trace", async () => {
    const body = await product.sidecar<{ traces?: { spans: Span[]; logs: { body: string }[] }[] }>(
      `/api/traces/${reference}`,
    );
    const text = JSON.stringify(body);
    return text.includes("sendMessage") && text.includes("exception") ? text : undefined;
  });
  for (const part of ["process message", "SELECT tasks", "sendMessage", "exception"])
    assert.ok(found.includes(part), `${part} is in the trace of ${reference}`);
  const page = await product.page(`/requests/${reference}`);
  assert.match(page, /sendMessage/);

  for (let n = 0; n < 10; n++) await product.say("/boom");
  const [alert] = await until("the alert", async () => ((await alerts()).length > 0 ? await alerts() : undefined));
  assert.match(alert ?? "", /error/i);
  assert.match(alert ?? "", /11/);

  await product.post("/faults", { bot: "shop", method: "getUpdates", fault: { kind: "reset" } });
  await product.say("/ping"); // ends the poll that is waiting; the next one meets the fault
  await until("the disconnect", async () => (await alerts()).find((text) => /disconnected/i.test(text)));
  const firing = await product.sidecar<{ alerts: { rule: string; cause: string }[] }>("/api/alerts?state=firing");
  assert.ok(firing.alerts.some(({ rule }) => rule === "TelegramBotDisconnected"));
  await product.clearFaults();
  await until("the recovery", async () => (await alerts()).find((text) => /connected again/i.test(text)));
  assert.equal((await alerts()).filter((text) => /errors/i.test(text) && text.startsWith("🟠")).length, 1);

  product.child.kill("SIGTERM");
  assert.deepEqual(await product.ended, [0, null], product.printed());
  await assert.rejects(product.bot("/livez"), "the bot's port is free again");
});

test("npm start: a bad setting ends all of it with 78 and one message", async (t) => {
  const [bot, sidecar] = await freePorts(2);
  const child = spawn(process.execPath, [join(root, "scripts/run.mjs"), "scripts/start.ts"], {
    env: {
      PATH: process.env["PATH"],
      BOT_TOKEN: "123:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      TELEGRAM_API_ROOT: "http://127.0.0.1:9",
      BOT_HTTP_PORT: String(bot),
      CONSOLE_PORT: String(sidecar),
      OTLP_PORT: "0",
      DISCONNECTED_AFTER: "5",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  assert.deepEqual(await once(child, "exit"), [78, null], said);
  assert.match(said, /DISCONNECTED_AFTER = "5": a duration/);
  assert.doesNotMatch(said, /aaaaaaaa/);
});

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function json<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}

/** Asks again until there is an answer; fails after 40 s with what it was waiting for. */
async function until<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> {
  const deadline = performance.now() + 40_000;
  while (performance.now() < deadline) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited 40 s for ${what}`);
}
