/** Time as an argument: tests bring their own. */
export interface Clock {
  /** Wall clock, Unix milliseconds: timestamps and whatever survives a restart. */
  now: () => number;
  /** Monotonic milliseconds: durations within a run. */
  monotonicMs: () => number;
  /** Resolves after `ms`, at once when `signal` aborts; never rejects. Does not keep the process alive by itself. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

// setTimeout treats a longer delay as 1 ms.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
      timer.unref();
      signal.addEventListener("abort", done, { once: true });
    }),
};
