import type { ErrorGroup, Incident, Slowest } from "../state/records.ts";

/** What the telemetry store can add to an alert. It explains and never decides; a throw only makes the text shorter. */
export interface Evidence {
  /** Trace id of the newest trace with an error of this service since then. */
  lastFailingTrace(service: string, sinceWallMs: number): string | undefined;
  /** Groups of errors in the window, most frequent first. */
  topErrors(service: string, windowMs: number): ErrorGroup[];
  /** What the slowest updates since then spent their time on; undefined: there are no traces of them. */
  slowest?(service: string, sinceWallMs: number): Slowest | undefined;
  /** The last that this service logged is that it stops. A hint: it makes a wait longer and decides nothing. */
  saidStopped?(service: string): boolean;
}

const BEFORE_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const ABOUT_ERRORS = new Set(["TelegramBotErrorsHigh", "TelegramBotErrorBurst"]);

/**
 * The incident with its error groups and traces as the store has them now; the same object when nothing is new.
 * @param young the telemetry of what made the incident may still be on its way: groups that cover less than half of the
 *   counted errors are those of before, and would name the wrong reason
 */
export function explain(
  incident: Incident,
  service: string | undefined,
  evidence: Evidence | undefined,
  young: boolean,
): Incident {
  if (evidence === undefined || service === undefined) return incident;
  try {
    if (incident.rule === "SlowResponses")
      return slow(incident, evidence.slowest?.(service, incident.startedWallMs - BEFORE_MS));
    const windowMs = typeof incident.facts["windowMs"] === "number" ? incident.facts["windowMs"] : HOUR_MS;
    const groups = ABOUT_ERRORS.has(incident.rule) ? evidence.topErrors(service, windowMs) : [];
    const early = young && 2 * sum(groups) < Number(incident.facts["count"] ?? 0);
    const errors = groups.length === 0 || early ? incident.errors : groups.slice(0, 3);
    const beforeMs = ABOUT_ERRORS.has(incident.rule) ? windowMs : BEFORE_MS;
    const last = evidence.lastFailingTrace(service, incident.startedWallMs - beforeMs);
    const traces = [...(last === undefined ? [] : [last]), ...errors.flatMap(({ traceId }) => traceId ?? [])];
    const traceIds = traces.length === 0 ? incident.traceIds : [...new Set(traces)].slice(0, 5);
    const same = JSON.stringify([errors, traceIds]) === JSON.stringify([incident.errors, incident.traceIds]);
    return same ? incident : { ...incident, errors, traceIds };
  } catch {
    return incident; // the store is broken or busy: the alert comes without its words
  }
}

const sum = (groups: ErrorGroup[]): number => groups.reduce((total, { count }) => total + count, 0);

function slow(incident: Incident, slowest: Slowest | undefined): Incident {
  if (slowest === undefined || JSON.stringify(slowest) === JSON.stringify(incident.slowest)) return incident;
  return { ...incident, slowest, cause: `slow_${slowest.kind}`, traceIds: [slowest.traceId] };
}
