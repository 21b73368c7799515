import type { Engines } from "../../grafana/runner/engines.ts";

/** What the sidecar and the bot are told about the world around them. */
export interface Surroundings {
  /** TELEGRAM_API_ROOT: through the wire. */
  apiRoot: string;
  tokens: Record<string, string>;
  alertChat: number;
  /** Base address of the town. */
  town: string;
  controlTarget: string;
  disconnectedAfter: string;
}

/** Where the product runs: as processes of this machine, or as containers. What an act does, it does through this. */
export interface Machine {
  engines: Engines;
  /** What it says of itself; rejects while it does not answer. */
  botHealth(): Promise<BotHealth>;
  /** SIGTERM, then a new process on the same data. Resolves with the exit code of the old one. */
  deployBot(): Promise<number | null>;
  /** SIGKILL. */
  killSidecar(): Promise<void>;
  startSidecar(): Promise<void>;
  /** SIGTERM. */
  stopCollector(): Promise<void>;
  startCollector(): Promise<void>;
  /** The small disk with the bot's data; a text: why there is none. */
  disk: Disk | string;
  /** Log lines that the bot has printed so far and that ought to be in Loki. */
  linesPrinted(): Promise<number>;
  /** Resident MiB. */
  memory(): Promise<{ bot: number; sidecar: number }>;
  /** The end of what everybody said, for when something goes wrong. */
  said(): Promise<string>;
  close(): Promise<void>;
}

export interface Disk {
  /** Until so much is left. */
  fill(leftMiB: number): Promise<void>;
  free(): Promise<void>;
}

export interface BotHealth {
  instance: string;
  telegram: { connected: boolean };
  checks: Record<string, { ok: boolean }>;
  telemetry: { dropped: { spans: number; logs: number } };
}

/** The sidecar's thresholds of one night in place of one month; what has an environment variable is set there. */
export const RULES = `rules:
  DependencyUnhealthy: {after: 2s, recover_after: 2s}
  TelegramBotDown: {after: 10s} # a start takes seconds, whatever the scale
  DiskSpaceLow: {after: 2s}
  TelegramPollingConflict: {window: 10s}
`;

/** What OpenTelemetry says about itself is printed only: a failing log exporter must not log into itself (`otel/diag.ts`). */
export const countLines = (log: string): number =>
  log.split("\n").filter((line) => line !== "" && !line.includes('"component":"opentelemetry"')).length;
