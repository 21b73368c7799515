import type { Failure } from "../probes/probe.ts";

/** The newest reading of a kind; `atMs` is steady time. */
export interface Read<T> {
  atMs: number;
  value: T;
}
/** Something that is asked again and again: how it went lately, newest first. */
export interface Streak {
  /** The last three; true: failed. */
  lately: boolean[];
  failures: number;
  failingSinceAtMs: number | null;
  lastOkAtMs: number | null;
  /** null: not read in this run. */
  atMs: number | null;
  error: string | null;
}
export interface BackupAge {
  lastVerified: string | number | null;
  /** Steady time of that verification; without one of the first sight. */
  sinceAtMs: number;
  error: string | null;
}

export const noStreak = (): Streak => ({
  lately: [],
  failures: 0,
  failingSinceAtMs: null,
  lastOkAtMs: null,
  atMs: null,
  error: null,
});

/** The streak after one more look; `error` undefined: it went well. */
export function next(before: Streak | undefined, atMs: number, error: string | undefined): Streak {
  const failed = error !== undefined;
  const lately = [failed, ...(before?.lately ?? [])].slice(0, 3);
  return {
    lately,
    failures: failed ? (before?.failures ?? 0) + 1 : 0,
    failingSinceAtMs: failed ? (before?.failingSinceAtMs ?? atMs) : null,
    lastOkAtMs: failed ? (before?.lastOkAtMs ?? null) : atMs,
    atMs,
    error: error ?? null,
  };
}

/** `ageMs` is measured on the clock that the time was taken from, so that no two clocks are compared. */
export function backupOf<T extends string | number>(
  before: BackupAge | null,
  atMs: number,
  lastVerified: T | null,
  ageMs: (verified: T) => number,
  error: string | null,
): BackupAge {
  if (before !== null && before.lastVerified === lastVerified) return { ...before, error };
  const sinceAtMs = lastVerified === null ? atMs : atMs - Math.max(0, ageMs(lastVerified));
  return { lastVerified, sinceAtMs, error };
}

export const reasonOf = (failure: Failure) => `${failure.phase}: ${failure.code}`;
