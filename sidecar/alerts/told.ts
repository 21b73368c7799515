import type { Incident, Severity, Told } from "../state/records.ts";
import type { Now } from "../state/steady.ts";

/** Why an open incident keeps quiet now. */
export interface Overlays {
  acked: boolean;
  silenced: boolean;
  /** Inhibited, or held by an inhibitor that may be about to fire. */
  inhibited: boolean;
  /** The instance flaps and this channel was told so. */
  flapping: boolean;
}
export type Say = "firing" | "repeat" | "worse" | "resolved" | "missed";

const HOUR = 3_600_000;
const GAPS_MS = [HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR];
const ACK_LASTS_MS = 24 * HOUR;

/** How long after the last message of a firing the next one comes: 1 h, 2 h, 4 h, 8 h, then every 24 h. */
export const repeatGapMs = (repeats: number): number => GAPS_MS[repeats] ?? 24 * HOUR;

/** An ack ends with a higher severity (the engine clears it), the resolve, or after 24 h. */
export const isAcked = (incident: Incident, now: Now): boolean =>
  incident.ackedAtMs !== null && now.atMs - incident.ackedAtMs < ACK_LASTS_MS;

export const maySpeak = (overlays: Overlays): boolean =>
  !overlays.acked && !overlays.silenced && !overlays.inhibited && !overlays.flapping;

const higher = (now: Severity, then: Severity) => now === "critical" && then === "warning";

/**
 * What a channel must be told now: the truth against what it was told, never against the previous reading
 * `wanted`: this channel is one that firing messages go to.
 */
export function decide(
  incident: Incident,
  told: Told | undefined,
  overlays: Overlays,
  wanted: boolean,
  now: Now,
  channel: string,
): Say | undefined {
  if (incident.state !== "resolved") {
    if (!maySpeak(overlays)) return undefined;
    // What nobody was told of may be over in a moment: then it is one missed outage, not a firing and its end.
    if (told === undefined) return wanted && incident.state === "firing" ? "firing" : undefined;
    if (told.state === "resolved") return undefined;
    if (higher(incident.severity, told.severity)) return "worse";
    // "Still disconnected" of what has just come back would be false; a dip is reminded of.
    if (incident.state === "recovering") return undefined;
    return now.atMs - told.saidAtMs >= repeatGapMs(told.repeats) ? "repeat" : undefined;
  }
  if (told?.state === "firing") return overlays.flapping ? undefined : "resolved";
  return told === undefined && incident.free[channel] !== undefined ? "missed" : undefined;
}
