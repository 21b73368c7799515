import type { HealthSample, Sample } from "../probes/probe.ts";
import type { Point } from "../store/records.ts";

interface Counters {
  instance: string;
  startedAt: string;
  received: number;
  errors: number;
}

/**
 * Turns samples into the points of the console's charts. Counters of `/health` become increments: the same process
 * gives the difference, a new one its current value, and the first one ever seen nothing.
 */
export function createPointMaker(): (sample: Sample) => Point[] {
  const last = new Map<string, Counters>();

  function increments(sample: HealthSample): [string, number][] {
    if (!sample.result.ok) return [];
    const { instance, started_at, updates, errors } = sample.result.body;
    const now = { instance, startedAt: started_at, received: updates.received, errors: errors.total };
    const before = last.get(sample.target);
    last.set(sample.target, now);
    if (before === undefined) return [];
    const same = before.instance === now.instance && before.startedAt === now.startedAt;
    const grown = (key: "received" | "errors"): number =>
      same && now[key] >= before[key] ? now[key] - before[key] : now[key];
    return [
      ["updates", grown("received")],
      ["errors", grown("errors")],
    ];
  }

  return (sample) =>
    valuesOf(sample, increments).flatMap(([series, value]) =>
      // A page of another program may lack a number, and one point without a value would cost its whole batch.
      Number.isFinite(value) ? [{ target: sample.target, series, atMs: sample.wallMs, value }] : [],
    );
}

function valuesOf(sample: Sample, increments: (sample: HealthSample) => [string, number][]): [string, number][] {
  switch (sample.kind) {
    case "health":
      return [["up", sample.result.ok && sample.result.body.telegram.connected ? 1 : 0], ...increments(sample)];
    case "handling":
      return sample.result.ok && sample.result.p95Seconds !== undefined
        ? [["p95_seconds", sample.result.p95Seconds]]
        : [];
    case "webhook":
      return sample.result.ok ? [["pending", sample.result.pending]] : [];
    case "disk":
      return sample.result.ok ? [["disk_used_bytes", sample.result.sizeBytes - sample.result.availableBytes]] : [];
    default:
      return [];
  }
}
