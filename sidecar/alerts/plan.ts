import type { Incident, Kind, OutboxRow } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import type { Change, State } from "../state/state.ts";
import { type ChannelPolicy, isOpenRow, put, type Truth } from "./truth.ts";

/**
 * One row for every message that a channel should now get and has not in hand: what it says is decided again when it is
 * sent. Edits have rows of their own, at most one per incident and channel.
 */
export function plan(state: State, truth: Truth, channels: ChannelPolicy[], now: Now): Change[] {
  // In hand, or given up after seven days: neither is queued again.
  const open = new Set(
    state
      .all("outbox")
      .filter((row) => isOpenRow(row) || row.state === "expired")
      .map((row) => slot(row.incident, row.channel, row.kind)),
  );
  let lastId = Math.max(0, ...state.all("outbox").map(({ id }) => id));
  const changes: Change[] = [];
  const enqueue = (incident: Incident, channel: string, kind: Kind) => {
    if (open.has(slot(incident.id, channel, kind))) return;
    changes.push(put.row(newRow(++lastId, incident.id, channel, kind, now)));
  };

  for (const incident of truth.recent(now)) {
    for (const channel of channels) {
      const kind = truth.say(incident, channel, now);
      if (kind !== undefined && !tellsWithNewer(truth, incident, channel, now)) enqueue(incident, channel.name, kind);
      const told = truth.told(incident.id, channel.name);
      if (channel.edits && told !== undefined && told.messageId !== null) {
        const face = truth.face(incident, channel.name, truth.childrenOf(incident), now);
        // The edit follows the reply that resolves, so that the chat reads in order.
        if (face !== told.face && kind === undefined) enqueue(incident, channel.name, "edit");
      }
    }
  }
  return changes;
}

/** A newer incident of the same instance is about to be told as firing: its message tells of this one too. */
function tellsWithNewer(truth: Truth, incident: Incident, channel: ChannelPolicy, now: Now): boolean {
  return (
    incident.state === "resolved" &&
    truth
      .siblings(incident)
      .some((other) => other.firedAtMs > incident.firedAtMs && truth.say(other, channel, now) === "firing")
  );
}

const slot = (incident: string | null, channel: string, kind: Kind) =>
  `${incident}/${channel}/${kind === "edit" ? "edit" : "message"}`;

export const newRow = (id: number, incident: string | null, channel: string, kind: Kind, now: Now): OutboxRow => ({
  id,
  incident,
  channel,
  kind,
  state: "queued",
  attempts: 0,
  createdAtMs: now.atMs,
  createdWallMs: now.wallMs,
  nextAtMs: now.atMs,
  sentWallMs: null,
  updatedWallMs: now.wallMs,
  messageId: null,
  into: null,
  answer: null,
  ambiguous: false,
  plain: false,
});
