import type { BotHealth, Sample } from "../probes/probe.ts";
import type { Reading } from "./rule.ts";
import { RULES } from "./rules.ts";
import { createThresholds, type RuleName, type Thresholds } from "./thresholds.ts";
import { createWorld, observe, type World } from "./world.ts";

export const NOW = { atMs: 10_000_000_000, wallMs: Date.parse("2026-11-20T14:00:00Z") };
const STARTED = "2026-11-17T14:00:00.000Z";
export const iso = (agoMs: number): string => new Date(NOW.wallMs - agoMs).toISOString();

type Part<T> = { [K in keyof T]?: T[K] extends object | null ? Partial<NonNullable<T[K]>> | T[K] : T[K] };

/** A healthy `/health` body as of `NOW`; `over` replaces parts, one level deep. */
export const body = (over: Part<BotHealth> = {}): BotHealth => bodyAt(NOW.wallMs, over);

/** A `/health` body of a bot that polled a second before `wallMs`; `over` replaces parts, one level deep. */
export function bodyAt(wallMs: number, over: Part<BotHealth> = {}): BotHealth {
  const polled = new Date(wallMs - 1000).toISOString();
  const base: BotHealth = {
    status: "ok",
    service: "shopbot",
    version: "1.0.0",
    instance: "i1",
    pid: 7,
    started_at: STARTED,
    uptime_seconds: (wallMs - Date.parse(STARTED)) / 1000,
    telegram: {
      mode: "polling",
      username: "shopbot",
      connected: true,
      last_success_at: polled,
      seconds_since_success: 1,
      in_flight_since: polled,
      last_error: null,
      next_retry_at: null,
      flood_until: null,
      stopped: false,
      allowed_updates: ["message", "callback_query"],
    },
    updates: { received: 9, handled: 9, failed: 0, in_flight: 0, oldest_in_flight_seconds: null, inbox_pending: 0 },
    errors: { total: 0, last_at: null, by_reason: {} },
    event_loop: { delay_p99_ms: 3, utilization: 0.02 },
    memory: { rss_bytes: 9e7, heap_used_bytes: 3e7, heap_limit_bytes: 4e8, limit_bytes: null },
    checks: { sqlite: { ok: true } },
    backup: null,
    stopping: false,
    telemetry: { enabled: true, exporting: true, dropped: { spans: 0, logs: 0 }, last_export_error: null },
  };
  const merged = Object.entries(over).map(([key, value]) => {
    const before = base[key as keyof BotHealth];
    const isPart = typeof value === "object" && value !== null && typeof before === "object" && before !== null;
    return [key, isPart ? { ...before, ...value } : value];
  });
  return { ...base, ...(Object.fromEntries(merged) as Partial<BotHealth>) };
}

type Of<K extends Sample["kind"]> = Extract<Sample, { kind: K }>;
type Given<K extends Sample["kind"]> = Omit<Of<K>, "kind" | "probe" | "target" | "atMs" | "wallMs">;

/** A sample of a kind, `agoMs` before `NOW`. */
export function sample<K extends Sample["kind"]>(kind: K, given: Given<K>, target = "shopbot", agoMs = 0): Sample {
  const at = { atMs: NOW.atMs - agoMs, wallMs: NOW.wallMs - agoMs };
  return { kind, probe: kind, target, ...at, ...given } as unknown as Sample;
}
export const healthy = (over: Part<BotHealth> = {}, agoMs = 0): Sample =>
  sample("health", { result: { ok: true, body: body(over), durationMs: 4 } }, "shopbot", agoMs);
export const refused = (code = "ECONNREFUSED", agoMs = 0): Sample =>
  sample("health", { result: { ok: false, failure: { phase: "tcp", code, message: "" } } }, "shopbot", agoMs);

const OPTIONS = { errorsWindowMs: 3_600_000, slowAnswerMs: 2000 };
export const worldOf = (samples: Sample[]): World =>
  samples.reduce((world, seen) => observe(world, seen, OPTIONS), createWorld(NOW.atMs - 86_400_000));

export const thresholds = (): Thresholds => createThresholds(300_000, { max: 10, windowMs: 3_600_000 });

/** What a rule reads after these samples. */
export function read(
  name: RuleName,
  samples: Sample[],
  options: {
    firing?: boolean;
    cause?: string;
    target?: string;
    alertTokenRefused?: boolean | undefined;
    thresholds?: Thresholds;
  } = {},
): Reading {
  const rule = RULES.find((candidate) => candidate.name === name);
  if (rule === undefined) throw new Error(`no rule ${name}`);
  return rule.read({
    world: worldOf(samples),
    target: options.target ?? "shopbot",
    now: NOW,
    thresholds: options.thresholds ?? thresholds(),
    firing: options.firing ?? false,
    cause: options.cause ?? null,
    alertTokenRefused: options.alertTokenRefused,
    saidStopped: () => false,
  });
}
