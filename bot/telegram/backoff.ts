import type { ApiReason } from "@gramwatch/otel";

/** What the poll loop does after a failed call. */
export interface NextPoll {
  state: "retrying" | "flood" | "conflict" | "unauthorized";
  waitMs: number;
}

export interface FailedPoll {
  reason: ApiReason;
  /** Telegram's own wait (429). */
  retryAfterSeconds?: number | undefined;
  /** Which failure of its run this is, from 1. */
  run: number;
}

const LONGEST_MS = 30_000;
const CONFLICT_MS = 5000;
/** Hammering with a refused token gets a bot deleted (openclaw PR #27415). */
export const UNAUTHORIZED_MS = 15 * 60_000;

/** How long to wait after a failed poll; the cap keeps an outage of any length from being outlasted by the backoff. */
export function nextPoll({ reason, retryAfterSeconds, run }: FailedPoll, random: () => number): NextPoll {
  if (reason === "unauthorized") return { state: "unauthorized", waitMs: UNAUTHORIZED_MS };
  if (reason === "flood") return { state: "flood", waitMs: ((retryAfterSeconds ?? 1) + 1) * 1000 };
  if (reason === "conflict") {
    const longest = Math.min(LONGEST_MS, CONFLICT_MS * 2 ** (run - 1));
    return { state: "conflict", waitMs: CONFLICT_MS + random() * (longest - CONFLICT_MS) };
  }
  // A NAT that drops idle polls, or a stale socket, is over at once: the first retry waits for nothing.
  const longest = run === 1 ? 0 : Math.min(LONGEST_MS, 1000 * 2 ** (run - 2));
  return { state: "retrying", waitMs: random() * longest };
}
