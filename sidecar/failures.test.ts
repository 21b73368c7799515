import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import type { BotHealth } from "@gramwatch/otel";
import type { FakeTelegram, Fault } from "../fake-telegram/mod.ts";
import { serveHttp } from "./probes/testing.ts";
import { freePorts, type Running, until } from "./testing.ts";
import { ask, chatShows, firing, startWorld, type World } from "./testing-world.ts";

/**
 * What breaks Telegram bots in the field, by its number there: staged with the real bot process and the real sidecar
 * process, each with the rule, the cause and the words in the chat that a person then gets.
 */

const preload = (code: string): string => `--import=data:text/javascript,${encodeURIComponent(code)}`;
const RESOLVER = `--import=${new URL("testing-resolver.ts", import.meta.url).href}`;
const HOST = "api.telegram.test";

/** The alert is open with this cause, and the chat says it in these words. */
async function told(world: World, rule: string, cause: string, words: RegExp, withinMs = 30_000): Promise<string> {
  await until(
    `${rule} · ${cause}`,
    async () => (await firing(world)).find((alert) => alert.rule === rule && alert.cause === cause),
    { withinMs, otherwise: () => `${world.shown().join("\n")}\n${world.sidecar.output()}\n${world.bot.output()}` },
  );
  return chatShows(world, words, withinMs);
}

const health = async ({ page }: World) => (await (await fetch(`${page}/health`)).json()) as BotHealth;
const count = (telegram: FakeTelegram, method: string) =>
  telegram.calls().filter((call) => call.method === method).length;
const calls = async (telegram: FakeTelegram, method: string, query = "") => {
  const answer = await fetch(`${telegram.url}/bot${telegram.bot("shop").token}/${method}?${query}`);
  assert.equal(answer.status, 200, await answer.text());
};
/** The poll in flight ends with an error, so that what the next one meets is no quiet long poll. */
const cut: { method: string; times: number; fault: Fault } = {
  method: "getUpdates",
  times: 1,
  fault: { kind: "reset" },
};

/** The bot dies and comes back, and the sidecar has read the new process. */
async function killed(world: World, running: Running): Promise<Running> {
  const { instance } = await health(world);
  await running.end("SIGKILL");
  const next = await world.startBot();
  await until("the sidecar's look at the new process", async () => {
    const { bots } = (await (await fetch(`${world.api}/api/status`)).json()) as Status;
    const seen = bots[0]?.health?.instance;
    return seen === undefined || seen === instance ? undefined : true;
  });
  return next;
}

/** Both processes with a resolver of their own; `hosts` changes what it knows. */
async function startNamed(t: TestContext, over: Record<string, string> = {}, botOptions = "") {
  const files: Record<"bot" | "sidecar", string> = { bot: "", sidecar: "" };
  const dir = mkdtempSync(join(tmpdir(), "hosts-"));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const who of ["bot", "sidecar"] as const) files[who] = join(dir, who);
  const hosts = (who: "bot" | "sidecar", addresses: string[] | undefined) =>
    writeFileSync(files[who], JSON.stringify(addresses === undefined ? {} : { [HOST]: addresses }));
  hosts("bot", ["127.0.0.1"]);
  hosts("sidecar", ["127.0.0.1"]);
  const world = await startWorld(t, {
    apiHost: HOST,
    bot: { NODE_OPTIONS: `${RESOLVER} ${botOptions}`, HOSTS_FILE: files.bot },
    sidecar: { NODE_OPTIONS: RESOLVER, HOSTS_FILE: files.sidecar, ...over },
  });
  /** Ends every connection that is open now; new ones need the resolver. */
  const disconnect = () => world.telegram.faults.add({ fault: { kind: "refuse" } }).remove();
  return { world, hosts, disconnect };
}

