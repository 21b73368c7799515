import type { Incident, Instance, Press, Severity } from "../state/records.ts";
import type { Now, SteadyClock } from "../state/steady.ts";
import type { Change, State } from "../state/state.ts";
import { type LinkBases, linksOf } from "./links.ts";
import { isAcked } from "./told.ts";
import { put, type Truth } from "./truth.ts";
import { causeText, summaryOf } from "./words.ts";

/** An element of `GET /api/alerts`: the contract in `docs/api.md`. */
export interface AlertJson {
  id: string;
  rule: string;
  target: string;
  severity: Severity;
  state: "firing" | "resolved";
  cause: string | null;
  /** The cause as a person would say it, with the readings behind it. */
  cause_text: string | null;
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

const MAX_SILENCE_MS = 7 * 86_400_000;

/** What people read and do: the alerts in the contract's shape, ack, silence and their undoing. `changed` tells the channels. */
export function createDesk(state: State, clock: SteadyClock, truth: Truth, links: LinkBases, changed: () => void) {
  function asJson(incident: Incident): AlertJson {
    const iso = (wallMs: number) => new Date(wallMs).toISOString();
    const { wallMs } = clock.now();
    const silencedUntil = truth.instanceOf(incident)?.silencedUntilWallMs ?? null;
    return {
      id: incident.id,
      rule: incident.rule,
      target: incident.target,
      severity: incident.severity,
      state: incident.state === "resolved" ? "resolved" : "firing",
      cause: incident.cause,
      cause_text: causeText(incident) ?? null,
      summary: summaryOf(incident),
      started_at: iso(incident.startedWallMs),
      fired_at: iso(incident.firedWallMs),
      resolved_at: incident.resolvedWallMs === null ? null : iso(incident.resolvedWallMs),
      acked_by: isAcked(incident, clock.now()) ? incident.ackedBy : null,
      silenced_until: silencedUntil !== null && silencedUntil > wallMs ? iso(silencedUntil) : null,
      inhibited_by: incident.inhibitedBy,
      links: linksOf(incident, links),
      trace_ids: incident.traceIds,
    };
  }

  /** Changes an open incident and its instance, then plans edits and what may now be said. */
  function act(
    id: string,
    change: (incident: Incident, instance: Instance, now: Now) => Change[],
  ): AlertJson | undefined {
    const incident = state.get("incident", id.replace(/^#/, "").toUpperCase());
    const instance = incident && truth.instanceOf(incident);
    if (incident === undefined || instance === undefined || incident.state === "resolved") return undefined;
    const now = clock.now();
    state.stage(change(incident, instance, now));
    changed();
    return asJson(state.get("incident", incident.id) ?? incident);
  }

  const actions = {
    /** No repeats until the resolve, a higher severity or 24 h. undefined: no such incident, or it is over. */
    ack: (id: string, by: string): AlertJson | undefined =>
      act(id, (incident, _, now) => [put.incident({ ...incident, ackedBy: by, ackedAtMs: now.atMs })]),
    /** No messages of this rule on this target for a while, at most 7 days; the truth is compared with the told after it. */
    silence: (id: string, forMs: number, by: string) =>
      act(id, (_, instance, now) => {
        const untilWallMs = now.wallMs + Math.min(forMs, MAX_SILENCE_MS);
        return [put.instance({ ...instance, silencedUntilWallMs: untilWallMs, silencedBy: by })];
      }),
    /** Takes back ack and silence. */
    undo: (id: string) =>
      act(id, (incident, instance) => [
        put.incident({ ...incident, ackedBy: null, ackedAtMs: null }),
        put.instance({ ...instance, silencedUntilWallMs: null, silencedBy: null }),
      ]),
  };

  function press(pressed: Press): string {
    const incident = state.get("incident", pressed.incident);
    if (incident === undefined || incident.nonce !== pressed.nonce) return "Unknown incident.";
    const { id, by, forMs } = { ...pressed, id: incident.id };
    const done =
      pressed.action === "ack"
        ? actions.ack(id, by)
        : pressed.action === "silence"
          ? actions.silence(id, forMs, by)
          : actions.undo(id);
    if (done === undefined) return `#${id} is over.`;
    return pressed.action === "undo"
      ? `#${id} speaks again.`
      : `#${id}: ${pressed.action === "ack" ? "acknowledged" : "silenced"}.`;
  }

  return {
    /** Newest first. */
    alerts: (filter: "firing" | "resolved" | "all"): AlertJson[] =>
      state
        .all("incident")
        .filter(({ state: now }) => filter === "all" || (filter === "resolved") === (now === "resolved"))
        .sort((a, b) => b.firedAtMs - a.firedAtMs)
        .map(asJson),
    ...actions,
    /** A pressed button; the answer is what the person reads. */
    press,
  };
}
