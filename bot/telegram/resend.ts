import type { ApiReason } from "@gramwatch/otel";

/** Longest that a call is held back in place; what takes longer goes to the queue of late messages. */
export const PATIENCE_MS = 10_000;
const MAX_ATTEMPTS = 4;

/** Telegram did not do it: it was not reached, or says that it failed. */
const NOT_DONE: ReadonlySet<ApiReason> = new Set(["dns", "connect", "tls", "server"]);
/** The answer was lost on its way; the work may be done. */
const AMBIGUOUS: ReadonlySet<ApiReason> = new Set(["reset", "protocol"]);

export interface FailedCall {
  reason: ApiReason;
  /** Attempts made so far, from 1. */
  attempt: number;
  /** Telegram's own wait (429). */
  retryAfterSeconds?: number | undefined;
}

/**
 * Milliseconds until a failed Bot API call is made again; undefined: not again. A refusal is not repeated unchanged. A
 * lost answer is repeated once: a reply twice beats a reply never. After a timeout the user has waited for a minute.
 */
export function nextAttempt(
  { reason, attempt, retryAfterSeconds }: FailedCall,
  random: () => number,
): number | undefined {
  if (attempt >= MAX_ATTEMPTS) return undefined;
  if (reason === "flood") return ((retryAfterSeconds ?? 1) + 1) * 1000;
  if (NOT_DONE.has(reason) || (AMBIGUOUS.has(reason) && attempt === 1)) return random() * 1000 * 2 ** (attempt - 1);
  return undefined;
}

/** Whether a message is worth trying much later: nobody answered, Telegram asked for patience, or the token is refused. */
export const worthKeeping = (reason: ApiReason): boolean =>
  NOT_DONE.has(reason) || AMBIGUOUS.has(reason) || ["flood", "timeout", "unauthorized"].includes(reason);