describe("failures of the field", { concurrency: 6 }, () => {
  test("failure 2, b11: requests that hang on a dead connection are given up after 45 s each; the alert says so", async (t) => {
    const world = await startWorld(t);
    const hang = world.telegram.faults.add({ method: "getUpdates", fault: { kind: "hang" } });
    await ask(world.telegram, "/help").catch(() => {}); // the poll that waited takes this, the next one hangs
    const text = await told(world, "TelegramBotDisconnected", "poll_stalled", /Cause: poll stalled/, 60_000);
    assert.match(text, /Telegram is reachable from this host/);
    assert.equal((await health(world)).telegram.last_error?.reason, "timeout");
    await hang.remove();
  });

  test("failure 1: a loop that has ended in a process that lives on", async (t) => {
    const world = await startWorld(t, {
      program: "../examples/bring-your-own-bot/bot.ts",
      bot: { NODE_OPTIONS: preload("setInterval(() => {}, 1e6)") },
    });
    world.bot.child.kill("SIGINT"); // bot.stop(), by whatever called it
    await told(
      world,
      "TelegramBotDisconnected",
      "poll_loop_ended",
      /disconnected from Telegram[^]*Cause: the poll loop has ended while the process lives on/,
    );
    assert.equal(world.bot.child.exitCode, null);
  });

  test("failure 3: polls that never end while every other call works", async (t) => {
    const world = await startWorld(t);
    world.telegram.faults.add(cut);
    world.telegram.faults.add({ method: "getUpdates", fault: { kind: "drip" } });
    world.telegram.say("/help");
    const text = await told(world, "TelegramBotDisconnected", "poll_stalled", /Cause: poll stalled/);
    assert.match(text, /Telegram is reachable from this host/);
    assert.match(text, /1 update waiting/);
  });

  test("failure 4: a second process polls with the same token", async (t) => {
    const world = await startWorld(t);
    await world.startBot({ DATA_DIR: join(world.dir, "other"), BOT_HTTP_PORT: "0" });
    const text = await told(
      world,
      "TelegramPollingConflict",
      "second_poller",
      /its polls are taken by another[^]*Cause: another process polls with this token/,
    );
    assert.match(text, /Conflict: terminated by other getUpdates request/);
  });

  test("failure 6: a webhook is set while the bot polls, and comes back whenever it is deleted", async (t) => {
    const world = await startWorld(t);
    const { telegram } = world;
    telegram.faults.add({ method: "deleteWebhook", fault: { kind: "error", code: 500, description: "Internal" } });
    await calls(telegram, "setWebhook", "url=https://hooks.example/secret-path");
    const text = await told(world, "TelegramWebhookMisconfigured", "webhook_set", /webhook settings are wrong/);
    assert.match(text, /A webhook to hooks\.example is set while the bot polls/);
    assert.doesNotMatch(text, /secret-path/);
    await until("a disconnect", async () =>
      (await firing(world)).find(({ rule }) => rule === "TelegramBotDisconnected"),
    );
    assert.equal(world.shown().length, 1, "that its polls are refused is explained by it");
  });

  test("failure 7: a token that is revoked is told once, and neither process hammers with it", async (t) => {
    const world = await startWorld(t, { bot: { NODE_ENV: "production" } });
    const { telegram } = world;
    telegram.revoke();
    const before = telegram.calls().length;
    const text = await told(world, "TelegramTokenInvalid", "auth_revoked", /its token is refused/);
    assert.match(text, /Telegram answered: Unauthorized/);
    // Long after DISCONNECTED_AFTER: what the bot no longer hears is explained, and nobody has asked again.
    await until("a disconnect", async () =>
      (await firing(world)).find(({ rule }) => rule === "TelegramBotDisconnected"),
    );
    const refused = telegram.calls().slice(before);
    assert.ok(refused.length <= 8, refused.map(({ method }) => method).join());
    assert.equal(world.shown().length, 1);
    assert.equal(world.bot.child.exitCode, null);
  });

  test("failure 8: Telegram makes the polls wait for ten minutes", async (t) => {
    const world = await startWorld(t);
    const { telegram } = world;
    telegram.faults.add({ method: "getUpdates", fault: { kind: "flood", retryAfterSeconds: 600 } });
    await calls(telegram, "deleteWebhook"); // ends no poll; the next one is asked for by a message
    await ask(telegram, "/help");
    await told(
      world,
      "TelegramBotDisconnected",
      "flood_wait",
      /disconnected from Telegram[^]*Cause: Telegram made the bot wait, (9|10) min/,
    );
    assert.equal(telegram.calls().filter(({ status }) => status === 429).length, 1, "the wait is kept");
  });

  test("failure 9: a bot that starts again and again, and calls nothing at a start that it need not", async (t) => {
    const world = await startWorld(t, { rules: { TelegramBotDown: { after: "1m" } } });
    const { telegram } = world;
    let running = world.bot;
    for (let life = 1; life <= 3; life++) running = await killed(world, running);
    const text = await told(
      world,
      "BotRestarting",
      "crash_loop",
      /keeps restarting[^]*Cause: the process keeps crashing and starting/,
    );
    assert.match(
      text,
      /3 starts in 15 min\. The process before this one ended without a clean stop: a crash or a kill/,
    );
    assert.equal(count(telegram, "setMyCommands"), 1);
  });

  test("failure 10: the front end answers 502 with a page", async (t) => {
    const world = await startWorld(t);
    world.telegram.faults.add(cut);
    world.telegram.faults.add({ fault: { kind: "html" } });
    world.telegram.say("/help");
    await told(
      world,
      "TelegramBotDisconnected",
      "telegram_5xx",
      /disconnected from Telegram[^]*Cause: Telegram answers with server errors/,
    );
  });

  test("failure 11: the name of the Bot API no longer resolves", async (t) => {
    const { world, hosts, disconnect } = await startNamed(t);
    hosts("bot", undefined);
    hosts("sidecar", undefined);
    await disconnect();
    const text = await told(
      world,
      "TelegramBotDisconnected",
      "dns_broken",
      /disconnected from Telegram[^]*Cause: the name of the Bot API does not resolve/,
    );
    assert.match(text, /From this host too: dns ENOTFOUND/);
  });

  test("failure 11: only the bot's resolver is broken", async (t) => {
    const { world, hosts, disconnect } = await startNamed(t);
    hosts("bot", undefined);
    await disconnect();
    await told(
      world,
      "TelegramBotDisconnected",
      "bot_egress",
      /disconnected from Telegram[^]*Cause: the bot's own way out is broken \(proxy, policy or resolver\)/,
    );
  });

  test("failure 11: a name server that is silent: what needs none of it, the bot next door, stays well", async (t) => {
    const server = createSocket("udp4");
    const bound = once(server, "listening");
    server.bind(53, "127.53.53.53");
    t.after(() => server.close());
    const dir = mkdtempSync(join(tmpdir(), "silent-"));
    t.after(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, "resolv.conf"), "nameserver 127.53.53.53\n");
    writeFileSync(join(dir, "hosts"), "127.0.0.1 bot.test\n");
    const mounts = ["resolv.conf", "hosts"].map((file) => `mount --bind ${join(dir, file)} /etc/${file}`).join(" && ");
    const through = ["unshare", "--mount", "sh", "-c", `${mounts} && exec "$@"`, "sh"];
    if (process.getuid?.() !== 0 || spawnSync(through[0] ?? "", [...through.slice(1), "true"]).status !== 0)
      return t.skip("user side: only root may give a process a resolver of its own");
    await bound;
    const [botPort = 0] = await freePorts(1);
    const world = await startWorld(t, {
      bot: { BOT_HTTP_PORT: String(botPort) },
      sidecar: {
        BOT_URL: `http://bot.test:${botPort}`,
        TELEGRAM_API_ROOT: "http://telegram.test:8081",
        CONTROL_TARGETS: "elsewhere.test:443",
      },
      sidecarThrough: through,
    });
    const failed = (probe: string) =>
      world.sidecar.output().match(new RegExp(`"probe":"${probe}".*"a probe fails"`, "g")) ?? [];
    await until("looks at Telegram that end without its address", () => failed("telegram")[1]);
    assert.deepEqual(failed("health"), []);
  });

  test("failure 12: IPv6 is advertised and leads nowhere", async (t) => {
    const { world, hosts, disconnect } = await startNamed(t, {}, "--no-network-family-autoselection");
    hosts("bot", ["::1", "127.0.0.1"]);
    hosts("sidecar", ["127.0.0.1", "::1"]);
    await disconnect();
    await told(
      world,
      "TelegramBotDisconnected",
      "ipv6_broken",
      /disconnected from Telegram[^]*Cause: IPv6 to Telegram is broken, IPv4 works; --dns-result-order=ipv4first helps/,
    );
  });

  test("failure 13: the address of the Bot API swallows every connection; the second channel is told at once", async (t) => {
    const posts: string[] = [];
    const receiver = await serveHttp(t, (request, response) => {
      request.on("data", (part: Buffer) => posts.push(part.toString())).on("end", () => response.end());
    });
    const other = new URL(await serveHttp(t, () => {}));
    const { world, hosts, disconnect } = await startNamed(t, {
      DISCONNECTED_AFTER: "15s", // longer than two looks that end at their deadline
      ALERT_WEBHOOK_URL: receiver,
      CONTROL_TARGETS: other.host,
    });
    await blackHole(t, "127.0.0.2", world.telegram.port);
    hosts("bot", ["127.0.0.2"]);
    hosts("sidecar", ["127.0.0.2"]);
    await disconnect();
    await told(
      world,
      "TelegramBotDisconnected",
      "telegram_unreachable",
      /disconnected from Telegram[^]*Cause: Telegram is not reachable from here\. From this host too: tcp ETIMEDOUT \(v4\)/,
      60_000,
    );
    await until("a post to the second channel", () => posts.find((post) => post.includes("TelegramBotDisconnected")));
  });

  test("failure 14: a NAT that cuts idle polls: each run of failures is one error, the eleventh is told", async (t) => {
    const world = await startWorld(t);
    // Rule n lets n calls pass that the earlier ones did not spoil: every other poll, which is each long one, is cut.
    for (let skip = 0; skip < 12; skip++) world.telegram.faults.add({ ...cut, skip });
    world.telegram.say("/help");
    const text = await chatShows(world, /too many errors[^]*getUpdates/);
    assert.match(text, /1[1-3] errors in 1 h \(limit 10\)\. By reason, since its start: poll 1[1-3]/);
    assert.deepEqual(
      (await firing(world)).map(({ rule }) => rule),
      ["TelegramBotErrorsHigh"],
    );
  });

  test("failure 15: Telegram answers again, and the bot still waits for its next try", async (t) => {
    const world = await startWorld(t);
    world.telegram.faults.add({
      method: "getUpdates",
      fault: { kind: "error", code: 500, description: "Internal Server Error" },
    });
    world.telegram.say("/help");
    await told(world, "TelegramBotDisconnected", "backoff_wait", /Cause: the bot waits, next attempt in/);
  });

  test("failure 17: something blocks the event loop", async (t) => {
    const block = `process.on("SIGUSR2", () => setInterval(() => {
      for (const end = performance.now() + 1700; performance.now() < end;);
    }, 1800))`;
    const world = await startWorld(t, {
      bot: { NODE_OPTIONS: preload(block) },
      rules: { EventLoopBlocked: { after: "1s" }, TelegramBotDown: { after: "1m" } },
      sidecar: { DISCONNECTED_AFTER: "30s" },
    });
    world.bot.child.kill("SIGUSR2");
    const text = await told(world, "EventLoopBlocked", "event_loop_blocked", /its event loop is blocked/);
    assert.match(text, /Delay p99 \d{4,} ms/);
  });

  test("failure 17: a process that takes connections and never answers", async (t) => {
    const world = await startWorld(t);
    world.bot.child.kill("SIGSTOP");
    await told(
      world,
      "TelegramBotDown",
      "process_wedged",
      /is down[^]*Cause: the process accepts connections and does not answer: event loop blocked or process stopped/,
    );
  });

  test("failure 18: a handler that never returns holds no poll up, and is told", async (t) => {
    const world = await startWorld(t, { rules: { UpdatesBacklog: { after: "1s" } } });
    const { telegram } = world;
    telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
    telegram.say("/ping");
    await told(world, "UpdatesBacklog", "handlers_stuck", /updates pile up[^]*Cause: handlers do not return/);
    assert.equal((await health(world)).telegram.connected, true);
  });

  test("failure 19: an update that ends the process three times is given up, counted as lost, and told", async (t) => {
    const world = await startWorld(t, {
      sidecar: { ERRORS_MAX: "3" },
      rules: { BotRestarting: { enabled: false }, TelegramBotDown: { after: "1m" } },
    });
    const { telegram } = world;
    const hang = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
    let running = world.bot;
    telegram.say("/ping");
    for (let life = 1; life <= 3; life++) {
      await until("the update in work", async () => (await health(world)).updates.in_flight || undefined);
      running = await killed(world, running);
    }
    await hang.remove();
    const text = await chatShows(world, /too many errors/);
    assert.match(text, /4 errors in 1 h \(limit 3\)\. By reason, since its start: .*lost 1/);
  });

  test("failure 21: a heap that grows towards its limit", async (t) => {
    const leak = `process.on("SIGUSR2", () => {
      const { heap_size_limit: limit } = process.getBuiltinModule("node:v8").getHeapStatistics();
      const kept = (globalThis.kept = []);
      while (process.memoryUsage().heapUsed < 0.93 * limit) kept.push(Array.from({ length: 1e4 }, (_, n) => ({ n })));
    })`;
    const world = await startWorld(t, {
      bot: { NODE_OPTIONS: `--max-old-space-size=160 --max-semi-space-size=1 ${preload(leak)}` },
      rules: { MemoryHigh: { after: "1s" } },
      sidecar: { DISCONNECTED_AFTER: "30s" },
    });
    world.bot.child.kill("SIGUSR2");
    const text = await told(world, "MemoryHigh", "heap", /memory is high/);
    assert.match(text, /Heap 9\d % of its limit/);
  });

  test("failure 23: Telegram remembers a list of update types that is shorter than the bot's", async (t) => {
    const world = await startWorld(t);
    // Empty: no webhook, as before; the list is remembered all the same.
    await calls(world.telegram, "setWebhook", `url=&allowed_updates=${encodeURIComponent('["message"]')}`);
    const text = await told(
      world,
      "TelegramWebhookMisconfigured",
      "allowed_updates",
      /webhook settings are wrong[^]*Cause: Telegram remembers an older list of update types/,
    );
    assert.match(text, /🟠.*\n*.*Telegram sends message; the bot asks for callback_query as well/);
  });

  test("failure 24: a host that slept alarms nobody; a failure after it counts from then", async (t) => {
    const world = await startWorld(t);
    const both = [world.bot, world.sidecar];
    for (const { child } of both) child.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 8000)); // the time that passes is what is tested
    for (const { child } of both) child.kill("SIGCONT");
    await world.sidecar.said("nobody looked for a while: that time counts for no alert");
    await ask(world.telegram, "/help");
    assert.deepEqual(await firing(world), []);
    world.telegram.faults.add({ fault: { kind: "refuse" } });
    await told(world, "TelegramBotDisconnected", "telegram_unreachable", /disconnected from Telegram/);
    assert.equal(world.shown().length, 1);
  });
});

