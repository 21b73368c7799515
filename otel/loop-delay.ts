import { monitorEventLoopDelay, performance } from "node:perf_hooks";

const RESOLUTION_MS = 250;
const HALF_WINDOW_MS = 30_000;

export interface LoopDelay {
  p50: number;
  p99: number;
  max: number;
}

/**
 * Event loop delay in milliseconds over the last 30 to 60 seconds, the same for every reader.
 * Ours because runtime-node's values include the sampling interval and each collection resets the window for the other
 * reader (opentelemetry-js-contrib#2794). 250 ms cost almost nothing; at 1000 a block of 1.3 s reads 0.73 s.
 */
export function watchEventLoop() {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let before = { p50: 0, p99: 0, max: 0 };
  let utilizationFrom = performance.eventLoopUtilization();
  const own = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  const current = (): LoopDelay =>
    histogram.count === 0
      ? { p50: 0, p99: 0, max: 0 }
      : { p50: own(histogram.percentile(50)), p99: own(histogram.percentile(99)), max: own(histogram.max) };
  const timer = setInterval(() => {
    before = current();
    histogram.reset();
    utilizationFrom = performance.eventLoopUtilization();
  }, HALF_WINDOW_MS);
  timer.unref();
  return {
    delayMs(): LoopDelay {
      const now = current();
      return {
        p50: Math.max(before.p50, now.p50),
        p99: Math.max(before.p99, now.p99),
        max: Math.max(before.max, now.max),
      };
    },
    /** Share of the time in which the loop was busy, 0 to 1. */
    utilization: (): number => performance.eventLoopUtilization(utilizationFrom).utilization,
    close(): void {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
export type LoopWatch = ReturnType<typeof watchEventLoop>;
