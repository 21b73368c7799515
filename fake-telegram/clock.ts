/** Time as an argument: what waits here waits on this. */
export interface Clock {
  /** Unix milliseconds. */
  now(): number;
  /** Calls `task` once after `delayMs`; the answer cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface ManualClock extends Clock {
  /** Moves the time on and runs what falls due, in order. */
  advance(byMs: number): void;
}

/** A clock that stands still until a test moves it. */
export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  const due = new Set<{ atMs: number; task: () => void }>();
  return {
    now: () => nowMs,
    after(delayMs, task) {
      const entry = { atMs: nowMs + delayMs, task };
      due.add(entry);
      return () => due.delete(entry);
    },
    advance(byMs) {
      const untilMs = nowMs + byMs;
      for (;;) {
        const [next] = [...due].filter((entry) => entry.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
        if (!next) break;
        due.delete(next);
        nowMs = next.atMs;
        next.task();
      }
      nowMs = untilMs;
    },
  };
}
