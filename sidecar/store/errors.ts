import type { DatabaseSync } from "node:sqlite";

/** Errors that are the same trouble. */
export interface ErrorGroup {
  fingerprint: string;
  service: string;
  title: string;
  /** The innermost own function; empty when the stack does not say. */
  place: string;
  /** Occurrences in the window. */
  count: number;
  first_seen: string;
  last_seen: string;
  /** The newest trace of the group. */
  trace_id: string | null;
}

export interface Errors {
  /** Groups with an occurrence in the last `windowMs`, most frequent first. */
  groups(filter: { service?: string | undefined; windowMs: number; limit?: number }): ErrorGroup[];
  /** Occurrences of one group per step, for its chart. */
  timeline(service: string, fingerprint: string, range: { sinceMs: number; untilMs: number; stepMs: number }): number[];
}

export function createErrors(db: () => DatabaseSync, wallMs: () => number): Errors {
  return {
    groups({ service, windowMs, limit = 50 }) {
      return db()
        .prepare(
          `SELECT g.*, e.n FROM error_groups g JOIN
             (SELECT service, fingerprint, count(*) AS n FROM error_events WHERE at_ms >= $since GROUP BY 1, 2) e
             USING (service, fingerprint)
           WHERE $service IS NULL OR service = $service ORDER BY e.n DESC, g.last_ms DESC LIMIT $limit`,
        )
        .all({ since: wallMs() - windowMs, service: service ?? null, limit })
        .map((row) => ({
          fingerprint: String(row["fingerprint"]),
          service: String(row["service"]),
          title: String(row["title"]),
          place: String(row["place"]),
          count: Number(row["n"]),
          first_seen: new Date(Number(row["first_ms"])).toISOString(),
          last_seen: new Date(Number(row["last_ms"])).toISOString(),
          trace_id: row["trace_id"] as string | null,
        }));
    },
    timeline(service, fingerprint, { sinceMs, untilMs, stepMs }) {
      const rows = db()
        .prepare(
          `SELECT CAST((at_ms - $since) / $step AS INTEGER) AS step, count(*) AS n FROM error_events
           WHERE service = $service AND fingerprint = $fingerprint AND at_ms >= $since AND at_ms < $until GROUP BY 1`,
        )
        .all({ service, fingerprint, since: sinceMs, until: untilMs, step: stepMs });
      const counts = Array.from({ length: Math.ceil((untilMs - sinceMs) / stepMs) }, () => 0);
      for (const row of rows) counts[Number(row["step"])] = Number(row["n"]);
      return counts;
    },
  };
}
