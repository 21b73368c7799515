import type { Sample } from "../probes/probe.ts";
import type { ErrorGroup, Severity } from "../state/records.ts";

/** What the telemetry store can add to an alert. It explains and never decides; a throw only makes the text shorter. */
export interface Evidence {
  /** Trace id of the newest trace with an error of this service since then. */
  lastFailingTrace(service: string, sinceWallMs: number): string | undefined;
  /** Groups of errors in the window, most frequent first. */
  topErrors(service: string, windowMs: number): ErrorGroup[];
}

/** An element of `GET /api/alerts`: the contract in the design. */
export interface AlertJson {
  id: string;
  rule: string;
  target: string;
  severity: Severity;
  state: "firing" | "resolved";
  cause: string | null;
  summary: string;
  started_at: string;
  fired_at: string;
  resolved_at: string | null;
  acked_by: string | null;
  silenced_until: string | null;
  inhibited_by: string | null;
  links: { dashboard: string | null; trace: string | null; runbook: string | null };
  trace_ids: string[];
}

/** One rule on one target as it stands, for the console, `/api/status` and `sidecar.alerts.firing`. */
export interface Standing {
  rule: string;
  target: string;
  severity: Severity;
  state: "ok" | "pending" | "firing" | "recovering";
  /** undefined: there are readings; otherwise since when there is no data (shown after 2 min). */
  noDataSinceWallMs?: number;
}

export interface Engine {
  /** Takes what a probe saw. Never throws. */
  observe(sample: Sample): void;
  /** Evaluates every rule, commits what changed in one transaction, queues messages. Call every `tickMs`. */
  tick(): void;
  alerts(filter: "firing" | "resolved" | "all"): AlertJson[];
  standings(): Standing[];
  /** undefined: no such incident, or it is over. */
  ack(id: string, by: string): AlertJson | undefined;
  silence(id: string, forMs: number, by: string): AlertJson | undefined;
  /** Takes back an ack and a silence. */
  undo(id: string, by: string): AlertJson | undefined;
}
