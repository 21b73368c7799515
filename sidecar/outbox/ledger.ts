import type { ChannelStatus, Composed, OutboxRow, Told } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import type { Change } from "../state/state.ts";
import type { Verdict } from "./classify.ts";

const MINUTE_MS = 60_000;
export const PROBE_EVERY_MS = 15 * MINUTE_MS;
const EXPIRES_MS = 7 * 86_400_000;
const RETRY_CAP_MS = 5 * MINUTE_MS;
const RETRY_FIRST_MS = 5000;

export const OPEN_STATES = new Set(["queued", "sending", "ambiguous", "parked"]);

/** When to try again what nobody answered: 5 s → 5 min, full jitter, for as long as the row lives. */
export const nextAttemptMs = (attempts: number, random: () => number): number =>
  random() * Math.min(RETRY_CAP_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 10));

export const noStatus = (channel: string): ChannelStatus => ({
  channel,
  parked: null,
  floodUntilAtMs: null,
  movedTo: null,
  withoutThread: false,
  warning: null,
  lastSentWallMs: null,
});

const put = (row: OutboxRow): Change => ({ table: "outbox", key: String(row.id), value: row });
const putStatus = (status: ChannelStatus): Change => ({ table: "channel", key: status.channel, value: status });
const putTold = (told: Told): Change => ({ table: "told", key: `${told.incident}/${told.channel}`, value: told });

/** A crash between `sending` and the answer: nobody knows whether it arrived. */
export const recovered = (rows: OutboxRow[], now: Now): Change[] =>
  rows
    .filter(({ state }) => state === "sending")
    .map((row) => put({ ...row, state: "ambiguous", ambiguous: true, nextAtMs: now.atMs, updatedWallMs: now.wallMs }));

export const expired = (rows: OutboxRow[], now: Now): Change[] =>
  rows
    .filter((row) => OPEN_STATES.has(row.state) && now.atMs - row.createdAtMs > EXPIRES_MS)
    .map((row) => put({ ...row, state: "expired", updatedWallMs: now.wallMs }));

/** Another message has said it, or nothing is to be said any more (`into: null`). */
export const collapsed = (rows: OutboxRow[], into: number | null, now: Now): Change[] =>
  rows.map((row) => put({ ...row, state: "collapsed", into, updatedWallMs: now.wallMs }));

/** Written before the request leaves. What an earlier attempt may have said stays with an ambiguous row. */
export const sending = (rows: OutboxRow[], { told }: Pick<Composed, "told">, now: Now): Change[] => {
  const says = told.map(({ incident, state }) => ({ incident, state }));
  return rows.map((row) =>
    put({
      ...row,
      state: "sending",
      attempts: row.attempts + 1,
      updatedWallMs: now.wallMs,
      says: row.ambiguous ? [...(row.says ?? []), ...says] : says,
    }),
  );
};

/** The channel's troubles hold every message for it: they are shown as parked, and wait with it. */
export const parkedWith = (rows: OutboxRow[], status: ChannelStatus, now: Now): Change[] =>
  rows
    .filter(({ state }) => state === "queued" || state === "ambiguous")
    .map((row) =>
      put({
        ...row,
        state: "parked",
        nextAtMs: status.parked?.probeAtMs ?? now.atMs,
        updatedWallMs: now.wallMs,
        answer: status.parked && { class: status.parked.class, description: status.parked.description },
      }),
    );

/** What the answer does to rows, told and channel: one transaction. `rows` are those that were `sending`. */
export function settled(
  verdict: Verdict,
  rows: OutboxRow[],
  composed: Composed,
  before: ChannelStatus,
  now: Now,
  random: () => number,
): Change[] {
  const answer = { class: verdict.class, description: verdict.description };
  const all = (change: (row: OutboxRow) => Partial<OutboxRow>): Change[] =>
    rows.map((row) => put({ ...row, answer, updatedWallMs: now.wallMs, ...change(row) }));
  const again = (row: OutboxRow, waitMs: number): Partial<OutboxRow> => ({
    state: "queued",
    nextAtMs: now.atMs + waitMs,
    attempts: row.attempts,
  });
  const uncounted = (row: OutboxRow, waitMs: number) => ({ ...again(row, waitMs), attempts: row.attempts - 1 });

  switch (verdict.class) {
    case "sent":
      return sent(verdict.messageId, rows, composed, before, answer, now);
    case "flood": {
      const waitMs = (verdict.retryAfterSeconds + 1) * 1000;
      return [...all((row) => uncounted(row, waitMs)), putStatus({ ...before, floodUntilAtMs: now.atMs + waitMs })];
    }
    case "moved": {
      const warning = `the chat is now ${verdict.chatId}: set ALERT_CHAT_ID`;
      return [...all((row) => uncounted(row, 0)), putStatus({ ...before, movedTo: verdict.chatId, warning })];
    }
    case "topic": {
      if (before.withoutThread) return all(() => parked(now));
      const warning = `${verdict.description}: messages go to General; set ALERT_THREAD_ID`;
      return [...all((row) => uncounted(row, 0)), putStatus({ ...before, withoutThread: true, warning })];
    }
    case "render":
      return all((row) => (row.plain ? parked(now) : { ...again(row, 0), plain: true }));
    case "edit":
      // The firing message is gone: what it should show comes as a new one.
      return [
        ...all((row) => again(row, 0)),
        ...composed.told.map((told) => putTold({ ...told, messageId: null, face: "" })),
      ];
    case "address":
    case "token": {
      const since = before.parked?.class === verdict.class ? before.parked.sinceWallMs : now.wallMs;
      const probeAtMs = now.atMs + PROBE_EVERY_MS;
      const trouble = { class: verdict.class, description: verdict.description, sinceWallMs: since, probeAtMs };
      return [...all(() => parked(now)), putStatus({ ...before, parked: trouble })];
    }
    case "not_sent":
      return all((row) => again(row, nextAttemptMs(row.attempts, random)));
    default: // ambiguous
      // An edit may be repeated freely: it says the same again in the same place.
      return all((row) => ({
        ...again(row, nextAttemptMs(row.attempts, random)),
        ...(row.kind === "edit" ? {} : { state: "ambiguous" as const, ambiguous: true }),
      }));
  }
}

const parked = (now: Now): Partial<OutboxRow> => ({ state: "parked", nextAtMs: now.atMs + PROBE_EVERY_MS });

function sent(
  messageId: number | null,
  rows: OutboxRow[],
  composed: Composed,
  before: ChannelStatus,
  answer: OutboxRow["answer"],
  now: Now,
): Change[] {
  const [first, ...others] = rows;
  if (first === undefined) return [];
  const done = {
    ...first,
    answer,
    state: "sent" as const,
    messageId,
    sentWallMs: now.wallMs,
    updatedWallMs: now.wallMs,
  };
  return [
    put(done),
    ...collapsed(others, first.id, now),
    ...composed.told.map((told) =>
      putTold({ ...told, messageId: told.messageId === undefined ? messageId : told.messageId }),
    ),
    putStatus({ ...before, parked: null, floodUntilAtMs: null, lastSentWallMs: now.wallMs }),
  ];
}
