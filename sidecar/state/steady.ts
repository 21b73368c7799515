export interface Clock {
  /** Milliseconds that only rise, of this process (`performance.now()`). */
  monotonicMs(): number;
  /** Unix milliseconds; may jump. */
  wallMs(): number;
}

/** `atMs` for durations, `wallMs` for display. */
export interface Now {
  atMs: number;
  wallMs: number;
}

/** A stretch that nobody saw: the host slept, the process was stopped, or the clock was set. */
export interface Gap {
  /** Steady time at which it ended (it has no length there). */
  atMs: number;
  lengthMs: number;
}

/** Where the clock stood, so that durations go on across a restart. */
export interface SteadyMark {
  atMs: number;
  wallMs: number;
}

export interface SteadyClock {
  now(): Now;
  /** Steady time of a monotonic instant near now. */
  ofMonotonic(monotonicMs: number): number;
  /** One step of the evaluator. Returns the gap since the last step, if there was one: it is not counted. */
  advance(): Gap | undefined;
  mark(): SteadyMark;
}

const CLOCK_SET_MS = 30_000;

/**
 * A clock for durations that survives restarts and leaves out what nobody saw. It starts as Unix time, then follows
 * the monotonic clock. Wall and monotonic progress that disagree by more than 30 s, or a step longer than
 * `gapLimitMs`, stop it for that step. The time while no sidecar ran is taken from the wall clock, never below zero.
 */
export function createSteadyClock(clock: Clock, gapLimitMs: number, saved?: SteadyMark): SteadyClock {
  let monotonicMs = clock.monotonicMs();
  let wallMs = clock.wallMs();
  let atMs = saved ? saved.atMs + Math.max(0, wallMs - saved.wallMs) : wallMs;

  const sinceStep = () => Math.min(Math.max(0, clock.monotonicMs() - monotonicMs), gapLimitMs);

  return {
    now: () => ({ atMs: atMs + sinceStep(), wallMs: clock.wallMs() }),
    ofMonotonic: (instantMs) => atMs + Math.min(instantMs - monotonicMs, gapLimitMs),
    advance() {
      const progressMs = clock.monotonicMs() - monotonicMs;
      const disagreementMs = clock.wallMs() - wallMs - progressMs;
      monotonicMs += progressMs;
      wallMs += progressMs + disagreementMs;
      if (progressMs <= gapLimitMs && Math.abs(disagreementMs) <= CLOCK_SET_MS) {
        atMs += progressMs;
        return undefined;
      }
      return { atMs, lengthMs: Math.max(progressMs, progressMs + disagreementMs) };
    },
    mark: () => ({ atMs: atMs + sinceStep(), wallMs: clock.wallMs() }),
  };
}
