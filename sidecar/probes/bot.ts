import type { Identity } from "./identity.ts";
import { failureOf, look, type Way } from "./look.ts";
import type { BotHealth, Probe } from "./probe.ts";
import { createHandlingWindow } from "./handling.ts";
import { type Clocks, seen } from "./seen.ts";

interface Deps {
  name: (kind: string) => string;
  url: string;
  identity: Identity;
  way: Way;
  clocks: Clocks;
}

/** `GET {BOT_URL}/health`; a body in the contract's shape counts whatever the status, everything else is a failure. */
export function healthProbe({ name, url, identity, way, clocks }: Deps, intervalMs: number): Probe {
  const probe = name("health");
  const address = new URL(`${url}/health`);
  return {
    name: probe,
    intervalMs,
    timeoutMs: 3000,
    async run(signal) {
      const began = clocks.now();
      try {
        const { status, body } = await look(address, way, signal);
        const health = healthIn(body);
        if (health === undefined) {
          const failure = {
            phase: "body" as const,
            code: `HTTP_${status}`,
            message: `no health report (HTTP ${status})`,
          };
          return { kind: "health", ...seen(probe, identity.target(), clocks), result: { ok: false, failure } };
        }
        identity.service(health.service);
        const result = { ok: true as const, body: health, durationMs: clocks.now() - began };
        return { kind: "health", ...seen(probe, identity.target(), clocks), result };
      } catch (error) {
        const result = { ok: false as const, failure: failureOf(error) };
        return { kind: "health", ...seen(probe, identity.target(), clocks), result };
      }
    },
  };
}

/** p95 of handling time over ten minutes, from `GET {BOT_URL}/metrics`. */
export function handlingProbe({ name, url, identity, way, clocks }: Deps, intervalMs: number): Probe {
  const probe = name("handling");
  const address = new URL(`${url}/metrics`);
  const window = createHandlingWindow(600_000);
  return {
    name: probe,
    intervalMs,
    timeoutMs: 3000,
    async run(signal) {
      try {
        const { body } = await look(address, way, signal);
        const result = { ok: true as const, ...window.add(body, clocks.now()) };
        return { kind: "handling", ...seen(probe, identity.target(), clocks), result };
      } catch (error) {
        const result = { ok: false as const, failure: failureOf(error) };
        return { kind: "handling", ...seen(probe, identity.target(), clocks), result };
      }
    },
  };
}

/** What a bot may leave out because it has none (yet), by the part it belongs to. */
const NOTHING: Partial<Record<keyof BotHealth, object>> = {
  telegram: {
    username: null,
    last_success_at: null,
    seconds_since_success: null,
    in_flight_since: null,
    last_error: null,
    next_retry_at: null,
    flood_until: null,
    allowed_updates: null,
  },
  updates: { oldest_in_flight_seconds: null, inbox_pending: 0 },
  errors: { last_at: null, by_reason: {} },
  memory: { limit_bytes: null },
  telemetry: { dropped: { spans: 0, logs: 0 }, last_export_error: null },
};

/** A time that is none would break whatever shows or compares it. */
const timeOrNull = (key: string, value: unknown): unknown =>
  typeof value === "string" && /(^|_)(at|since|until)$/.test(key) && Number.isNaN(Date.parse(value)) ? null : value;

/**
 * The body as the contract has it, or undefined. Every object that rules read must be there; of single fields only
 * those are made good that another program leaves out where ours says null, so that such a bot is still watched.
 */
function healthIn(body: string): BotHealth | undefined {
  let given: unknown;
  try {
    given = JSON.parse(body, timeOrNull);
  } catch {
    return undefined;
  }
  if (typeof given !== "object" || given === null) return undefined;
  const health = given as Record<string, unknown>;
  const parts = ["telegram", "updates", "errors", "event_loop", "memory", "checks", "telemetry"];
  const complete = parts.every((part) => typeof health[part] === "object" && health[part] !== null);
  if (!complete || typeof health["service"] !== "string") return undefined;
  const filled = Object.entries(NOTHING).map(([part, none]) => [part, { ...none, ...(health[part] as object) }]);
  const backup = health["backup"] ? { last_verified_at: null, last_error: null, ...health["backup"] } : null;
  return { stopping: false, ...health, ...Object.fromEntries(filled), backup } as BotHealth;
}
