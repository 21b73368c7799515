import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type FakeTelegram, startFakeTelegram } from "../fake-telegram/mod.ts";
import { freePorts, type Running, start, until } from "./testing.ts";

const CHAT = -100_777;

interface World {
  /** Where the watched bot lives, and where alerts are written: apart, so that the first can be cut off alone. */
  telegram: FakeTelegram;
  alerts: FakeTelegram;
  bot: Running;
  sidecar: Running;
  api: string;
  startBot: () => Promise<Running>;
  /** What the alert chat shows. */
  shown: () => string[];
}

async function setUp(t: TestContext, over: Record<string, string> = {}): Promise<World> {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  const alerts = await startFakeTelegram({ bots: ["alarm"] });
  const dir = mkdtempSync(join(tmpdir(), "sidecar-"));
  t.after(async () => {
    await Promise.all([telegram.close(), alerts.close()]);
    rmSync(dir, { recursive: true, force: true });
  });
  alerts.group({ id: CHAT, title: "Operations", type: "supergroup" });
  writeFileSync(join(dir, "g.yaml"), `alerts: {telegram: {chat_id: ${CHAT}, api_root: "${alerts.url}"}}\n`);
  const [botPort = 0, otlpPort = 0, consolePort = 0] = await freePorts(3);
  const common = {
    TELEGRAM_API_ROOT: telegram.url,
    BOT_TOKEN: telegram.bot("shop").token,
    DATA_DIR: join(dir, "data"),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpPort}`,
    OTEL_METRIC_EXPORT_INTERVAL: "500",
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BLRP_SCHEDULE_DELAY: "100",
  };
  const startBot = async () => {
    const bot = start(t, "../bot/main.ts", { ...common, BOT_HTTP_PORT: String(botPort) });
    await bot.said("bot started");
    await ask(telegram, "/help"); // a first poll has returned: the next thing it waits for is news
    return bot;
  };
  const bot = await startBot();
  const sidecar = start(t, "main.ts", {
    ...common,
    SIDECAR_CONFIG: join(dir, "g.yaml"),
    ALERT_BOT_TOKEN: alerts.bot("alarm").token,
    BOT_URL: `http://127.0.0.1:${botPort}`,
    OTLP_PORT: String(otlpPort),
    CONSOLE_PORT: String(consolePort),
    DISCONNECTED_AFTER: "3s",
    ...over,
  });
  await sidecar.said("sidecar started");
  const api = `http://127.0.0.1:${consolePort}`;
  await until(
    "a connected bot",
    async () => {
      const { bots } = (await (await fetch(`${api}/api/status`)).json()) as Status;
      return bots[0]?.health?.telegram.connected || undefined; // an export that is late on a busy machine is no matter here
    },
    { otherwise: () => sidecar.output() + bot.output() },
  );
  const shown = () => alerts.messages(CHAT).map((message) => ("text" in message ? message.text : ""));
  return { telegram, alerts, bot, sidecar, api, startBot, shown };
}

interface Status {
  bots: { health: { telegram: { connected: boolean } } | null }[];
}

/** Writes to the watched bot and waits for its answer. */
async function ask(telegram: FakeTelegram, text: string): Promise<void> {
  const skip = telegram.calls().filter(({ method }) => method === "sendMessage").length;
  telegram.say(text);
  await telegram.called("sendMessage", { skip });
}

const firing = async (api: string) =>
  ((await (await fetch(`${api}/api/alerts?state=firing`)).json()) as { alerts: { rule: string; cause: string }[] })
    .alerts;

/** The chat shows a message like this; how many it shows in all is for the test to say. */
const chatShows = ({ alerts, shown, sidecar }: World, pattern: RegExp) =>
  until(`a message like ${pattern}`, () => shown().find((text) => pattern.test(text)), {
    otherwise: () =>
      JSON.stringify(
        alerts.calls().map(({ method, params, description }) => [method, params, description]),
        null,
        1,
      ) + sidecar.output(),
  });

test("eleven failures within the hour are one message with the cause and the trace", async (t) => {
  const world = await setUp(t);
  const { telegram, alerts, shown, api } = world;
  for (let n = 1; n <= 10; n++) await ask(telegram, "/boom");
  await until("ten errors at the sidecar", async () => ((await errorsOf(api)) === 10 ? true : undefined));
  assert.deepEqual(shown(), [], "ten are not eleven");
  telegram.say("/boom");
  // What failed comes with the telemetry: it may be there at once or with an edit.
  const text = await chatShows(world, /11 errors[^]*failed on purpose/);
  assert.match(text, new RegExp(`${api}/(traces|requests)/[0-9a-f]{32}`));
  telegram.say("/boom");
  await until("twelve errors at the sidecar", async () => ((await errorsOf(api)) === 12 ? true : undefined));
  assert.equal(alerts.calls().filter(({ method }) => method === "sendMessage").length, 1);
  assert.deepEqual(
    (await firing(api)).map(({ rule }) => rule),
    ["TelegramBotErrorsHigh"],
  );
});

async function errorsOf(api: string): Promise<number | undefined> {
  const status = (await (await fetch(`${api}/api/status`)).json()) as {
    bots: { health: { errors: { total: number } } | null }[];
  };
  return status.bots[0]?.health?.errors.total;
}

test("an outage longer than DISCONNECTED_AFTER is told once, and once that it is over", async (t) => {
  const world = await setUp(t);
  const { telegram, alerts, shown } = world;
  const outage = telegram.faults.add({ fault: { kind: "refuse" } });
  const down = await chatShows(world, /disconnected from Telegram/);
  assert.match(down, /Cause: /);
  assert.equal(shown().length, 1);
  await outage.remove();
  await ask(telegram, "/help"); // else the poll that proves it returns after half a minute
  await chatShows(world, /connected again/);
  assert.equal(alerts.calls().filter(({ method }) => method === "sendMessage").length, 2);
});

test("a killed bot is reported; a killed sidecar is not noticed by the bot", async (t) => {
  const world = await setUp(t);
  const { bot, sidecar, startBot, telegram } = world;
  await bot.end("SIGKILL");
  await chatShows(world, /down|not running|unreachable/i);
  const again = await startBot();
  await chatShows(world, /(up|back|running|reachable) again/i);
  await sidecar.end("SIGKILL");
  await ask(telegram, "/help");
  assert.equal(again.child.exitCode, null);
});

const isWebhookInfo = ({ method }: { method: string }) => method === "getWebhookInfo";

test("with the bot's token the sidecar calls getMe and getWebhookInfo, and it says its token nowhere", async (t) => {
  const { telegram, sidecar, alerts, bot } = await setUp(t);
  await telegram.called("getWebhookInfo");
  telegram.faults.add({ method: "getMe", fault: { kind: "html" } });
  await sidecar.said("a probe fails");
  assert.equal(await bot.end("SIGTERM"), 0);
  const before = telegram.calls().length;
  await telegram.called("getWebhookInfo", { skip: telegram.calls().filter(isWebhookInfo).length });
  assert.equal(await sidecar.end("SIGTERM"), 0);
  const after = telegram.calls().slice(before);
  assert.deepEqual(
    new Set(after.map(({ method }) => method)).difference(new Set(["getMe", "getWebhookInfo"])),
    new Set(),
  );
  for (const { token } of [telegram.bot("shop"), alerts.bot("alarm")]) {
    assert.ok(!sidecar.output().includes(token.split(":")[1] ?? token), "the token is in the log");
  }
});
