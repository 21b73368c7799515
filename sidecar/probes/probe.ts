import type { BotHealth } from "@gramwatch/otel";

export type { BotHealth };

/**
 * A probe is one function that looks at one thing and says what it saw. It knows nothing of alerts; the rules
 * (`alerts/rules.ts`) know only the type `Sample`.
 */
export interface Probe {
  /** Unique, used as the `probe` label: `health`, `telegram`, `dependency:whisper` … */
  name: string;
  intervalMs: number;
  /** The one deadline of a run, carried as `signal`. */
  timeoutMs: number;
  /** Never rejects for what it looks at: a failure is a sample. `signal` aborts at the deadline or at shutdown. */
  run(signal: AbortSignal): Promise<Sample>;
}

/** What every sample says. `target` is what is watched: a bot, a dependency, a mount, `host`. */
interface Seen {
  probe: string;
  target: string;
  /** Monotonic milliseconds at the end of the look (`performance.now()` of this process). */
  atMs: number;
  /** Wall clock, Unix milliseconds; for display and across restarts only. */
  wallMs: number;
}

/** How far a look at the network came before it failed. */
export type Phase = "dns" | "tcp" | "tls" | "ttfb" | "body";
/** `code` is Node's or undici's error code (`ECONNREFUSED`, `UND_ERR_CONNECT_TIMEOUT`); `message` is redacted. */
export interface Failure {
  phase: Phase;
  code: string;
  message: string;
}

/** `GET {BOT_URL}/health`: a body counts with 200 and with 503 alike. */
export interface HealthSample extends Seen {
  kind: "health";
  result: { ok: true; body: BotHealth; durationMs: number } | { ok: false; failure: Failure };
}

/** p95 of handling time over the last ten minutes from `GET {BOT_URL}/metrics`; undefined: not readable there. */
export interface HandlingSample extends Seen {
  kind: "handling";
  result: { ok: true; p95Seconds: number | undefined; updates: number } | { ok: false; failure: Failure };
}

/** One address family's way to the API root. A family without an address is absent, not failed. */
export interface PathPhases {
  family: 4 | 6;
  dnsMs?: number;
  tcpMs?: number;
  tlsMs?: number;
  ttfbMs?: number;
  failure?: Failure;
}
/** The way to Telegram, family by family, then `getMe` where a token is there. */
export interface TelegramSample extends Seen {
  kind: "telegram";
  paths: PathPhases[];
  /** undefined: no token, so the probe ended at the first byte. */
  getMe?:
    | { ok: true; id: number; username: string }
    | { ok: false; status?: number; errorCode?: number; description: string };
  /** Digits before the colon of the token. */
  expectedId?: number;
  /** Unix milliseconds of the earliest certificate expiry seen. */
  certExpiresAtMs?: number;
}

/** `getWebhookInfo` with the bot's token. */
export interface WebhookSample extends Seen {
  kind: "webhook";
  result:
    | {
        ok: true;
        url: string;
        pending: number;
        lastErrorAtMs?: number;
        lastErrorMessage?: string;
        allowedUpdates?: string[];
      }
    | { ok: false; errorCode?: number; description: string };
}

/** A host that is not Telegram's, to tell "Telegram is down" from "we are offline". */
export interface ControlSample extends Seen {
  kind: "control";
  failure?: Failure;
}

/** An HTTP dependency. */
export interface DependencySample extends Seen {
  kind: "dependency";
  /** Reached without the line to the internet. */
  nearby?: true;
  durationMs: number;
  status?: number;
  failure?: Failure;
}

/** A file that bot or sidecar wrote. */
export interface OwnFile {
  name: string;
  kind: "telemetry" | "database" | "backup";
  bytes: number;
}

/** One mount (several watched paths on one device are one mount); `target` is its first path. */
export interface DiskSample extends Seen {
  kind: "disk";
  result:
    | {
        ok: true;
        availableBytes: number;
        sizeBytes: number;
        inodesFree: number;
        inodes: number;
        readOnly: boolean;
        device: string;
        /** The largest of our own files there, and what all of them weigh; absent: none was found. */
        own?: { largest: OwnFile; bytes: number };
      }
    | { ok: false; code: string };
}

/** What the sidecar knows of itself: its database, its backups, arrivals of the bot's telemetry. */
export interface OwnSample extends Seen {
  kind: "own";
  sqlite: { ok: boolean; error?: string };
  backup?: { lastVerifiedAtMs: number | null; lastError: string | null };
  /** Monotonic ms of the last metrics arrival per service.name and service.instance.id; only instances that have arrived. */
  lastMetricsAtMs: Record<string, { instance: string; atMs: number }>;
}

export type Sample =
  | HealthSample
  | HandlingSample
  | TelegramSample
  | WebhookSample
  | ControlSample
  | DependencySample
  | DiskSample
  | OwnSample;
