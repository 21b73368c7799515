import type { Bot } from "grammy";
import type { DestinationStream } from "pino";
import { readTelemetryConfig } from "./config.ts";
import type { BotHealthState } from "./health.ts";
import { createBotHealth } from "./health.ts";
import type { HealthServer } from "./http.ts";
import { serveHealth } from "./http.ts";
import type { Log } from "./log.ts";
import { createLog } from "./log.ts";
import { observeUpdates } from "./middleware.ts";
import { addSecret } from "./redact.ts";
import { ConfigError, oneOf, port, readSettings, text } from "./settings.ts";
import type { Telemetry } from "./start.ts";
import { startTelemetry } from "./start.ts";
import { observeApi } from "./transformer.ts";

export interface ObserveOptions {
  /** `service.name`; `OTEL_SERVICE_NAME` wins. Default `bot`. */
  name?: string;
  /** `service.version`. Default `0.0.0`. */
  version?: string;
  /** Where `/livez /readyz /health /metrics` listen. Default `BOT_HTTP_HOST`, else `127.0.0.1`. */
  host?: string;
  /** Default `BOT_HTTP_PORT`, else 8080; 0 lets the system choose; `false`: no server. A busy port is a warning. */
  port?: number | false;
  /** `webhook` where the webhook is set elsewhere; else its first update, or setWebhook, tells. */
  mode?: "webhook";
  /** Default `process.env`. */
  env?: Record<string, string | undefined>;
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

const settings = {
  BOT_HTTP_HOST: { schema: text(), fallback: "127.0.0.1", doc: "Where the health pages listen." },
  BOT_HTTP_PORT: { schema: port(), fallback: "8080", doc: "Their port." },
  LOG_LEVEL: {
    schema: oneOf(["trace", "debug", "info", "warn", "error", "fatal"]),
    fallback: "info",
    doc: "Least level of a line.",
  },
  LOG_FORMAT: { schema: oneOf(["json", "pretty"]), fallback: "json", doc: "Form of the lines on stdout." },
} as const;

/**
 * Makes a grammY bot observable: spans, metrics, logs, health pages. Call it right after `new Bot(…)`, before the
 * bot's own middleware. It works with `bot.start()`, `run(bot)` and `webhookCallback`.
 * Throws a `ConfigError` for bad variables; after that it never disturbs the bot.
 */
export function observe(bot: Bot, options: ObserveOptions = {}): Observed {
  const env = options.env ?? process.env;
  const { values, problems } = readSettings(settings, env);
  if (problems.length > 0) throw new ConfigError([...problems, ...readTelemetryConfig(env).problems]);
  const apiRoot = bot.api.options?.apiRoot ?? "https://api.telegram.org";
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
    level: values.LOG_LEVEL,
    format: values.LOG_FORMAT,
    ...(options.logDestination && { destination: options.logDestination }),
  });
  const health = createBotHealth({ telemetry, ...(options.mode && { mode: options.mode }) });
  health.observe(telemetry.meter);
  telemetry.sendZeros();
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

  const { host = values.BOT_HTTP_HOST, port = values.BOT_HTTP_PORT } = options;
  const server = port === false ? Promise.resolve(undefined) : listen({ host, port, health, telemetry, log });
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

async function listen(options: Parameters<typeof serveHealth>[0]): Promise<HealthServer | undefined> {
  try {
    const server = await serveHealth(options);
    server.unref();
    return server;
  } catch (error) {
    options.log.warn({ err: error }, "the health pages have no port; the bot goes on without them");
    return undefined;
  }
}
