import type { ApiReason } from "@gramwatch/otel";

/** Longest that a call is held back in place; what takes longer goes to the queue of late replies. */
export const PATIENCE_MS = 10_000;
const MAX_ATTEMPTS = 4;

export interface FailedCall {
  reason: ApiReason;
  /** Attempts made so far, from 1. */
  attempt: number;
  retryAfterSeconds?: number | undefined;
}

/**
 * Milliseconds until a failed Bot API call is made again; undefined: not again. A refusal is not repeated unchanged. Who
 * was not reached did not do it; a lost answer is ambiguous and is repeated once, because a reply twice beats a reply never.
 */
export function nextAttempt(
  { reason, attempt, retryAfterSeconds }: FailedCall,
  random: () => number,
): number | undefined {
  if (attempt >= MAX_ATTEMPTS) return undefined;
  switch (reason) {
    case "flood":
      return ((retryAfterSeconds ?? 1) + 1) * 1000;
    case "dns":
    case "connect":
    case "tls":
    case "server":
      return random() * 1000 * 2 ** attempt;
    case "reset":
    case "protocol":
      return attempt === 1 ? random() * 1000 : undefined;
    // A deadline has passed already: whoever waits for the reply has waited for a minute.
    case "timeout":
    case "aborted":
    case "unauthorized":
    case "forbidden":
    case "conflict":
    case "bad_request":
    case "_OTHER":
      return undefined;
  }
}

/** Whether trying much later makes sense: nobody answered, or Telegram asked for patience. */
export const worthKeeping = (reason: ApiReason): boolean =>
  ["flood", "dns", "connect", "tls", "server", "reset", "timeout", "protocol", "unauthorized"].includes(reason);
