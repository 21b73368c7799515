import type { DatabaseSync } from "node:sqlite";

/** Rows a slice may delete: a few milliseconds, since the event loop stands still meanwhile. */
const SLICE_TRACES = 500;
const SLICE_ROWS = 5_000;
/** Once over the size, trim to so much of it: else every batch would be over it again. */
const LOW_WATER = 0.9;
/** What the charts may take of the size: else they pushed every trace out of a small store. */
const POINTS_SHARE = 0.5;
/** Uptime is shown over 30 days, whatever `RETENTION_AGE` says: 1440 small rows a day. */
const UPTIME_MS = 31 * 86_400_000;

export interface Retention {
  /**
   * Deletes one slice of what is too old or, over the size, of the oldest tenth: of the charts where they take more than
   * their share, else of the rest. True: there may be more, call again soon. Whole traces go, by their start; a span that
   * comes later for one of them starts it anew. `urgent`: there is no room to write, so the oldest go whatever the size is.
   */
  slice(nowMs: number, urgent?: boolean): boolean;
}

export function createRetention(db: DatabaseSync, limits: { maxAgeMs: number; maxBytes: number }): Retention {
  let targetBytes = limits.maxBytes;
  return {
    slice(nowMs, urgent = false) {
      if (deleteBefore(db, nowMs - limits.maxAgeMs)) return true;
      deletePoints(db, nowMs - limits.maxAgeMs, nowMs - UPTIME_MS);
      const over = urgent || usedBytes(db) > targetBytes;
      targetBytes = limits.maxBytes * (over ? LOW_WATER : 1);
      if (over && deleteOldestPoints(db, limits.maxBytes * POINTS_SHARE)) return true;
      const cutoffMs = over ? oldestTenthMs(db) : undefined;
      if (cutoffMs !== undefined) deleteBefore(db, cutoffMs);
      else db.exec("PRAGMA incremental_vacuum(2000)");
      return cutoffMs !== undefined;
    },
  };
}

/** Bytes in use, without pages that are free to be written again. */
export function usedBytes(db: DatabaseSync): number {
  const read = (name: string): number => Number(db.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
  return (read("page_count") - read("freelist_count")) * read("page_size");
}

/** True when a full slice was deleted, so that more may be left. */
function deleteBefore(db: DatabaseSync, cutoffMs: number): boolean {
  const cutoffNs = BigInt(Math.max(0, Math.floor(cutoffMs))) * 1_000_000n;
  const oldest = `SELECT trace_id FROM traces WHERE start_ns < $cutoff ORDER BY start_ns LIMIT ${SLICE_TRACES}`;
  db.exec("BEGIN IMMEDIATE");
  try {
    db.prepare(`DELETE FROM spans WHERE trace_id IN (${oldest})`).run({ cutoff: cutoffNs });
    const traces = db.prepare(`DELETE FROM traces WHERE trace_id IN (${oldest})`).run({ cutoff: cutoffNs }).changes;
    const logs = db
      .prepare(
        `DELETE FROM logs WHERE id IN (SELECT id FROM logs WHERE time_ns < ? ORDER BY time_ns LIMIT ${SLICE_ROWS})`,
      )
      .run(cutoffNs).changes;
    db.prepare("DELETE FROM error_events WHERE at_ms < ?").run(cutoffMs);
    db.prepare("DELETE FROM error_groups WHERE last_ms < ?").run(cutoffMs);
    db.prepare("DELETE FROM services WHERE last_ms < ?").run(cutoffMs);
    db.exec("COMMIT");
    return Number(traces) === SLICE_TRACES || Number(logs) === SLICE_ROWS;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function deletePoints(db: DatabaseSync, cutoffMs: number, uptimeCutoffMs: number): void {
  db.prepare("DELETE FROM points WHERE at_ms < CASE series WHEN 'up' THEN ? ELSE ? END").run(uptimeCutoffMs, cutoffMs);
}

/** True when they took more than `maxBytes`, and the oldest tenth of them went. */
function deleteOldestPoints(db: DatabaseSync, maxBytes: number): boolean {
  const bytes = db.prepare("SELECT sum(pgsize) AS n FROM dbstat WHERE name = 'points'").get()?.["n"];
  if (Number(bytes) <= maxBytes) return false;
  const tenth = "SELECT at_ms FROM points ORDER BY at_ms LIMIT 1 OFFSET (SELECT count(*) / 10 FROM points)";
  return db.prepare(`DELETE FROM points WHERE at_ms <= (${tenth})`).run().changes > 0;
}

/** The time before which the oldest tenth of the traces or of the logs lies, whichever is earlier. */
function oldestTenthMs(db: DatabaseSync): number | undefined {
  const at = (table: string, column: string): number[] => {
    const count = Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"] ?? 0);
    const offset = Math.floor(count / 10);
    const found = db
      .prepare(`SELECT ${column} / 1000000 AS ms FROM ${table} ORDER BY ${column} LIMIT 1 OFFSET ?`)
      .get(offset);
    return found === undefined ? [] : [Number(found["ms"]) + 1];
  };
  const times = [...at("traces", "start_ns"), ...at("logs", "time_ns")];
  return times.length === 0 ? undefined : Math.min(...times);
}