test("every failure of the field, and every behaviour of grammY that our loop avoids, has a test by its number", () => {
  const root = join(import.meta.dirname, "..");
  const files = globSync("{bot,otel,sidecar}/**/*.test.ts", { cwd: root, exclude: ["**/node_modules/**"] });
  const titles = files.flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/\btest\(\s*["`](.+?)["`],/g)].map(([, title = ""]) => title),
  );
  const numbers = (pattern: RegExp) =>
    new Set(titles.flatMap((title) => [...title.matchAll(pattern)].map(([, number]) => Number(number))));
  const all = Array.from({ length: 24 }, (_, at) => at + 1);
  // 16 and b24 are about webhook mode, which our bot does not have: later, by design.
  assert.deepEqual(new Set(all).difference(numbers(/\bfailure (\d+)/g)), new Set([16]));
  assert.deepEqual(new Set(all).difference(numbers(/\bb(\d+)(?=[:,])/g)), new Set([24]));
});

interface Status {
  bots: { health: BotHealth | null }[];
}

/** Listens, takes two connections and then no more: what comes later gets no answer to its SYN. */
async function blackHole(t: TestContext, host: string, port: number): Promise<void> {
  const code = `process.getBuiltinModule("node:net").createServer().listen({ host: "${host}", port: ${port}, backlog: 1 }, () => console.log("listens"))`;
  const child: ChildProcess = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const sockets: Socket[] = [];
  t.after(() => {
    child.kill("SIGKILL");
    for (const socket of sockets) socket.destroy();
  });
  if (child.stdout !== null) await once(child.stdout, "data");
  child.kill("SIGSTOP");
  for (let taken = 0; taken < 4; taken++) sockets.push(connect({ host, port }).on("error", () => {}));
}
