import { ConfigError, readTelemetryConfig, startTelemetry } from "@gramwatch/otel";
import { readConfig } from "./config.ts";
import { urlOf } from "./ports.ts";
import manifest from "./package.json" with { type: "json" };

// Before the first use of libuv's threads, of which only half may look up names: two names whose server is silent would
// stop every other lookup, and what is next door would look dead.
process.env["UV_THREADPOOL_SIZE"] ??= "16";

async function run(env: NodeJS.ProcessEnv, args: string[]): Promise<number> {
  const { problems } = readTelemetryConfig(env);
  const config = readConfig(env, { isTerminal: process.stdout.isTTY, more: problems });
  if (args.includes("--check")) {
    console.log("configuration ok");
    return 0;
  }
  const telemetry = startTelemetry({
    serviceName: "sidecar",
    serviceVersion: manifest.version,
    // Unless told otherwise it keeps its own telemetry: the receiver makes none of what it receives.
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(config.otlp), ...given(env) },
    telegramApiRoot: config.telegramApiRoot,
  });
  const { runSidecar } = await import("./run.ts");
  return runSidecar(config, telemetry);
}

/** A blank variable counts as unset. */
const given = (env: NodeJS.ProcessEnv) => Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));

run(process.env, process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(error instanceof ConfigError ? error.exitCode : 1);
  },
);
