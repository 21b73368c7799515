import type { Change, State } from "../state/state.ts";
import type { ChannelStatus, Incident, Instance, OutboxRow, Told } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import { decide, isAcked, maySpeak, type Overlays, type Say } from "./told.ts";

/** What a channel gets. One is primary; a second channel gets what the primary could not take, or `always` all. */
export interface ChannelPolicy {
  name: string;
  primary: boolean;
  always: boolean;
  /** Its messages can be edited. */
  edits: boolean;
}

export const keyOf = (rule: string, target: string): string => `${rule}/${target}`;
export const toldKey = (incident: string, channel: string): string => `${incident}/${channel}`;

const ROUTE_CAUSES = new Set(["telegram_unreachable", "dns_broken", "auth_revoked", "wrong_token"]);
const LONG_FLOOD_MS = 60_000;
const OPEN = new Set(["queued", "sending", "ambiguous", "parked"]);
const FORGOTTEN_MS = 7 * 86_400_000;

export const isOpenRow = (row: OutboxRow): boolean => OPEN.has(row.state);

/** A working copy of the state within one tick: changes are seen at once and committed together. */
export function createTruth(state: State, channels: ChannelPolicy[], escalateAfterMs: number) {
  const primary = channels.find((channel) => channel.primary);

  const instanceOf = (incident: Incident): Instance | undefined =>
    state.get("instance", keyOf(incident.rule, incident.target));
  const told = (incident: string, channel: string): Told | undefined => state.get("told", toldKey(incident, channel));
  const status = (channel: string): ChannelStatus | undefined => state.get("channel", channel);
  /** A message that nobody answered may have said so; it may have been dropped since, or be about a sibling as well. */
  const mayKnow = (incident: Incident, channel: string, said: Told["state"]): boolean =>
    state
      .all("outbox")
      .some(
        (row) =>
          row.channel === channel &&
          row.ambiguous &&
          row.says?.some((one) => one.incident === incident.id && one.state === said),
      );
  /** Open incidents, and those that some channel may still have to hear of. */
  const recent = (now: Now): Incident[] =>
    state.all("incident").filter(({ resolvedAtMs }) => resolvedAtMs === null || now.atMs - resolvedAtMs < FORGOTTEN_MS);
  const siblings = (incident: Incident): Incident[] =>
    state.all("incident").filter(({ rule, target }) => rule === incident.rule && target === incident.target);

  function overlays(incident: Incident, channel: string, now: Now): Overlays {
    const instance = instanceOf(incident);
    return {
      acked: isAcked(incident, now),
      silenced: (instance?.silencedUntilWallMs ?? 0) > now.wallMs,
      inhibited: incident.inhibitedBy !== null || incident.held,
      flapping: instance?.flappingSinceAtMs != null && toldOfFlapping(incident, instance.flappingSinceAtMs, channel),
    };
  }

  /** This episode of flapping was announced there: from now on only the settled state counts. */
  function toldOfFlapping(incident: Incident, sinceAtMs: number, channel: string): boolean {
    return siblings(incident).some(
      (other) => other.flapping && other.firedAtMs >= sinceAtMs && told(other.id, channel) !== undefined,
    );
  }

  /** Firing messages of this incident go to this channel. */
  function wanted(incident: Incident, channel: ChannelPolicy, now: Now): boolean {
    if (channel.primary || channel.always || primary === undefined) return true;
    if (told(incident.id, channel.name) !== undefined) return true;
    const first = status(primary.name);
    if (first?.parked || ROUTE_CAUSES.has(incident.cause ?? "")) return true;
    if (incident.severity !== "critical") return false;
    if ((first?.floodUntilAtMs ?? 0) - now.atMs > LONG_FLOOD_MS) return true;
    const sinceAtMs = incident.free[primary.name];
    return (
      told(incident.id, primary.name) === undefined &&
      sinceAtMs !== undefined &&
      now.atMs - sinceAtMs >= escalateAfterMs
    );
  }

  /** What this channel must be told of this incident now. */
  function say(incident: Incident, channel: ChannelPolicy, now: Now): Say | undefined {
    const known = told(incident.id, channel.name);
    const over = overlays(incident, channel.name, now);
    return decide(incident, known, over, wanted(incident, channel, now), now, channel.name);
  }

  /** Marks where the incident was free to speak, so that an outage that ends before it could be told is told as missed. */
  function markFree(incident: Incident, now: Now): Incident {
    if (incident.state !== "firing") return incident;
    const fresh = channels.filter(
      (channel) =>
        incident.free[channel.name] === undefined &&
        wanted(incident, channel, now) &&
        maySpeak(overlays(incident, channel.name, now)),
    );
    if (fresh.length === 0) return incident;
    return {
      ...incident,
      free: { ...incident.free, ...Object.fromEntries(fresh.map(({ name }) => [name, now.atMs])) },
    };
  }

  /** What the firing message shows that may change under it; an edit is due when it differs from what was told. */
  function face(incident: Incident, channel: string, children: Incident[], now: Now): string {
    const { acked, silenced } = overlays(incident, channel, now);
    const repeats = told(incident.id, channel)?.repeats ?? 0;
    const traced = incident.traceIds.length > 0;
    const explained = incident.errors.length > 0; // logs may come after traces
    const open = incident.state === "resolved" ? "over" : "open";
    return [
      open,
      incident.severity,
      incident.cause,
      acked,
      silenced,
      repeats,
      traced,
      explained,
      ...children.map(({ id }) => id),
    ].join(" ");
  }

  /** What it explains, also what was over before it; not what had fired before it began. */
  const childrenOf = ({ id, startedAtMs }: Incident): Incident[] =>
    state.all("incident").filter(({ inhibitedBy, firedAtMs }) => inhibitedBy === id && firedAtMs >= startedAtMs);

  return { instanceOf, told, mayKnow, status, recent, siblings, overlays, wanted, say, markFree, face, childrenOf };
}
export type Truth = ReturnType<typeof createTruth>;

export const put = {
  instance: (value: Instance): Change => ({ table: "instance", key: keyOf(value.rule, value.target), value }),
  incident: (value: Incident): Change => ({ table: "incident", key: value.id, value }),
  row: (value: OutboxRow): Change => ({ table: "outbox", key: String(value.id), value }),
};
