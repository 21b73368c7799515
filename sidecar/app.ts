import { addSecret, type Log, type Telemetry } from "@gramwatch/otel";
import { type Alerting, createAlerting } from "./alerting.ts";
import type { HeartbeatState } from "./api/deps.ts";
import { createStatus } from "./api/status.ts";
import { createBackups } from "./backup.ts";
import type { SidecarConfig } from "./config.ts";
import { createConsole } from "./console/app.ts";
import { serveConsole } from "./console/serve.ts";
import { openDataDir } from "./data-dir.ts";
import { createStartGrace } from "./grace.ts";
import { createHeartbeats, type HeartbeatStatus } from "./heartbeat.ts";
import { createNames } from "./names.ts";
import { serveOtlp } from "./otlp/receiver.ts";
import { ownProbe } from "./own.ts";
import { bind, urlOf } from "./ports.ts";
import type { Sample, TelegramSample } from "./probes/probe.ts";
import { createProbes, shortestThreshold } from "./probes/registry.ts";
import { systemClocks } from "./probes/seen.ts";
import { every } from "./schedule.ts";
import { createStore } from "./store/store.ts";
import { observeSidecar, succeeded } from "./telemetry.ts";
import { watch } from "./watch.ts";

export interface App {
  /** Where it listens, also where 0 was asked for. */
  ports: { otlp: number; console: number };
  /** Ends watching and sending, then `flush` (the receiver still takes what it brings), then everything else. */
  stop(flush: () => Promise<void>): Promise<void>;
}

interface Deps {
  telemetry: Telemetry;
  log: Log;
}

const DELIVERY_LATE_MS = 5 * 60_000;

/**
 * Wires the sidecar: probes → engine → outbox → channels, receiver → store, console over all of them. Whoever reads
 * this file and `alerting.ts` knows which part knows which.
 * @throws LockedError, PortError with the remedy
 */
