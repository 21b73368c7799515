import { setDefaultResultOrder } from "node:dns";
import { setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
import { createLog, type Telemetry } from "@gramwatch/otel";
import { createApp } from "./app.ts";
import type { SidecarConfig } from "./config.ts";

const TELEMETRY_DEADLINE_MS = 3000;

/**
 * The sidecar from start to exit.
 * @returns the exit code. @throws LockedError or PortError with the remedy
 */
export async function runSidecar(config: SidecarConfig, telemetry: Telemetry): Promise<number> {
  // Node's 250 ms per address makes slow or IPv6-broken hosts look dead (nodejs/node#52075: api.telegram.org).
  setDefaultAutoSelectFamilyAttemptTimeout(2500);
  setDefaultResultOrder("ipv4first");
  const log = createLog({ telemetry, ...config.log, name: "sidecar" });
  const stop = stopSignal();
  const app = await createApp(config, { telemetry, log });

  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "uncaught exception");
    log.flush();
    void telemetry.shutdown(1000).finally(() => process.exit(1));
  });

  log.info({ version: telemetry.serviceVersion, ports: app.ports, node: process.version }, "sidecar started");
  await stop;
  log.info("sidecar stops");
  await app.stop(() => telemetry.shutdown(TELEMETRY_DEADLINE_MS));
  log.flush();
  return 0;
}

/** Resolves at the first SIGTERM or SIGINT; the second of either ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (): void => {
      if (asked) process.exit(1);
      asked = true;
      resolve();
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
}
