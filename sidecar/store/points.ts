import type { DatabaseSync } from "node:sqlite";

/** One step of a chart. */
export interface Step {
  /** Unix milliseconds of the step's beginning. */
  atMs: number;
  /** Number of points in the step, 0 where nothing was seen. */
  n: number;
  sum: number;
  max: number;
}

export interface Points {
  /** Steps of `stepMs` (a multiple of a minute) from `sinceMs` until `untilMs`; empty steps are there with n = 0. */
  read(target: string, series: string, range: { sinceMs: number; untilMs: number; stepMs: number }): Step[];
  /** Mean over all points since `sinceMs`; undefined without any. */
  mean(target: string, series: string, sinceMs: number): number | undefined;
}

// Numbers are bound as REAL, and a division by REAL is not one of integers: hence the cast.
export function createPoints(db: () => DatabaseSync): Points {
  return {
    read(target, series, { sinceMs, untilMs, stepMs }) {
      const first = sinceMs - (sinceMs % stepMs);
      const rows = db()
        .prepare(
          `SELECT at_ms / CAST($step AS INTEGER) AS step, sum(n) AS n, sum(sum) AS sum, max(max) AS max FROM points
           WHERE target = $target AND series = $series AND at_ms >= $first AND at_ms < $until GROUP BY 1`,
        )
        .all({ step: stepMs, target, series, first, until: untilMs });
      const found = new Map(rows.map((row) => [Number(row["step"]) * stepMs, row]));
      const steps: Step[] = [];
      for (let atMs = first; atMs < untilMs; atMs += stepMs) {
        const row = found.get(atMs);
        steps.push({
          atMs,
          n: Number(row?.["n"] ?? 0),
          sum: Number(row?.["sum"] ?? 0),
          max: Number(row?.["max"] ?? 0),
        });
      }
      return steps;
    },
    mean(target, series, sinceMs) {
      const row = db()
        .prepare("SELECT sum(sum) / sum(n) AS mean FROM points WHERE target = ? AND series = ? AND at_ms >= ?")
        .get(target, series, sinceMs);
      return row?.["mean"] === null ? undefined : Number(row?.["mean"]);
    },
  };
}
