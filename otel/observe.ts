import type { Bot } from "grammy";
import type { DestinationStream } from "pino";
import type { BotHealthState } from "./health.ts";
import { createBotHealth } from "./health.ts";
import type { HealthServer } from "./http.ts";
import { serveHealth } from "./http.ts";
import type { Log } from "./log.ts";
import { createLog } from "./log.ts";
import { observeUpdates } from "./middleware.ts";
import { addSecret } from "./redact.ts";
import type { Telemetry } from "./start.ts";
import { startTelemetry } from "./start.ts";
import { observeApi } from "./transformer.ts";

export interface ObserveOptions {
  /** `service.name`; `OTEL_SERVICE_NAME` wins. Default `bot`. */
  name?: string;
  /** `service.version`. Default `0.0.0`. */
  version?: string;
  /** Where `/livez /readyz /health /metrics` listen. Default `127.0.0.1`. */
  host?: string;
  /** Default 8080; 0 lets the system choose; `false`: no server. A busy port is a warning. */
  port?: number | false;
  /** Default `https://api.telegram.org`; the bot's own `client.apiRoot`. */
  apiRoot?: string;
  /** Default `process.env`. */
  env?: Record<string, string | undefined>;
  logLevel?: string;
  logFormat?: "json" | "pretty";
  /** Default: stdout. */
  logDestination?: DestinationStream;
  /** Keeps `user.hash` stable over restarts. */
  userHashKey?: Uint8Array;
  /** Message texts as span attributes. For development only. */
  recordText?: boolean;
}

export interface Observed {
  telemetry: Telemetry;
  health: BotHealthState;
  log: Log;
  /** The server once it listens; undefined where it cannot. */
  server: Promise<HealthServer | undefined>;
  /** Flushes and closes. Called by itself when the process ends on its own; call it before `process.exit`. */
  shutdown(deadlineMs?: number): Promise<void>;
}

/**
 * Makes a grammY bot observable: spans, metrics, logs, health pages. Call it right after `new Bot(…)`, before the
 * bot's own middleware. It works with `bot.start()`, `run(bot)` and `webhookCallback`.
 * Throws a `ConfigError` for bad `OTEL_*` variables; after that it never disturbs the bot.
 */
export function observe(bot: Bot, options: ObserveOptions = {}): Observed {
  const env = options.env ?? process.env;
  const apiRoot = options.apiRoot ?? "https://api.telegram.org";
  addSecret(bot.token);
  const telemetry = startTelemetry({
    serviceName: options.name ?? "bot",
    serviceVersion: options.version ?? "0.0.0",
    env,
    telegramApiRoot: apiRoot,
    resource: { "telegram.bot.id": bot.token.split(":", 1)[0] ?? "" },
  });
  const log = createLog({
    telemetry,
    name: telemetry.serviceName,
    level: options.logLevel ?? env["LOG_LEVEL"] ?? "info",
    format: options.logFormat ?? "json",
    ...(options.logDestination && { destination: options.logDestination }),
  });
  const health = createBotHealth({ telemetry });
  health.observe(telemetry.meter);
  if (bot.isInited()) health.identify(bot.botInfo.username);

  bot.api.config.use(observeApi({ telemetry, health, apiRoot, watchPolls: true }));
  bot.use(
    observeUpdates({
      telemetry,
      health,
      log,
      webhooks: true,
      ...(options.userHashKey && { userHashKey: options.userHashKey }),
      ...(options.recordText && { recordText: true }),
    }),
  );

  const server = listen(options, health, telemetry, log);
  const shutdown = async (deadlineMs = 3000): Promise<void> => {
    process.off("beforeExit", onExit);
    health.stop();
    const [listening] = await Promise.all([server, telemetry.shutdown(deadlineMs)]);
    await listening?.close();
    log.flush();
  };
  // Nothing else is left to do by then, and a failing export must not hold the process with its retries.
  const onExit = (): void => void shutdown().then(() => process.exit());
  process.once("beforeExit", onExit);
  return { telemetry, health, log, server, shutdown };
}

async function listen(
  options: ObserveOptions,
  health: BotHealthState,
  telemetry: Telemetry,
  log: Log,
): Promise<HealthServer | undefined> {
  const { host = "127.0.0.1", port = 8080 } = options;
  if (port === false) return undefined;
  try {
    const server = await serveHealth({ host, port, health, telemetry, log });
    server.unref();
    return server;
  } catch (error) {
    log.warn({ err: error }, "the health pages have no port; the bot goes on without them");
    return undefined;
  }
}
