import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { callBotApi } from "./bot-api.ts";
import { examine, type Options } from "./doctor/examine.ts";
import type { Finding } from "./doctor/finding.ts";
import { checkDataDir } from "./doctor/machine.ts";

interface SetUp {
  telegram: Awaited<ReturnType<typeof startFakeTelegram>>;
  env: Record<string, string>;
  dir: string;
}

/** A set-up with nothing wrong; each test breaks one thing. */
async function wellSetUp(t: TestContext): Promise<SetUp> {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-doctor-"));
  t.after(async () => {
    await telegram.close();
    rmSync(dir, { recursive: true });
  });
  telegram.say("hello", { bot: "alerts" });
  return {
    telegram,
    dir,
    env: {
      TELEGRAM_API_ROOT: telegram.url,
      BOT_TOKEN: telegram.bot("shop").token,
      ALERT_BOT_TOKEN: telegram.bot("alerts").token,
      ALERT_CHAT_ID: "4242",
      BOT_ADMINS: "4242",
      HEARTBEAT_URL: "https://hc.example.org/ping",
      DATA_DIR: join(dir, "data"),
      BOT_HTTP_PORT: "0",
      CONSOLE_PORT: "0",
      OTLP_PORT: "0",
      BOT_URL: "http://127.0.0.1:1",
    },
  };
}

const look = ({ env, dir }: SetUp, options: Partial<Options> = {}): Promise<Finding[]> =>
  examine(env, { send: false, envFile: join(dir, ".env"), now: Date.now, ...options });

/** The one thing that is wrong. */
async function wrong(setUp: SetUp, options: Partial<Options> = {}): Promise<Finding & { level: "bad" }> {
  const found = (await look(setUp, options)).filter((finding) => finding.level === "bad");
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0] as Finding & { level: "bad" };
}

