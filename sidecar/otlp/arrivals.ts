import type { Source } from "../store/records.ts";

export type Signal = "traces" | "metrics" | "logs";

/** More services than this are not told apart: their names are text of a peer. */
const MAX_SERVICES = 200;

interface Arrival {
  instance: string;
  /** Monotonic milliseconds, for rules. */
  atMs: number;
  /** Unix milliseconds, for display and metrics. */
  wallMs: number;
}

/** What came in over OTLP: items per signal and outcome, and when each service was heard last. */
export interface Arrivals {
  count(signal: Signal, accepted: number, rejected: number): void;
  heard(signal: Signal, sources: readonly Source[]): void;
  items(): Record<Signal, { accepted: number; rejected: number }>;
  /** By service: its newest instance and its last arrival of `signal`. */
  last(signal: Signal): Record<string, Arrival>;
}

/** `monotonicMs` and `wallMs` are the two clocks. */
export function createArrivals(clock: { monotonicMs(): number; wallMs(): number }): Arrivals {
  const items = {
    traces: { accepted: 0, rejected: 0 },
    metrics: { accepted: 0, rejected: 0 },
    logs: { accepted: 0, rejected: 0 },
  };
  const last = {
    traces: new Map<string, Arrival>(),
    metrics: new Map<string, Arrival>(),
    logs: new Map<string, Arrival>(),
  };
  return {
    count(signal, accepted, rejected) {
      items[signal].accepted += accepted;
      items[signal].rejected += rejected;
    },
    heard(signal, sources) {
      for (const { service, instance } of sources) {
        const known = last[signal];
        known.delete(service);
        if (known.size >= MAX_SERVICES) known.delete(known.keys().next().value as string);
        known.set(service, { instance, atMs: clock.monotonicMs(), wallMs: clock.wallMs() });
      }
    },
    items: () => structuredClone(items),
    last: (signal) => Object.fromEntries(last[signal]),
  };
}
