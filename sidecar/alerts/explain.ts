import type { ErrorGroup, Incident } from "../state/records.ts";

/** What the telemetry store can add to an alert. It explains and never decides; a throw only makes the text shorter. */
export interface Evidence {
  /** Trace id of the newest trace with an error of this service since then. */
  lastFailingTrace(service: string, sinceWallMs: number): string | undefined;
  /** Groups of errors in the window, most frequent first. */
  topErrors(service: string, windowMs: number): ErrorGroup[];
}

const BEFORE_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const ABOUT_ERRORS = new Set(["TelegramBotErrorsHigh", "TelegramBotErrorBurst", "SlowResponses"]);

/** The incident with its error groups and traces as the store has them now; the same object when nothing is new. */
export function explain(incident: Incident, service: string | undefined, evidence: Evidence | undefined): Incident {
  if (evidence === undefined || service === undefined) return incident;
  try {
    const windowMs = typeof incident.facts["windowMs"] === "number" ? incident.facts["windowMs"] : HOUR_MS;
    const errors = ABOUT_ERRORS.has(incident.rule)
      ? evidence.topErrors(service, windowMs).slice(0, 3)
      : incident.errors;
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
