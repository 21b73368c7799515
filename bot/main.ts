import { ConfigError, readTelemetryConfig, startTelemetry } from "@gramwatch/otel";
import { readConfig } from "./config.ts";
import manifest from "./package.json" with { type: "json" };

// Before the first use of libuv's threads, of which only half may look up names: two names whose server is silent would
// stop every other lookup, and what is next door would look dead.
process.env["UV_THREADPOOL_SIZE"] ??= "16";

async function run(env: NodeJS.ProcessEnv): Promise<number> {
  const { problems } = readTelemetryConfig(env);
  const config = readConfig(env, { isTerminal: process.stdout.isTTY, more: problems });
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: manifest.version,
    env,
    resource: { "telegram.bot.id": config.token.split(":", 1)[0] ?? "" },
    telegramApiRoot: config.apiRoot,
  });
  // grammY and the rest come after telemetry, so that instrumentations a user switches on can patch them.
  const { runBot } = await import("./run.ts");
  return runBot(config, telemetry);
}

run(process.env).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(error instanceof ConfigError ? error.exitCode : 1);
  },
);
