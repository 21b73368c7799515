/** The part of the system's timers that a schedule needs; tests move it by hand. */
export interface Timers {
  /** Monotonic milliseconds. */
  now: () => number;
  /** Calls once after `ms`; the answer cancels. */
  after: (ms: number, call: () => void) => () => void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

interface Options {
  intervalMs: number;
  /** The one deadline of a run; default: none but the schedule's own end. */
  timeoutMs?: number;
  /** Ends the schedule and aborts the run in progress. */
  signal: AbortSignal;
  /** 0.1: each pause is up to 10 % shorter, so that many instances do not knock at once. */
  jitter?: number;
  random?: () => number;
  timers?: Timers;
  /** A run that rejects does not end the schedule. */
  onError: (error: unknown) => void;
}

/**
 * Runs `task` now and then every `intervalMs`, start to start, never two at once: a run that takes longer delays the
 * next one and what was missed is not made up for. Resolves after the end, when no run is in progress.
 */
export async function every(task: (signal: AbortSignal) => unknown, options: Options): Promise<void> {
  const { intervalMs, timeoutMs, signal, jitter = 0, random = Math.random, timers = systemTimers, onError } = options;
  while (!signal.aborted) {
    const began = timers.now();
    await once(task, timeoutMs, signal, timers, onError);
    const pauseMs = intervalMs * (1 - jitter * random());
    await pause(Math.max(0, began + pauseMs - timers.now()), signal, timers);
  }
}

async function once(
  task: (signal: AbortSignal) => unknown,
  timeoutMs: number | undefined,
  signal: AbortSignal,
  timers: Timers,
  onError: (error: unknown) => void,
): Promise<void> {
  const run = new AbortController();
  const abort = () => run.abort();
  const cancel = timeoutMs === undefined ? () => {} : timers.after(timeoutMs, abort);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await task(run.signal);
  } catch (error) {
    onError(error);
  } finally {
    cancel();
    signal.removeEventListener("abort", abort);
  }
}

function pause(ms: number, signal: AbortSignal, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = timers.after(ms, end);
    signal.addEventListener("abort", end, { once: true });
  });
}
