import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type FakeTelegram, type FakeTelegramOptions, startFakeTelegram } from "../fake-telegram/mod.ts";
import { freePorts, type Running, start, until } from "./testing.ts";

export const CHAT = -100_777;

/** A real bot, the real sidecar that watches it, and two Bot APIs. */
export interface World {
  /** Where the watched bot lives, and where alerts are written: apart, so that the first can be cut off alone. */
  telegram: FakeTelegram;
  alerts: FakeTelegram;
  bot: Running;
  sidecar: Running;
  /** Of the sidecar. */
  api: string;
  /** Of the bot. */
  page: string;
  /** Of the test, deleted after it. */
  dir: string;
  startBot: (over?: Record<string, string>) => Promise<Running>;
  startSidecar: (over?: Record<string, string>) => Promise<Running>;
  /** What the alert chat shows. */
  shown: () => string[];
}

export interface WorldOptions {
  /** Over the environment of the sidecar and of the bot. */
  sidecar?: Record<string, string>;
  bot?: Record<string, string>;
  /** What the sidecar is started by: a program and its arguments. */
  sidecarThrough?: string[];
  /** `rules:` of the YAML file, as JSON. */
  rules?: object;
  telegram?: FakeTelegramOptions;
  /** The host of `telegram` as both processes call it; default: its address. */
  apiHost?: string;
  /** Another program than our own bot. */
  program?: string;
  dataDir?: string;
}

/** Thresholds of seconds; a bot that has answered once, and a sidecar that has seen it connected. */
export async function startWorld(t: TestContext, options: WorldOptions = {}): Promise<World> {
  const telegram = await startFakeTelegram({ bots: ["shop"], ...options.telegram });
  const alerts = await startFakeTelegram({ bots: ["alarm"] });
  const dir = mkdtempSync(join(tmpdir(), "sidecar-"));
  t.after(async () => {
    await Promise.all([telegram.close(), alerts.close()]);
    rmSync(dir, { recursive: true, force: true });
  });
  alerts.group({ id: CHAT, title: "Operations", type: "supergroup" });
  const file = { alerts: { telegram: { chat_id: CHAT, api_root: alerts.url } }, rules: options.rules ?? {} };
  writeFileSync(join(dir, "g.yaml"), JSON.stringify(file)); // JSON is YAML
  const [botPort = 0, otlpPort = 0, consolePort = 0] = await freePorts(3);
  const common = {
    TELEGRAM_API_ROOT: options.apiHost === undefined ? telegram.url : `http://${options.apiHost}:${telegram.port}`,
    BOT_TOKEN: telegram.bot("shop").token,
    DATA_DIR: options.dataDir ?? join(dir, "data"),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpPort}`,
    OTEL_METRIC_EXPORT_INTERVAL: "500",
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BLRP_SCHEDULE_DELAY: "100",
    // Starting is most of what these tests cost.
    NODE_COMPILE_CACHE: join(tmpdir(), "gramwatch-compile-cache"),
  };
  const startBot = async (over: Record<string, string> = {}) => {
    const env = { ...common, BOT_HTTP_PORT: String(botPort), ...options.bot, ...over };
    const bot = start(t, options.program ?? "../bot/main.ts", env);
    if (options.program === undefined) await bot.said("bot started");
    return bot;
  };
  const startSidecar = async (over: Record<string, string> = {}) => {
    const env = {
      ...common,
      SIDECAR_CONFIG: join(dir, "g.yaml"),
      ALERT_BOT_TOKEN: alerts.bot("alarm").token,
      BOT_URL: `http://127.0.0.1:${botPort}`,
      OTLP_PORT: String(otlpPort),
      CONSOLE_PORT: String(consolePort),
      DISCONNECTED_AFTER: "3s",
      ...options.sidecar,
      ...over,
    };
    const sidecar = start(t, "main.ts", env, [], options.sidecarThrough);
    await sidecar.said("sidecar started");
    return sidecar;
  };
  const bot = await startBot();
  await ask(telegram, "/help"); // a first poll has returned: the next one waits for news
  // After the bot: on a busy machine it may take longer to start than a disconnect takes here.
  const sidecar = await startSidecar();
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
  const page = `http://127.0.0.1:${botPort}`;
  return { telegram, alerts, bot, sidecar, api, page, dir, startBot, startSidecar, shown };
}

interface Status {
  bots: { health: { telegram: { connected: boolean } } | null }[];
}

/** Writes to the watched bot and waits for its answer. */
export async function ask(telegram: FakeTelegram, text: string): Promise<void> {
  const skip = telegram.calls().filter(({ method }) => method === "sendMessage").length;
  telegram.say(text);
  await telegram.called("sendMessage", { skip, timeoutMs: 30_000 });
}

export interface Alert {
  rule: string;
  cause: string | null;
  target: string;
  severity: string;
  summary: string;
}
export const firing = async ({ api }: Pick<World, "api">): Promise<Alert[]> =>
  ((await (await fetch(`${api}/api/alerts?state=firing`)).json()) as { alerts: Alert[] }).alerts;

/** The chat shows a message like this; how many it shows in all is for the test to say. */
export const chatShows = ({ alerts, shown, sidecar }: World, pattern: RegExp, withinMs = 30_000): Promise<string> =>
  until(`a message like ${pattern}`, () => shown().find((text) => pattern.test(text)), {
    withinMs,
    otherwise: () =>
      JSON.stringify(
        alerts.calls().map(({ method, params, description }) => [method, params, description]),
        null,
        1,
      ) + sidecar.output(),
  });
