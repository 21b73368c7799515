import type { BackupStatus } from "./backup.ts";
import type { OwnSample, Probe } from "./probes/probe.ts";
import { type Clocks, seen } from "./probes/seen.ts";
import type { State } from "./state/state.ts";

interface Deps {
  state: Pick<State, "problem" | "quickCheck">;
  backup: () => BackupStatus | undefined;
  /** Monotonic time of the last metrics per service. */
  lastMetrics: () => OwnSample["lastMetricsAtMs"];
  clocks: Clocks;
}

const DAY_MS = 86_400_000;

/** The sidecar's look at itself: its database (whole file once a day), its backups, arrivals of telemetry. */
export function ownProbe({ state, backup, lastMetrics, clocks }: Deps, intervalMs: number): Probe {
  let damage: string | undefined;
  let checkedAtMs = -Infinity;
  return {
    name: "own",
    intervalMs,
    timeoutMs: 10_000,
    run() {
      const nowMs = clocks.now();
      if (nowMs - checkedAtMs >= DAY_MS) {
        damage = state.quickCheck();
        checkedAtMs = nowMs;
      }
      const error = damage ?? state.problem();
      const backups = backup();
      return Promise.resolve({
        kind: "own",
        ...seen("own", "sidecar", clocks),
        sqlite: error === undefined ? { ok: true } : { ok: false, error },
        ...(backups && { backup: backups }),
        lastMetricsAtMs: lastMetrics(),
      });
    },
  };
}
