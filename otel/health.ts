import { performance } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";
import type { TelegramHealth } from "./connection.ts";
import { createConnection, isoOrNull } from "./connection.ts";
import { createCounts } from "./counts.ts";
import { observeHealth } from "./health-metrics.ts";
import type { MemoryUse } from "./process-metrics.ts";
import { readMemory } from "./process-metrics.ts";
import { redactFreeText } from "./redact.ts";
import type { Telemetry } from "./start.ts";
import type { TelemetryHealth } from "./telemetry-health.ts";

/** The body of `/health`: the contract in `docs/api.md`. */
export interface BotHealth {
  status: "ok" | "degraded" | "fail";
  service: string;
  version: string;
  instance: string;
  pid: number;
  started_at: string;
  uptime_seconds: number;
  telegram: TelegramHealth;
  updates: {
    received: number;
    handled: number;
    failed: number;
    in_flight: number;
    oldest_in_flight_seconds: number | null;
    inbox_pending: number;
  };
  errors: { total: number; last_at: string | null; by_reason: Record<string, number> };
  event_loop: { delay_p99_ms: number; utilization: number };
  memory: MemoryUse;
  checks: Record<string, CheckResult>;
  backup: { last_verified_at: string | null; last_error: string | null } | null;
  stopping: boolean;
  telemetry: TelemetryHealth;
}

export interface CheckResult {
  ok: boolean;
  error?: string;
}

export interface BotHealthOptions {
  telemetry: Telemetry;
  /** `polling` (default) or `webhook`: without polls, calls that Telegram answers are the sign of life. */
  mode?: "polling" | "webhook";
  /** Wall clock, Unix milliseconds: timestamps. */
  now?: () => number;
  /** Milliseconds that never jump: durations. */
  monotonic?: () => number;
  /** Updates committed and not yet handled; a bot without an inbox has none. */
  inboxPending?: () => number;
  /** State of the backups; null: off. */
  backup?: () => BotHealth["backup"];
}

const SILENT_AFTER_MS = 5 * 60_000;
const DROPS_REMEMBERED_MS = 60_000;

export type BotHealthState = ReturnType<typeof createBotHealth>;

/**
 * The one set of counters and timestamps that the hot path writes. `/health` reads it and the observable instruments
 * read it, so both say the same. Nothing here waits or throws.
 */
export function createBotHealth(options: BotHealthOptions) {
  const { telemetry, now = Date.now, monotonic = () => performance.now() } = options;
  let lastPending = 0;
  /** The last that was known while the inbox cannot be read: its check says that, on a page that must come. */
  const inboxPending = (): number => {
    try {
      return (lastPending = options.inboxPending?.() ?? 0);
    } catch {
      return lastPending;
    }
  };
  const startedMs = monotonic();
  const counts = createCounts(now, monotonic);
  const connection = createConnection({ now, monotonic }, options.mode ?? "polling", () => counts.countError("poll"));
  const checks = new Map<string, { read: () => CheckResult; critical: boolean }>();
  const drops = { total: 0, seenMs: Number.NEGATIVE_INFINITY };
  let stopping = false;

  function isLossy({ enabled, exporting, dropped, last_export_error: error }: TelemetryHealth): boolean {
    const total = dropped.spans + dropped.logs;
    if (total !== drops.total) Object.assign(drops, { total, seenMs: monotonic() });
    const dropping = monotonic() - drops.seenMs < DROPS_REMEMBERED_MS;
    // Without an error nothing was tried: exporters that the user turned off are no fault.
    return enabled && ((!exporting && error !== null) || dropping);
  }

  function statusOf(results: Record<string, CheckResult>, sent: TelemetryHealth): BotHealth["status"] {
    const lossy = isLossy(sent);
    const ended = connection.isStopped() && !stopping;
    const broken = [...checks].some(([name, { critical }]) => critical && results[name]?.ok === false);
    const silent = (connection.silentMs(startedMs) ?? 0) > SILENT_AFTER_MS;
    if (connection.isRefused() || ended || broken || silent) return "fail";
    const down = Object.values(results).some(({ ok }) => !ok);
    return down || connection.isFailing() || lossy ? "degraded" : "ok";
  }

  return {
    poll: connection.poll,
    webhook: connection.webhook,
    identify: connection.identify,
    asks: connection.asks,
    update: counts.update,
    api: counts.api,
    countError: counts.countError,
    inFlight: (): number => counts.inFlight.size,
    /**
     * A check of `/readyz` and `/health.checks`. `read` answers at once from what it knows; a failing critical one makes
     * the bot `fail`, another `degraded`.
     */
    addCheck(name: string, read: () => CheckResult, { critical = false } = {}): void {
      checks.set(name, { read, critical });
    },
    /** The shutdown has begun. */
    stop: (): void => void (stopping = true),
    snapshot(): BotHealth {
      const results = Object.fromEntries([...checks].map(([name, { read }]) => [name, resultOf(read)]));
      const sent = telemetry.health();
      return {
        status: statusOf(results, sent),
        service: telemetry.serviceName,
        version: telemetry.serviceVersion,
        instance: telemetry.instanceId,
        pid: process.pid,
        started_at: telemetry.startedAt.toISOString(),
        uptime_seconds: round((monotonic() - startedMs) / 1000),
        telegram: connection.snapshot(),
        updates: {
          received: sum(counts.received.values()),
          handled: counts.updates.handled,
          failed: counts.updates.failed,
          in_flight: counts.inFlight.size,
          oldest_in_flight_seconds: counts.oldestSeconds(),
          inbox_pending: inboxPending(),
        },
        errors: {
          total: sum(Object.values(counts.errors)),
          last_at: isoOrNull(counts.lastErrorAt()),
          by_reason: { ...counts.errors },
        },
        event_loop: {
          delay_p99_ms: round(telemetry.loop.delayMs().p99),
          utilization: round(telemetry.loop.utilization()),
        },
        memory: readMemory(),
        checks: results,
        backup: options.backup?.() ?? null,
        stopping,
        telemetry: sent,
      };
    },
    /** Makes the observable instruments. */
    observe: (meter: Meter): void => observeHealth(meter, connection, counts, inboxPending),
  };
}

function resultOf(read: () => CheckResult): CheckResult {
  const clean = (text: string): string => redactFreeText(text).slice(0, 300);
  try {
    const { ok, error } = read();
    return error === undefined ? { ok } : { ok, error: clean(error) };
  } catch (error) {
    return { ok: false, error: clean(String(error)) };
  }
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