async function serve(t: TestContext, answer: (path: string) => [number, unknown]): Promise<number> {
  const server: Server = createServer((request, response) => {
    const [status, body] = answer(request.url ?? "");
    response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("a good set-up has nothing to correct, and nobody polls to find out", async (t) => {
  const setUp = await wellSetUp(t);
  const found = await look(setUp);
  assert.deepEqual(
    found.filter(({ level }) => level !== "ok"),
    [],
  );
  assert.ok(setUp.telegram.calls().every(({ method }) => /^get(Me|WebhookInfo|Chat)$/i.test(method)));
});

test("a refused token: who gives another one", async (t) => {
  const setUp = await wellSetUp(t);
  setUp.telegram.revoke("shop");
  const found = await wrong(setUp);
  assert.equal(found.about, "BOT_TOKEN");
  assert.match(found.says, /401 Unauthorized/);
  assert.match(found.remedy, /@BotFather/);
});

test("a chat that the alert bot cannot write to: press Start, or add it to the group", async (t) => {
  const setUp = await wellSetUp(t);
  const stranger = await wrong({ ...setUp, env: { ...setUp.env, ALERT_CHAT_ID: "777" } });
  assert.match(stranger.says, /777: Bad Request: chat not found/);
  assert.match(stranger.remedy, /press Start/);
  const group = await wrong({ ...setUp, env: { ...setUp.env, ALERT_CHAT_ID: "-100777" } });
  assert.match(group.remedy, /Add the alert bot to the group/);
});

test("nobody at the API root, and somebody who does not speak the Bot API", async (t) => {
  const setUp = await wellSetUp(t);
  const silent = { ...setUp, env: { ...setUp.env, TELEGRAM_API_ROOT: "http://127.0.0.1:2" } };
  assert.match((await wrong(silent)).says, /ECONNREFUSED/);
  const port = await serve(t, () => [200, "<html>a router's login page</html>"]);
  const router = { ...setUp, env: { ...setUp.env, TELEGRAM_API_ROOT: `http://127.0.0.1:${port}` } };
  assert.match((await wrong(router)).says, /not the Bot API's/);
});

test("a port that another program has; one that our own bot has is well", async (t) => {
  const setUp = await wellSetUp(t);
  const strange = await serve(t, () => [404, "nginx"]);
  const found = await wrong({ ...setUp, env: { ...setUp.env, BOT_HTTP_PORT: String(strange) } });
  assert.match(found.says, /in use by another program/);
  assert.match(found.remedy, /set BOT_HTTP_PORT/);
  const bot = await serve(t, () => [200, { service: "bot", telegram: { connected: true, last_error: null } }]);
  const own = await look({ ...setUp, env: { ...setUp.env, BOT_HTTP_PORT: String(bot) } });
  assert.ok(own.every(({ level }) => level !== "bad"));
});

test("a sidecar without its bot; one in a container, whose bot is not to be seen from here, is no fault", async (t) => {
  const setUp = await wellSetUp(t);
  const console = String(await serve(t, () => [200, "ok"]));
  const otlp = String(await serve(t, () => [404, ""]));
  const found = await wrong({ ...setUp, env: { ...setUp.env, CONSOLE_PORT: console, OTLP_PORT: otlp } });
  assert.match(found.says, /no bot answers/);
  const outside = await look({ ...setUp, env: { ...setUp.env, CONSOLE_PORT: console } });
  const [bot] = outside.filter(({ about }) => about === "BOT_URL");
  assert.equal(bot?.level, "note");
  assert.match(JSON.stringify(bot), /docker compose exec sidecar/);
});

test("a bot that listens on IPv6 is seen", async (t) => {
  const setUp = await wellSetUp(t);
  const server = createServer((_, response) => response.end(JSON.stringify({ telegram: { connected: true } })));
  server.listen(0, "::1");
  const listening = await once(server, "listening").then(
    () => true,
    () => false,
  );
  if (!listening) return t.skip("user side: no IPv6");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const found = await look({ ...setUp, env: { ...setUp.env, BOT_HTTP_HOST: "::1", BOT_HTTP_PORT: String(port) } });
  assert.ok(found.every(({ level }) => level !== "bad"));
});

test("a full disk", async (t) => {
  const found = await wrong(await wellSetUp(t), { spaceOf: () => ({ freeBytes: 3e6, sizeBytes: 20e9 }) });
  assert.match(found.says, /3 of 19073 MiB free/);
  assert.match(found.remedy, /^Free space/);
});

test("5 % of a huge disk is room enough", async (t) => {
  const found = await look(await wellSetUp(t), { spaceOf: () => ({ freeBytes: 150e9, sizeBytes: 4e12 }) });
  assert.ok(found.every(({ level }) => level !== "bad"));
});

test("a disk that is really full", async (t) => {
  const setUp = await wellSetUp(t);
  const disk = mkdtempSync(join(tmpdir(), "gramwatch-full-disk-"));
  t.after(() => {
    spawnSync("umount", [disk]);
    rmdirSync(disk);
  });
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "gramwatch", disk]).status !== 0)
    return t.skip("user side: only root may mount a small file system");
  writeFileSync(join(disk, "somebody-elses.log"), Buffer.alloc(1024 * 1024));
  const found = await wrong({ ...setUp, env: { ...setUp.env, DATA_DIR: disk } });
  assert.equal(found.about, "disk");
  assert.match(found.says, /not one byte is free/);
});

test("a clock that is ten minutes off", async (t) => {
  const setUp = await wellSetUp(t);
  const found = await wrong(setUp, { now: () => Date.now() - 600_000 });
  assert.match(found.says, /(599|600|601) s behind Telegram's/);
  assert.match(found.remedy, /time synchronization/);
});

test("a data directory of somebody else: chown, with the right ids", async (t) => {
  const { dir } = await wellSetUp(t);
  const folder = join(dir, "theirs");
  mkdirSync(folder);
  chmodSync(dir, 0o755);
  chmodSync(folder, 0o555);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65532); // modes do not bind root
  const [found] = checkDataDir(folder);
  if (isRoot) process.seteuid?.(0);
  assert.equal(found?.level, "bad");
  assert.match(found.says, /cannot be written by uid \d+ \(EACCES\), it belongs to uid \d+/);
  if (isRoot) assert.match(found.remedy, /chown -R 65532:/);
});

test("the command ends with 1 when something is wrong, and prints no token", async (t) => {
  const setUp = await wellSetUp(t);
  setUp.telegram.revoke("alerts");
  const child = spawn(process.execPath, [join(import.meta.dirname, "doctor.ts")], { cwd: setUp.dir, env: setUp.env });
  let said = "";
  child.stdout.on("data", (part: Buffer) => (said += part.toString()));
  child.stderr.on("data", (part: Buffer) => (said += part.toString()));
  const [code] = (await once(child, "close")) as [number];
  assert.match(said, /✗ ALERT_BOT_TOKEN +401 Unauthorized\n {4}→ /);
  assert.match(said, /1 to correct\./);
  assert.equal(code, 1);
  for (const name of ["shop", "alerts"]) assert.ok(!said.includes(setUp.telegram.bot(name).token.slice(9)));
});

test("a webhook while the bot wants to poll", async (t) => {
  const setUp = await wellSetUp(t);
  const access = { apiRoot: setUp.telegram.url, token: setUp.telegram.bot("shop").token };
  await callBotApi(access, "setWebhook", { url: "https://old.example.org/secret-path" });
  const found = await wrong(setUp);
  assert.match(found.says, /a webhook at old\.example\.org takes the updates/);
  assert.doesNotMatch(found.says, /secret-path/);
});

test("a second poller shows in the running bot's health", async (t) => {
  const setUp = await wellSetUp(t);
  const last_error = { at: new Date().toISOString(), reason: "conflict" };
  const port = await serve(t, () => [200, { service: "bot", telegram: { connected: true, last_error } }]);
  const found = await wrong({ ...setUp, env: { ...setUp.env, BOT_URL: `http://127.0.0.1:${port}` } });
  assert.match(found.says, /another program polls with this token/);
  assert.match(found.remedy, /end it/);
});

test("a bad configuration: every problem is a finding, and secrets are not shown", async (t) => {
  const setUp = await wellSetUp(t);
  const env = { ...setUp.env, BOT_TOKEN: "my-secret", BOT_RATE_LIMIT: "fast" };
  const found = (await look({ ...setUp, env }, { part: "bot" })).filter(({ level }) => level === "bad");
  assert.deepEqual(
    found.map(({ says }) => says),
    ["BOT_TOKEN = (secret, not shown)", 'BOT_RATE_LIMIT = "fast"'],
  );
});

test("notes: links that only this machine can open, a .env that others can read, no heartbeat", async (t) => {
  const setUp = await wellSetUp(t);
  writeFileSync(join(setUp.dir, ".env"), "", { mode: 0o644 });
  const env = { ...setUp.env, GRAFANA_URL: "http://localhost:3000", HEARTBEAT_URL: "" };
  const notes = (await look({ ...setUp, env })).filter(({ level }) => level !== "ok");
  assert.deepEqual(
    notes.map(({ level, about }) => [level, about]),
    [
      ["note", ".env"],
      ["note", "GRAFANA_URL"],
      ["note", "HEARTBEAT_URL"],
    ],
  );
});

test("notes: nobody to tell, and a token that is to tell of itself: each once, with its own remedy", async (t) => {
  const setUp = await wellSetUp(t);
  const notesWith = async (more: Record<string, string>) =>
    (await look({ ...setUp, env: { ...setUp.env, ...more } })).flatMap((finding) =>
      finding.level === "note" ? [[finding.about, finding.remedy]] : [],
    );
  assert.deepEqual(await notesWith({ ALERT_CHAT_ID: "" }), [
    ["ALERT_CHAT_ID", "Run `npm run init`, or set ALERT_CHAT_ID and ALERT_BOT_TOKEN."],
  ]);
  setUp.telegram.say("hello", { bot: "shop" });
  assert.deepEqual(await notesWith({ ALERT_BOT_TOKEN: "" }), [
    ["alerts", "Make a second bot with @BotFather for the alerts."],
  ]);
});

test("--send: what each channel of the running sidecar answered; without a sidecar it says so", async (t) => {
  const setUp = await wellSetUp(t);
  const channels = [
    { channel: "telegram", ok: true, answer: "" },
    { channel: "ntfy", ok: false, answer: "403 forbidden" },
  ];
  const port = await serve(t, (path) => (path === "/livez" ? [200, "ok"] : [200, { channels }]));
  const bot = await serve(t, () => [200, { service: "bot", telegram: { connected: true, last_error: null } }]);
  const env = { ...setUp.env, CONSOLE_PORT: String(port), BOT_URL: `http://127.0.0.1:${bot}` };
  const found = await wrong({ ...setUp, env }, { send: true });
  assert.equal(found.says, "ntfy: 403 forbidden");
  const nobody = await wrong({ ...setUp, env: { ...setUp.env, CONSOLE_PORT: "1" } }, { send: true, part: "sidecar" });
  assert.match(nobody.remedy, /^Start it/);
});
