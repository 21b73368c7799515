import type { Sample } from "./probes/probe.ts";

const GRACE_MS = 5000;

/**
 * Bot and sidecar are often started together. A bot that was not read yet and does not answer in the first seconds is
 * starting, not dead: such a sample says nothing, which matters only where thresholds are seconds (demo, tests).
 */
export function createStartGrace(startedAtMs: number): (sample: Sample) => boolean {
  const read = new Set<string>();
  return (sample) => {
    if (sample.kind !== "health") return false;
    if (sample.result.ok) read.add(sample.probe);
    return !read.has(sample.probe) && sample.atMs - startedAtMs < GRACE_MS;
  };
}
