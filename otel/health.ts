import { performance } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";
import { observeMetric } from "./instruments.ts";
import type { ApiReason, ErrorReason, HandlingReason, UpdateType } from "./names.ts";
import { attributes, errorReasons, metrics, updateTypes } from "./names.ts";
import type { MemoryUse } from "./process-metrics.ts";
import { readMemory } from "./process-metrics.ts";
import { countedAs, reasonOf } from "./reason.ts";
import { redactFreeText } from "./redact.ts";
import type { Telemetry, TelemetryHealth } from "./start.ts";

/** The body of `/health`, as the contract in the design has it. */
export interface BotHealth {
  status: "ok" | "degraded" | "fail";
  service: string;
  version: string;
  instance: string;
  pid: number;
  started_at: string;
  uptime_seconds: number;
  telegram: {
    mode: string;
    username: string | null;
    connected: boolean;
    last_success_at: string | null;
    seconds_since_success: number | null;
    in_flight_since: string | null;
    last_error: { at: string; reason: string; code: number | null; description: string } | null;
    next_retry_at: string | null;
    flood_until: string | null;
    stopped: boolean;
  };
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

/** An update being handled, as `update.started` gave it. */
export interface Handling {
  readonly startedMs: number;
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
const ANSWERED: ReadonlySet<ApiReason> = new Set(["bad_request", "forbidden", "conflict", "flood"]);
const DROPS_REMEMBERED_MS = 60_000;

export type BotHealthState = ReturnType<typeof createBotHealth>;

/**
 * The one set of counters and timestamps that the hot path writes. `/health` reads it and the observable instruments
 * read it, so counting is exact, before sampling, and the same everywhere. Nothing here waits or throws.
 */
export function createBotHealth(options: BotHealthOptions) {
  const { telemetry } = options;
  const now = options.now ?? Date.now;
  const monotonic = options.monotonic ?? (() => performance.now());
  const startedMs = monotonic();

  let mode = options.mode ?? "polling";
  let username: string | null = null;
  let stopping = false;
  const poll = {
    connected: false,
    failing: false,
    stopped: false,
    successAt: undefined as number | undefined,
    successMs: undefined as number | undefined,
    sinceAt: undefined as number | undefined,
    sinceMs: undefined as number | undefined,
    nextRetryAt: undefined as number | undefined,
    floodUntil: undefined as number | undefined,
    lastError: null as BotHealth["telegram"]["last_error"],
  };
  const received = new Map<UpdateType, number>();
  const inFlight = new Set<Handling>();
  const updates = { handled: 0, failed: 0, replayed: 0, duplicates: 0 };
  const errors = Object.fromEntries(errorReasons.map((reason) => [reason, 0])) as Record<ErrorReason, number>;
  let lastErrorAt: number | undefined;
  const retries = new Map<string, { method: string; reason: ApiReason; count: number }>();
  const waited = new Map<string, number>();
  let queued = 0;
  const checks = new Map<string, { read: () => CheckResult; critical: boolean }>();
  const drops = { total: 0, seenMs: Number.NEGATIVE_INFINITY };

  function countError(reason: ErrorReason): void {
    errors[reason]++;
    lastErrorAt = now();
  }

  function succeeded(): void {
    Object.assign(poll, { connected: true, failing: false, stopped: false, successAt: now(), successMs: monotonic() });
    Object.assign(poll, { nextRetryAt: undefined, floodUntil: undefined });
  }

  function failed(error: unknown): ApiReason {
    const reason = reasonOf(error);
    const { error_code: code, description, message } = (error ?? {}) as Record<string, unknown>;
    const text = typeof description === "string" ? description : typeof message === "string" ? message : "";
    poll.connected = false;
    poll.lastError = {
      at: iso(now()),
      reason,
      code: typeof code === "number" ? code : null,
      description: redactFreeText(text).slice(0, 300),
    };
    // A run of failed polls is one error: an outage of an hour must not look like a thousand.
    if (!poll.failing) countError("poll");
    poll.failing = true;
    return reason;
  }

  const oldestSeconds = (): number | null => {
    const [oldest] = inFlight;
    return oldest === undefined ? null : (monotonic() - oldest.startedMs) / 1000;
  };

  const readChecks = (): Record<string, CheckResult> => {
    const results: Record<string, CheckResult> = {};
    for (const [name, { read }] of checks) {
      try {
        const { ok, error } = read();
        results[name] = error === undefined ? { ok } : { ok, error: redactFreeText(error).slice(0, 300) };
      } catch (error) {
        results[name] = { ok: false, error: redactFreeText(String(error)).slice(0, 300) };
      }
    }
    return results;
  };

  function statusOf(results: Record<string, CheckResult>, sent: TelemetryHealth): BotHealth["status"] {
    const silentMs = monotonic() - (poll.successMs ?? startedMs);
    const refused = !poll.connected && poll.lastError?.reason === "unauthorized";
    const broken = [...checks].some(([name, { critical }]) => critical && results[name]?.ok === false);
    if (refused || broken || (poll.stopped && !stopping)) return "fail";
    if (mode === "polling" && silentMs > SILENT_AFTER_MS) return "fail";
    const total = sent.dropped.spans + sent.dropped.logs;
    if (total !== drops.total) Object.assign(drops, { total, seenMs: monotonic() });
    const dropping = monotonic() - drops.seenMs < DROPS_REMEMBERED_MS;
    // Without an error nothing was tried: exporters that the user turned off are no fault.
    const lossy = sent.enabled && ((!sent.exporting && sent.last_export_error !== null) || dropping);
    const down = Object.values(results).some((result) => !result.ok);
    return down || poll.failing || lossy ? "degraded" : "ok";
  }

  return {
    poll: {
      /** A getUpdates is on its way. */
      started(): void {
        Object.assign(poll, { sinceAt: now(), sinceMs: monotonic(), stopped: false, nextRetryAt: undefined });
      },
      /** A getUpdates returned, empty or not: the only thing that proves the connection of a polling bot. */
      returned(): void {
        poll.sinceAt = poll.sinceMs = undefined;
        succeeded();
      },
      /** A getUpdates failed. Times are Unix milliseconds. Says why, in the words of `error.type`. */
      failed(error: unknown, next: { nextRetryAt?: number; floodUntil?: number } = {}): ApiReason {
        poll.sinceAt = poll.sinceMs = undefined;
        poll.nextRetryAt = next.nextRetryAt;
        poll.floodUntil = next.floodUntil;
        return failed(error);
      },
      /** The poll in flight was given up by us (shutdown): neither success nor failure. */
      aborted(): void {
        poll.sinceAt = poll.sinceMs = undefined;
      },
      /** When the next attempt comes, Unix milliseconds, if that is known only after `failed`. */
      retryAt(at: number, floodUntil?: number): void {
        poll.nextRetryAt = at;
        poll.floodUntil = floodUntil;
      },
      /** The loop does not run: token refused, or it ended. The next `started` or `returned` clears it. */
      stopped(): void {
        poll.stopped = true;
        poll.connected = false;
        poll.sinceAt = poll.sinceMs = undefined;
      },
    },
    update: {
      /** Counted when it is committed, or received where there is no inbox; not again when it is handled. */
      received(type: UpdateType, count = 1): void {
        received.set(type, (received.get(type) ?? 0) + count);
      },
      duplicate(): void {
        updates.duplicates++;
      },
      replayed(): void {
        updates.replayed++;
      },
      started(): Handling {
        const handling = { startedMs: monotonic() };
        inFlight.add(handling);
        return handling;
      },
      /** Ends a handling; with a reason it failed, and everything but `shutdown` counts as an error. */
      ended(handling: Handling, reason?: HandlingReason): void {
        if (!inFlight.delete(handling)) return;
        if (reason === undefined) updates.handled++;
        else if (reason !== "shutdown") updates.failed++;
        const counted = reason && countedAs(reason);
        if (counted) countError(counted);
      },
    },
    api: {
      /** A call that is no long poll is waiting for its answer or for its next attempt. */
      queued(): void {
        queued++;
      },
      dequeued(): void {
        queued--;
      },
      /** A call is tried again; `waitSeconds` only where Telegram named it (429). */
      retried(method: string, reason: ApiReason, waitSeconds = 0): void {
        const key = `${method} ${reason}`;
        const entry = retries.get(key) ?? { method, reason, count: 0 };
        entry.count++;
        retries.set(key, entry);
        if (waitSeconds > 0) waited.set(method, (waited.get(method) ?? 0) + waitSeconds);
      },
    },
    webhook: {
      /** Updates come by webhook; nothing polls. */
      on(): void {
        if (mode === "webhook" || poll.successMs !== undefined) return;
        mode = "webhook";
        succeeded();
      },
      /** Webhook bots: a call that Telegram answered is the sign of life, one that nobody answered the opposite. */
      called(reason: ApiReason | undefined, outcome: unknown): void {
        if (mode !== "webhook") return;
        if (reason === undefined || ANSWERED.has(reason)) succeeded();
        else failed(outcome);
      },
    },
    countError,
    /** The bot's own name, from getMe. */
    identify: (name: string | undefined) => void (username = name ?? null),
    /**
     * A check of `/readyz` and `/health.checks`. `read` answers at once from what it knows; a failing critical one makes
     * the bot `fail`, another `degraded`.
     */
    addCheck(name: string, read: () => CheckResult, { critical = false } = {}): void {
      checks.set(name, { read, critical });
    },
    /** The shutdown has begun. */
    stop: () => void (stopping = true),
    inFlight: (): number => inFlight.size,
    snapshot(): BotHealth {
      const results = readChecks();
      const sent = telemetry.health();
      return {
        status: statusOf(results, sent),
        service: telemetry.serviceName,
        version: telemetry.serviceVersion,
        instance: telemetry.instanceId,
        pid: process.pid,
        started_at: telemetry.startedAt.toISOString(),
        uptime_seconds: round((monotonic() - startedMs) / 1000),
        telegram: {
          mode,
          username,
          connected: poll.connected,
          last_success_at: isoOrNull(poll.successAt),
          seconds_since_success: poll.successMs === undefined ? null : round((monotonic() - poll.successMs) / 1000),
          in_flight_since: isoOrNull(poll.sinceAt),
          last_error: poll.lastError,
          next_retry_at: isoOrNull(poll.nextRetryAt),
          flood_until: isoOrNull(poll.floodUntil),
          stopped: poll.stopped,
        },
        updates: {
          received: sum(received.values()),
          handled: updates.handled,
          failed: updates.failed,
          in_flight: inFlight.size,
          oldest_in_flight_seconds: oldestSeconds(),
          inbox_pending: options.inboxPending?.() ?? 0,
        },
        errors: { total: sum(Object.values(errors)), last_at: isoOrNull(lastErrorAt), by_reason: { ...errors } },
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
    /** Makes the observable instruments; every label set that is known is there from the start, at 0. */
    observe(meter: Meter): void {
      const receive = { [attributes.system]: "telegram", [attributes.operationName]: "receive" };
      // A series born at 1 hides its first event from increase().
      for (const type of updateTypes) if (!received.has(type)) received.set(type, 0);
      observeMetric(meter, metrics.consumed, (result) => {
        for (const [type, count] of received) result.observe(count, { ...receive, [attributes.updateType]: type });
      });
      observeMetric(meter, metrics.errors, (result) => {
        for (const reason of errorReasons) result.observe(errors[reason], { reason });
      });
      observeMetric(meter, metrics.lastPollSuccess, (result) => {
        if (poll.successAt !== undefined) result.observe(poll.successAt / 1000);
      });
      observeMetric(meter, metrics.pollAge, (result) => {
        if (poll.sinceMs !== undefined) result.observe((monotonic() - poll.sinceMs) / 1000);
      });
      observeMetric(meter, metrics.connected, (result) => result.observe(poll.connected ? 1 : 0));
      observeMetric(meter, metrics.inFlight, (result) => result.observe(inFlight.size));
      observeMetric(meter, metrics.oldestAge, (result) => result.observe(oldestSeconds() ?? 0));
      observeMetric(meter, metrics.inboxPending, (result) => result.observe(options.inboxPending?.() ?? 0));
      observeMetric(meter, metrics.replayed, (result) => result.observe(updates.replayed));
      observeMetric(meter, metrics.duplicates, (result) => result.observe(updates.duplicates));
      observeMetric(meter, metrics.retries, (result) => {
        for (const { method, reason, count } of retries.values()) {
          result.observe(count, { [attributes.rpcMethod]: method, [attributes.errorType]: reason });
        }
      });
      observeMetric(meter, metrics.retryAfter, (result) => {
        for (const [method, seconds] of waited) result.observe(seconds, { [attributes.rpcMethod]: method });
      });
      observeMetric(meter, metrics.queueDepth, (result) => result.observe(queued));
    },
  };
}

const iso = (atMs: number): string => new Date(atMs).toISOString();
const isoOrNull = (atMs: number | undefined): string | null => (atMs === undefined ? null : iso(atMs));
const round = (value: number): number => Math.round(value * 1000) / 1000;
const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
