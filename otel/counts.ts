import type { ApiReason, ErrorReason, HandlingReason, UpdateType } from "./names.ts";
import { errorReasons, updateTypes } from "./names.ts";
import { countedAs } from "./reason.ts";

/** What a call is tried again after; another reason begins with its first retry. */
const repeatedReasons: readonly ApiReason[] = ["flood", "dns", "connect", "tls", "reset", "server", "protocol"];

/** An update being handled, as `update.started` gave it. */
export interface Handling {
  readonly startedMs: number;
}

/** Plain counters of the hot path. Every label set that can be known is there from the start, at 0. */
export function createCounts(now: () => number, monotonic: () => number) {
  // A series born at 1 hides its first event from increase(): hence all of them, at once.
  const received = new Map<UpdateType, number>(updateTypes.map((type) => [type, 0]));
  const inFlight = new Set<Handling>();
  const updates = { handled: 0, failed: 0, replayed: 0, duplicates: 0 };
  const errors = Object.fromEntries(errorReasons.map((reason) => [reason, 0])) as Record<ErrorReason, number>;
  const retries = new Map<string, { method: string; reason: ApiReason; count: number }>();
  const waitedSeconds = new Map<string, number>();
  const calls = { queued: 0 };
  let lastErrorAt: number | undefined;

  function countError(reason: ErrorReason): void {
    errors[reason]++;
    lastErrorAt = now();
  }

  return {
    update: {
      /** Counted when it is committed, or received where there is no inbox; not again when it is handled. */
      received: (type: UpdateType, count = 1): void => void received.set(type, (received.get(type) ?? 0) + count),
      duplicate: (): void => void updates.duplicates++,
      replayed: (): void => void updates.replayed++,
      started(): Handling {
        const handling = { startedMs: monotonic() };
        inFlight.add(handling);
        return handling;
      },
      /** Ends a handling; with a reason it failed, and everything but `shutdown` counts as an error. */
      ended(handling: Handling, reason?: HandlingReason): void {
        if (!inFlight.delete(handling)) return;
        if (reason === undefined) updates.handled++;
        else if (reason !== "shutdown") updates.failed++;
        const counted = reason && countedAs(reason);
        if (counted) countError(counted);
      },
    },
    api: {
      /** A method is called: what may come of its calls is there with it. */
      called(method: string): void {
        if (waitedSeconds.has(method)) return;
        waitedSeconds.set(method, 0);
        for (const reason of repeatedReasons) retries.set(`${method} ${reason}`, { method, reason, count: 0 });
      },
      /** A call that is no long poll is waiting for its answer or for its next attempt. */
      queued: (): void => void calls.queued++,
      dequeued: (): void => void calls.queued--,
      /** A call is tried again. */
      retried(method: string, reason: ApiReason): void {
        const key = `${method} ${reason}`;
        const entry = retries.get(key) ?? { method, reason, count: 0 };
        entry.count++;
        retries.set(key, entry);
      },
      /** Telegram asked for so much patience (429). */
      held: (method: string, seconds: number): void =>
        void waitedSeconds.set(method, (waitedSeconds.get(method) ?? 0) + seconds),
    },
    countError,
    received,
    inFlight,
    updates,
    errors,
    retries,
    waitedSeconds,
    calls,
    lastErrorAt: (): number | undefined => lastErrorAt,
    oldestSeconds(): number | null {
      const [oldest] = inFlight;
      return oldest === undefined ? null : (monotonic() - oldest.startedMs) / 1000;
    },
  };
}
export type Counts = ReturnType<typeof createCounts>;