export async function createApp(config: SidecarConfig, { telemetry, log }: Deps): Promise<App> {
  for (const secret of [...config.bots, config.alertChat, config.console]) addSecret(secret?.token);
  const data = openDataDir(config.dataDir, Date.now());
  const { state } = data;
  const store = createStore({
    dir: data.dir,
    maxAgeMs: config.retention.ageMs,
    maxBytes: config.retention.sizeBytes,
    notice: (message) => log.warn(message),
  });
  const opened: (() => unknown)[] = [() => data.close(), () => store.close()];
  try {
    const receiver = await bind("OTLP_PORT", config.otlp, () => serveOtlp({ ...config.otlp, sink: store }));
    opened.push(() => receiver.close());
    const tickMs = Math.min(1000, Math.max(250, shortestThreshold(config) / 10));
    const alerting = createAlerting(config, tickMs, { state, evidence: store.evidence, telemetry, log });
    const { engine, sender, deliveries } = alerting;
    opened.push(() => sender.close());

    const status = createStatus(store);
    const newest = new Map<string, Sample>();
    const heartbeats = createBeats(config, log, {
      stateTroubles: () => [state.problem()].filter((problem) => problem !== undefined),
      deliveryTroubles: () => deliveryTroubles(newest, alerting, config.alertChat?.shared === false),
    });
    const pages = createConsole(
      {
        store,
        status,
        alerts: engine,
        deliveries: deliveries.ledger,
        channels: deliveries.channels,
        heartbeats: () => heartbeats.status().map(asState),
        testAlert: alerting.testAlert,
        metricsPage: () => telemetry.metricsPage(),
        onError: (error) => log.error({ err: error, job: "console" }, "a job broke"),
      },
      { ...config.console, version: telemetry.serviceVersion, grafanaUrl: config.grafanaUrl, errors: config.errors },
    );
    const served = await bind("CONSOLE_PORT", config.console, () => serveConsole({ app: pages, ...config.console }));
    opened.push(() => served.close());
    alerting.consoleAt(urlOf({ ...config.console, port: served.port }));

    const database = state.database();
    const backups = database && createBackups(database, { ...config.backup, name: "state" }, Date.now());
    const { arrivals } = receiver;
    observeSidecar(telemetry.meter, {
      samples: () => newest.values(),
      standings: () => engine.standings(),
      notifications: deliveries.counts,
      pending: deliveries.pending,
      heartbeats: heartbeats.status,
      storeBytes: () => store.health().sizeBytes,
      arrivals,
    });
    telemetry.sendZeros();

    const identities = createNames(config.bots, state, log);
    engine.watch(identities.map((identity) => identity.target()));
    const backup = () => backups?.status();
    const own = ownProbe({ state, backup, lastMetrics: () => arrivals.last("metrics"), clocks: systemClocks }, 5000);
    const isStarting = createStartGrace(performance.now());
    const onSample = (sample: Sample) => {
      const before = newest.get(sample.probe);
      newest.set(sample.probe, sample);
      status.observe(sample);
      if (!isStarting(sample)) engine.observe(sample);
      const isBack = sample.kind === "telegram" && before !== undefined && !succeeded(before) && succeeded(sample);
      if (isBack) sender.retryNow("telegram");
    };

    const end = new AbortController();
    const { signal } = end;
    const onError = (job: string) => (error: unknown) => log.error({ err: error, job }, "a job broke");
    let ticks = 0;
    const evaluate = () => {
      engine.tick();
      heartbeats.tick(); // after the state was written: a beat proves that
      if (ticks++ === 0) sender.start(); // what waited from the last run goes only if it still holds
    };
    const watching = Promise.all([
      watch([...createProbes(config, identities), own], { onSample, signal, log }),
      alerting.readButtons(signal),
      every(evaluate, { intervalMs: tickMs, signal, onError: onError("evaluate") }),
      every(() => backups?.runIfDue(Date.now()), { intervalMs: 60_000, signal, onError: onError("backup") }),
    ]);
    for (const warning of config.warnings) log.warn(warning);
    if (data.problem !== undefined) log.error(data.problem);

    return {
      ports: { otlp: receiver.port, console: served.port },
      async stop(flush) {
        end.abort();
        await watching;
        await flush();
        await closeAll(opened);
      },
    };
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

/** In reverse order of opening. */
async function closeAll(opened: (() => unknown)[]): Promise<void> {
  for (const close of opened.toReversed()) await close();
}

/**
 * Why an alert would not arrive now; undefined before the first look at Telegram. `apart`: alerts go out with a token
 * of their own, so that a bot's is refused is an alert and no reason why it would not arrive.
 */
function deliveryTroubles(newest: Map<string, Sample>, { deliveries }: Alerting, apart: boolean): string[] | undefined {
  const looks = [...newest.values()].filter((sample) => sample.kind === "telegram");
  if (looks.length === 0) return undefined;
  const works = looks.every((look) => succeeded(look) || (apart && isRefused(look)));
  const late = (deliveries.oldestMs() ?? 0) > DELIVERY_LATE_MS;
  return [...(works ? [] : ["the way to Telegram fails"]), ...(late ? ["a message waits for more than 5 min"] : [])];
}

const isRefused = ({ getMe }: TelegramSample): boolean =>
  getMe?.ok === false && (getMe.errorCode === 401 || getMe.errorCode === 404);

function createBeats(
  { heartbeatUrl, deliveryHeartbeatUrl }: SidecarConfig,
  log: Log,
  troubles: Pick<Parameters<typeof createHeartbeats>[0], "stateTroubles" | "deliveryTroubles">,
) {
  return createHeartbeats({
    ...(heartbeatUrl !== undefined && { mainUrl: heartbeatUrl }),
    ...(deliveryHeartbeatUrl !== undefined && { deliveryUrl: deliveryHeartbeatUrl }),
    ...troubles,
    now: () => performance.now(),
    wall: () => Date.now(),
    onChange: ({ heartbeat, lastError }) =>
      lastError === null
        ? log.info({ heartbeat }, "a heartbeat is accepted")
        : log.warn({ heartbeat, detail: lastError }, "a heartbeat is not accepted"),
  });
}

const asState = ({ heartbeat, lastSuccessWallMs, lastError }: HeartbeatStatus): HeartbeatState => ({
  heartbeat,
  ok: lastError === null,
  last_sent_at: lastSuccessWallMs === null ? null : new Date(lastSuccessWallMs).toISOString(),
  error: lastError,
});
