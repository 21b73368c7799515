import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Meter } from "@opentelemetry/api";
import { observeMetric } from "./instruments.ts";
import type { LoopWatch } from "./loop-delay.ts";
import { attributes, metrics } from "./names.ts";

/** `/health.memory` of the contract. */
export interface MemoryUse {
  rss_bytes: number;
  heap_used_bytes: number;
  heap_limit_bytes: number;
  limit_bytes: number | null;
}

export function readMemory(): MemoryUse {
  const { rss, heapUsed } = process.memoryUsage();
  return {
    rss_bytes: rss,
    heap_used_bytes: heapUsed,
    heap_limit_bytes: getHeapStatistics().heap_size_limit,
    limit_bytes: memoryLimit(process.constrainedMemory(), totalmem()),
  };
}

/** Without a cgroup limit `process.constrainedMemory()` reads 0 or about 2^64. */
export const memoryLimit = (constrained: number, total: number): number | null =>
  constrained > 0 && constrained <= total ? constrained : null;

/** The metrics of every process of ours that no instrumentation has, or has wrong. */
export function observeProcess(meter: Meter, loop: LoopWatch): void {
  observeMetric(meter, metrics.uptime, (result) => result.observe(process.uptime()));
  observeMetric(meter, metrics.memory, (result) => result.observe(process.memoryUsage.rss()));
  observeMetric(meter, metrics.heapLimit, (result) => result.observe(getHeapStatistics().heap_size_limit));
  observeMetric(meter, metrics.cpu, (result) => {
    const { user, system } = process.cpuUsage();
    result.observe(user / 1e6, { [attributes.cpuMode]: "user" });
    result.observe(system / 1e6, { [attributes.cpuMode]: "system" });
  });
  observeMetric(meter, metrics.loopDelayP50, (result) => result.observe(loop.delayMs().p50 / 1000));
  observeMetric(meter, metrics.loopDelayP99, (result) => result.observe(loop.delayMs().p99 / 1000));
  observeMetric(meter, metrics.loopDelayMax, (result) => result.observe(loop.delayMs().max / 1000));
}
