import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createLog, startTelemetry } from "@gramwatch/otel";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { createApp } from "./app.ts";
import { readConfig } from "./config.ts";
import { healthBody, refusedPort, serveHttp } from "./probes/testing.ts";
import { until } from "./testing.ts";

interface Status {
  bots: { name: string; state: string }[];
  probes: { probe: string; target: string; state: string }[];
  heartbeats: { heartbeat: string; ok: boolean; last_sent_at: string | null }[];
}

async function run(t: TestContext, env: Record<string, string>, files: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "app-"));
  const all = {
    DATA_DIR: dir,
    OTLP_PORT: "0",
    CONSOLE_PORT: "0",
    OTEL_SDK_DISABLED: "true",
    DISCONNECTED_AFTER: "3s",
    ...env,
  };
  const lines: string[] = [];
  const app = await createApp(readConfig(all, { readFile: (path) => files[path] ?? assert.fail(path) }), {
    telemetry: startTelemetry({ serviceName: "sidecar", serviceVersion: "1.0.0", env: all }),
    log: createLog({ destination: { write: (line) => void lines.push(line) } }),
  });
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await app.stop(async () => {});
    rmSync(dir, { recursive: true });
  };
  t.after(stop);
  const url = `http://127.0.0.1:${app.ports.console}`;
  const status = async () => (await (await fetch(`${url}/api/status`)).json()) as Status;
  return { status, stop, lines, url };
}

const serveHealth = (t: TestContext, service: string) =>
  serveHttp(t, (_, response) => {
    const telegram = {
      connected: true,
      seconds_since_success: 1,
      last_success_at: null,
      last_error: null,
      in_flight_since: null,
    };
    response.end(JSON.stringify(healthBody({ service, uptime_seconds: 1, telegram })));
  });

test("several bots are watched, each under its own name although both call themselves bot", async (t) => {
  const g = `bots:\n - {name: first, url: "${await serveHealth(t, "bot")}"}\n - {name: second, url: "${await serveHealth(t, "bot")}"}`;
  const nobody = `http://127.0.0.1:${await refusedPort()}`;
  const { status } = await run(t, { SIDECAR_CONFIG: "g", TELEGRAM_API_ROOT: nobody }, { g });
  const seen = await until("both bots", async () => {
    const { probes } = await status();
    const health = probes.filter(({ probe, state }) => probe.startsWith("health:") && state === "ok");
    return health.length === 2 ? health : undefined;
  });
  assert.deepEqual(seen.map(({ probe }) => probe).toSorted(), ["health:first", "health:second"]);
  assert.deepEqual(new Set(seen.map(({ target }) => target)).size, 2);
});

test("with BOT_URL=none a bot is known by its username and has no health probe", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const { status } = await run(t, {
    BOT_URL: "none",
    BOT_TOKEN: telegram.bot("shop").token,
    TELEGRAM_API_ROOT: telegram.url,
  });
  const names = await until("a look at Telegram", async () => {
    const { bots } = await status();
    return bots.some(({ name }) => name === "shop_bot") ? bots.map(({ name }) => name) : undefined;
  });
  assert.deepEqual(names, ["shop_bot"]);
  assert.deepEqual((await status()).probes.map(({ probe }) => probe.split(":", 1).join()).toSorted(), [
    "disk",
    "own",
    "telegram",
    "webhook",
  ]);
});

test("the evaluator beats; while Telegram is out of reach the delivery beat fails with the reason", async (t) => {
  const beats: [string | undefined, string][] = [];
  const hc = await serveHttp(t, (request, response) => {
    let body = "";
    request
      .on("data", (chunk) => (body += String(chunk)))
      .on("end", () => {
        beats.push([request.url, body]);
        response.end("OK");
      });
  });
  const nobody = `http://127.0.0.1:${await refusedPort()}`;
  const { status, lines, stop } = await run(t, {
    BOT_URL: nobody,
    TELEGRAM_API_ROOT: nobody,
    HEARTBEAT_URL: `${hc}/ping/main`,
    DELIVERY_HEARTBEAT_URL: `${hc}/ping/delivery`,
  });
  await until("both beats", () => (beats.length === 2 ? true : undefined));
  assert.deepEqual(
    new Map(beats),
    new Map([
      ["/ping/main", ""],
      ["/ping/delivery/fail", '{"reasons":["the way to Telegram fails"]}'],
    ]),
  );
  const sent = await until("accepted beats", async () => {
    const { heartbeats } = await status();
    return heartbeats.every((beat) => beat.last_sent_at !== null) ? heartbeats : undefined;
  });
  assert.deepEqual(
    sent.map(({ heartbeat, ok }) => [heartbeat, ok]),
    [
      ["main", true],
      ["delivery", true],
    ],
  );
  await stop();
  assert.doesNotMatch(lines.join(), /ping\/main/);
});

for (const [whose, apart, ending] of [
  ["the alerts' token too", false, "/ping/fail"],
  ["the bot's token, not that of the alerts", true, "/ping"],
] as const)
  test(`the delivery heartbeat goes to ${ending} where Telegram refuses ${whose}`, async (t) => {
    const telegram = await startFakeTelegram({ bots: ["shop", "alarm"] });
    t.after(() => telegram.close());
    telegram.group({ id: -7, title: "Operations", type: "supergroup" });
    const { token } = telegram.bot("shop");
    telegram.revoke("shop");
    const beats: (string | undefined)[] = [];
    const hc = await serveHttp(t, (request, response) => void response.end(String(beats.push(request.url))));
    await run(t, {
      BOT_URL: await serveHealth(t, "shop"),
      BOT_TOKEN: token,
      TELEGRAM_API_ROOT: telegram.url,
      ALERT_CHAT_ID: "-7",
      ...(apart && { ALERT_BOT_TOKEN: telegram.bot("alarm").token }),
      DELIVERY_HEARTBEAT_URL: `${hc}/ping`,
    });
    await until("a beat", () => beats[0]);
    assert.equal(beats[0], ending);
  });

test("what was opened before a port failed is closed again", async (t) => {
  const { port } = new URL(await serveHttp(t, () => {}));
  const dir = mkdtempSync(join(tmpdir(), "app-"));
  t.after(() => rmSync(dir, { recursive: true }));
  await assert.rejects(run(t, { DATA_DIR: dir, CONSOLE_PORT: port }), { name: "PortError" });
  const { stop } = await run(t, {
    DATA_DIR: dir,
    BOT_URL: `http://127.0.0.1:${await refusedPort()}`,
    TELEGRAM_API_ROOT: "http://127.0.0.1:1",
  });
  await stop();
});
