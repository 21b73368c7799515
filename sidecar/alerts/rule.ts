import type { Facts, Severity } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import type { RuleName, Thresholds } from "./thresholds.ts";
import type { World } from "./world.ts";

/** What a rule reads now. `unknown` neither fires nor resolves. */
export interface Reading {
  value: "breach" | "clear" | "unknown";
  /** Overrides the rule's severity. */
  severity?: Severity;
  cause?: string;
  /** Since when, where the readings know better than the first tick that saw it. */
  sinceAtMs?: number;
  /** For people and templates; kept with the incident while it is a breach. */
  facts?: Facts;
}

export interface Context {
  world: World;
  target: string;
  now: Now;
  thresholds: Thresholds;
  /** An incident is open: the clear limit holds, not the breach limit. */
  firing: boolean;
  /** The cause of that incident; null: there is none. */
  cause: string | null;
  /** The alert bot's token was refused by Telegram. */
  alertTokenRefused: boolean | undefined;
  /** The last that the target logged is that it stops. */
  saidStopped: () => boolean;
}

export interface Rule {
  name: RuleName;
  severity: Severity;
  targets(world: World): string[];
  read(context: Context): Reading;
  /** How long a breach must hold where that depends on what was seen; otherwise the threshold's `forMs`. */
  forMs?(context: Context): number;
  /** May soon fire: its symptoms wait with their messages, at most as long as it would take itself. */
  suspect?(context: Context): boolean;
  /** How long suspicion may hold others back. */
  holdMs?(thresholds: Thresholds): number;
}

export const UNKNOWN: Reading = { value: "unknown" };
export const CLEAR: Reading = { value: "clear" };

/** A reading older than this says nothing of now; every probe is read far more often. */
export const STALE_MS = 5 * 60_000;
export const bots = (world: World): string[] => Object.keys(world.bots);
