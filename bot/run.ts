import {
  ConfigError,
  createLog,
  events,
  serveHealth,
  type BotHealthState,
  type HealthServer,
  type Log,
  type Telemetry,
} from "@gramwatch/otel";
import { createApp, type App, type AppDeps } from "./app.ts";
import { systemClock } from "./clock.ts";
import type { BotConfig } from "./config.ts";
import { openDataDir, type DataDir } from "./storage/database.ts";
import { unusable } from "./storage/storage-error.ts";

const TELEMETRY_DEADLINE_MS = 3000;
const CRASH_DEADLINE_MS = 1000;

/**
 * The bot from start to exit. Returns the exit code.
 * @throws ConfigError (exit 78), StorageError or the listener's error (exit 1), each with the remedy in its message
 */
export async function runBot(config: BotConfig, telemetry: Telemetry): Promise<number> {
  const stop = stopSignal();
  const log = createLog({ telemetry, ...config.log, name: "bot" });
  const data = openDataDir(config.dataDir);
  const app = start({ config, db: data.db, telemetry, log, clock: systemClock, random: Math.random }, data);
  const server = await listen(config, app.health, telemetry, log).catch((error: unknown) => {
    app.stopped(); // a start that did not come about is no crash
    data.close();
    throw error;
  });

  process.on("uncaughtException", (error) => {
    // No clean-stop mark is set, so the next start counts the crash.
    log.fatal({ err: error }, "uncaught exception");
    log.flush();
    void telemetry.shutdown(CRASH_DEADLINE_MS).finally(() => process.exit(1));
  });

  log.info({ version: telemetry.serviceVersion, node: process.version, port: server.port }, "bot started");
  const ending = await app.run(stop);
  // The sidecar reads /health every 5 s and may miss the stop; this is how it can know of it.
  log.info({ event: events.stopped }, "bot stopped");
  await telemetry.shutdown(TELEMETRY_DEADLINE_MS);
  log.flush();
  await server.close();
  app.stopped();
  data.close();
  if (ending === "refused") throw refusedToken(config.apiRoot);
  return 0;
}

function start(deps: AppDeps, data: DataDir): App {
  try {
    return createApp(deps);
  } catch (error) {
    data.close();
    throw unusable(data.path, error);
  }
}

/** Aborts at the first SIGTERM or SIGINT; the second of either ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(1);
    controller.abort();
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return controller.signal;
}

async function listen(
  config: BotConfig,
  health: BotHealthState,
  telemetry: Telemetry,
  log: Log,
): Promise<HealthServer> {
  const { host, port } = config.http;
  try {
    return await serveHealth({ host, port, health, telemetry, log });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy =
      code === "EADDRINUSE"
        ? "is in use. End the process that has it, or set BOT_HTTP_PORT to a free port."
        : `cannot be used (${code}). Set BOT_HTTP_HOST to an address of this machine and BOT_HTTP_PORT to a port above 1023.`;
    throw new Error(`The address ${host}:${port} ${remedy}`, { cause: error });
  }
}

const refusedToken = (apiRoot: string): ConfigError =>
  new ConfigError([
    {
      setting: "BOT_TOKEN",
      value: "(secret, not shown)",
      expected: `${apiRoot} refuses it (401). Copy the token again from @BotFather, or ask there for a new one with /token`,
    },
  ]);
