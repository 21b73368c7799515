import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { startFakeTelegram } from "../../fake-telegram/mod.ts";
import type { FakeTelegram } from "../../fake-telegram/mod.ts";
import { answers, freePorts, start, until } from "./children.ts";
import type { Child } from "./children.ts";
import type { Stack } from "./stack.ts";

const root = join(import.meta.dirname, "../..");
const ALERTS = { id: -100_200_300, title: "Alerts" };

/** A web service beside the bot: transcription, heartbeat and control target in one. */
interface Neighbour {
  url: string;
  port: number;
  /** Answers 503 from now on, or well again. */
  ill: boolean;
  close(): Promise<void>;
}

/** Bot and sidecar as child processes, started as a user would, against the stand-in for Telegram. */
export interface Product {
  telegram: FakeTelegram;
  neighbour: Neighbour;
  bot: Child;
  sidecar: Child;
  botUrl: string;
  consoleUrl: string;
  close(): Promise<void>;
}

/** @param sidecarOtlpPort where the Collector expects the sidecar */
export async function startProduct(stack: Stack, sidecarOtlpPort: number): Promise<Product> {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"], openDoor: true });
  telegram.group(ALERTS);
  telegram.latency({ medianMs: 20, sigma: 0.5, seed: 1 });
  const neighbour = await startNeighbour();
  const [botPort = 0, consolePort = 0] = await freePorts(2);
  const botUrl = `http://127.0.0.1:${botPort}`;
  const consoleUrl = `http://127.0.0.1:${consolePort}`;
  const common = {
    PATH: process.env["PATH"] ?? "",
    TELEGRAM_API_ROOT: telegram.url,
    BOT_TOKEN: telegram.bot("shop").token,
    BACKUP_AT: "off",
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.otlp,
    // The panels look back over 15 s steps; the story is short.
    OTEL_METRIC_EXPORT_INTERVAL: "2000",
    OTEL_BSP_SCHEDULE_DELAY: "200",
    OTEL_BLRP_SCHEDULE_DELAY: "200",
  };
  const spawn = (name: "bot" | "sidecar", env: Record<string, string>): Child => {
    const data = join(stack.folder, `${name}-data`);
    mkdirSync(data, { recursive: true });
    return start(name, [process.execPath, join(root, name, "main.ts")], {
      env: { ...common, DATA_DIR: data, ...env },
      logFile: join(stack.folder, `${name}.log`),
      cwd: root,
    });
  };
  const bot = spawn("bot", {
    BOT_HTTP_PORT: String(botPort),
    BOT_RATE_LIMIT: "100000/60s",
    TRANSCRIBE_URL: neighbour.url,
    SIDECAR_URL: consoleUrl,
  });
  const sidecar = spawn("sidecar", {
    BOT_URL: botUrl,
    ALERT_BOT_TOKEN: telegram.bot("alerts").token,
    ALERT_CHAT_ID: String(ALERTS.id),
    CONTROL_TARGETS: `127.0.0.1:${neighbour.port}`,
    DEPENDENCIES: `whisper=${neighbour.url}/health`,
    HEARTBEAT_URL: `${neighbour.url}/heartbeat`,
    DISCONNECTED_AFTER: "4s",
    OTLP_PORT: String(sidecarOtlpPort),
    CONSOLE_PORT: String(consolePort),
  });
  const product: Product = {
    telegram,
    neighbour,
    bot,
    sidecar,
    botUrl,
    consoleUrl,
    async close() {
      await Promise.all([bot.stop(30_000), sidecar.stop(30_000)]);
      await telegram.close();
      await neighbour.close();
    },
  };
  try {
    await until("the bot lives", () => answers(`${botUrl}/livez`));
    await until("the sidecar lives", () => answers(`${consoleUrl}/livez`));
  } catch (error) {
    const said = `${bot.said()}\n${sidecar.said()}`;
    await product.close();
    throw new Error(said, { cause: error });
  }
  return product;
}

async function startNeighbour(): Promise<Neighbour> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(neighbour.ill ? 503 : 200, { "content-type": "application/json" });
      response.end(JSON.stringify({ text: "hello" }));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const neighbour: Neighbour = {
    url: `http://127.0.0.1:${port}`,
    port,
    ill: false,
    async close() {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
  return neighbour;
}
