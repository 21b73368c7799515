import type { BotHealth, Failure, HealthSample, Sample } from "../probes/probe.ts";
import type { Store } from "../store/store.ts";
import { createPointMaker } from "./points.ts";

/** `stale`: no look for a while, so nothing is known. */
export type Word = "ok" | "slow" | "failed" | "unknown";

/** The last look of one probe, for people: what it said in a few words. */
export interface ProbeState {
  probe: string;
  kind: Sample["kind"];
  target: string;
  state: Word;
  duration_ms: number | null;
  /** What was found, or why it failed. */
  detail: string;
  seen_at: string;
}

export interface BotState {
  name: string;
  state: "connected" | "degraded" | "disconnected" | "down" | "unknown";
  /** Waiting at Telegram, from `getWebhookInfo`; null: not known. */
  pending_updates: number | null;
  p95_seconds: number | null;
  /** The body of the last `/health`; null: not readable, and `failure` says why. */
  health: BotHealth | null;
  failure: Failure | null;
  seen_at: string;
}

export interface MountState {
  path: string;
  available_bytes: number | null;
  size_bytes: number | null;
  read_only: boolean;
  seen_at: string;
}

export interface StatusBook {
  /** Remembers the sample as the newest of its probe and adds its points to the charts. */
  observe: (sample: Sample) => void;
  bots: () => BotState[];
  probes: () => ProbeState[];
  mounts: () => MountState[];
}

/** A dependency or Telegram that answers, but not within this time, is `slow`. */
const SLOW_MS = 2_000;

/** What every probe saw last. `BOT_URL=none` bots are there through their Telegram probe alone. */
export function createStatus(store: Pick<Store, "addPoint">): StatusBook {
  const last = new Map<string, Sample>();
  const pointsOf = createPointMaker();
  const of = <K extends Sample["kind"]>(kind: K): Extract<Sample, { kind: K }>[] =>
    [...last.values()].filter((sample): sample is Extract<Sample, { kind: K }> => sample.kind === kind);
  const one = <K extends Sample["kind"]>(kind: K, bot: string) => of(kind).find((sample) => botOf(sample) === bot);

  return {
    observe(sample) {
      // By probe, as bots are told apart: a bot gets its name only once it was read, and must not be there twice.
      last.set(sample.probe, sample);
      for (const point of pointsOf(sample)) store.addPoint(point);
    },
    bots() {
      const found = new Map([...of("telegram"), ...of("health")].map((sample) => [botOf(sample), sample.target]));
      return [...found]
        .sort(([, a], [, b]) => (a < b ? -1 : 1))
        .map(([bot, name]) => {
          const health = one("health", bot);
          const webhook = one("webhook", bot)?.result;
          const handling = one("handling", bot)?.result;
          return {
            name,
            state: botState(health),
            pending_updates: webhook?.ok ? webhook.pending : null,
            p95_seconds: handling?.ok ? (handling.p95Seconds ?? null) : null,
            health: health?.result.ok ? health.result.body : null,
            failure: health?.result.ok === false ? health.result.failure : null,
            seen_at: new Date((health ?? one("telegram", bot))?.wallMs ?? 0).toISOString(),
          };
        });
    },
    probes: () =>
      [...last.values()].map((sample) => ({
        probe: sample.probe,
        kind: sample.kind,
        target: sample.target,
        seen_at: new Date(sample.wallMs).toISOString(),
        ...lookOf(sample),
      })),
    mounts: () =>
      of("disk").map(({ target, wallMs, result }) => ({
        path: target,
        available_bytes: result.ok ? result.availableBytes : null,
        size_bytes: result.ok ? result.sizeBytes : null,
        read_only: result.ok && result.readOnly,
        seen_at: new Date(wallMs).toISOString(),
      })),
  };
}

/** Whose probe it is: probes of a bot are named `health`, `telegram` …, of several bots `health:<bot>`, `telegram:<bot>` … */
const botOf = ({ kind, probe }: Sample): string => probe.slice(kind.length);

function botState(sample: HealthSample | undefined): BotState["state"] {
  if (sample === undefined) return "unknown";
  if (!sample.result.ok) return "down";
  const { status, telegram } = sample.result.body;
  if (!telegram.connected) return "disconnected";
  return status === "ok" ? "connected" : "degraded";
}

type Look = Pick<ProbeState, "state" | "duration_ms" | "detail">;
const ok = (durationMs: number | null, detail: string): Look => ({
  state: durationMs !== null && durationMs > SLOW_MS ? "slow" : "ok",
  duration_ms: durationMs,
  detail,
});
const failed = (detail: string, durationMs: number | null = null): Look => ({
  state: "failed",
  duration_ms: durationMs,
  detail,
});
const say = ({ phase, code, message }: Failure): string => `${phase}: ${message || code}`;

function lookOf(sample: Sample): Look {
  switch (sample.kind) {
    case "health":
      return sample.result.ok
        ? ok(sample.result.durationMs, sample.result.body.status)
        : failed(say(sample.result.failure));
    case "handling":
      return sample.result.ok
        ? ok(null, `${sample.result.updates} updates in 10 min`)
        : failed(say(sample.result.failure));
    case "telegram": {
      const { paths, getMe } = sample;
      const way = paths.find((path) => path.failure === undefined);
      if (way === undefined) return failed(paths.flatMap(({ failure }) => (failure ? say(failure) : [])).join(", "));
      const totalMs = (way.dnsMs ?? 0) + (way.tcpMs ?? 0) + (way.tlsMs ?? 0) + (way.ttfbMs ?? 0);
      if (getMe === undefined) return ok(totalMs, "answers");
      return getMe.ok ? ok(totalMs, `getMe: @${getMe.username}`) : failed(`getMe: ${getMe.description}`, totalMs);
    }
    case "webhook":
      return sample.result.ok ? ok(null, `${sample.result.pending} waiting`) : failed(sample.result.description);
    case "control":
      return sample.failure === undefined ? ok(null, "answers") : failed(say(sample.failure));
    case "dependency": {
      const { failure, status, durationMs } = sample;
      if (failure !== undefined) return failed(say(failure), durationMs);
      return status !== undefined && status >= 400
        ? failed(`HTTP ${status}`, durationMs)
        : ok(durationMs, `HTTP ${status}`);
    }
    case "disk":
      return sample.result.ok ? ok(null, "") : failed(sample.result.code);
    default:
      return sample.sqlite.ok ? ok(null, "SQLite ok") : failed(`SQLite: ${sample.sqlite.error ?? "unusable"}`);
  }
}
