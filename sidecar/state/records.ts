/**
 * What is kept in state.db, and the shapes that pass between those who decide (`alerts/`) and those who deliver
 * (`outbox/`, `channels/`). Times named `…AtMs` are of the steady clock (`steady.ts`), `…WallMs` are Unix milliseconds.
 */
export type Severity = "warning" | "critical";
/** What a reading gave for people and templates: short names, plain values. */
export type Facts = Record<string, string | number | boolean | string[] | null>;

/** One rule on one target: where its state machine stands. */
export interface Instance {
  rule: string;
  target: string;
  state: "ok" | "pending" | "firing" | "recovering";
  /** When `state` was entered. */
  sinceAtMs: number;
  /** The first breach of this pending or firing stretch. */
  breachSinceAtMs: number | null;
  breachSinceWallMs: number | null;
  severity: Severity;
  /** Of the firing or recovering incident. */
  incident: string | null;
  /** Breaches that ended before `for`. */
  blips: number;
  /** When the last incidents fired, for flap detection. */
  firedAtMs: number[];
  /** Since when it fires and clears too often to tell of each; null: it does not. */
  flappingSinceAtMs: number | null;
  silencedUntilWallMs: number | null;
  silencedBy: string | null;
  /** Since when the target has looked as if this rule might come to fire; holds the messages of its symptoms. */
  suspectSinceAtMs: number | null;
  /** Since when the reading is `unknown`. */
  unknownSinceAtMs: number | null;
}

/** An error group as the telemetry store tells it. */
export interface ErrorGroup {
  fingerprint: string;
  count: number;
  isNew: boolean;
  traceId: string | null;
}

/** What takes most of the time in the slowest traces. */
export interface Slowest {
  kind: "database" | "api_call" | "dependency" | "handler";
  /** Of the span: `INSERT tasks`, `sendMessage`, `POST whisper:9000`; of the handler `/add`. */
  name: string;
  /** 0 to 1. */
  share: number;
  traceId: string;
}

export interface Incident {
  /** Four characters, shown as `#K7F2`. */
  id: string;
  /** In its buttons: a press with another one is of an older life. */
  nonce: string;
  rule: string;
  target: string;
  severity: Severity;
  state: "firing" | "recovering" | "resolved";
  /** Rises with the severity. */
  seq: number;
  cause: string | null;
  facts: Facts;
  errors: ErrorGroup[];
  /** Of slow answers, where the store has traces of them. */
  slowest?: Slowest;
  traceIds: string[];
  startedAtMs: number;
  startedWallMs: number;
  firedAtMs: number;
  firedWallMs: number;
  /** When the breach ended, not when the recovery was believed. */
  clearedAtMs: number | null;
  clearedWallMs: number | null;
  resolvedAtMs: number | null;
  resolvedWallMs: number | null;
  /** It ended because nobody looks any more: the configuration does not name it, or turned its rule off. */
  unwatched?: true;
  dips: number;
  ackedBy: string | null;
  ackedAtMs: number | null;
  /** The incident that explains this one. */
  inhibitedBy: string | null;
  /** An inhibitor may be about to fire: wait for it. */
  held: boolean;
  /** Fired while its instance was flapping: the first of these tells so, the others are quiet. */
  flapping: boolean;
  /** Channels on which it was free to speak at some time after it fired, and since when. */
  free: Record<string, number>;
}

/** What one channel was told of one incident; written only when the channel accepted a message. */
export interface Told {
  incident: string;
  channel: string;
  state: "firing" | "resolved";
  seq: number;
  severity: Severity;
  repeats: number;
  /** When the last loud or silent message was accepted (not an edit). */
  saidAtMs: number;
  firstSaidWallMs: number;
  /** Of the firing message, where the channel knows such; null: nothing to edit. */
  messageId: number | null;
  /** What the firing message shows now; differs from the truth's face: an edit is due. */
  face: string;
}

export type Kind = "firing" | "repeat" | "worse" | "resolved" | "missed" | "edit" | "digest" | "test";
export type RowState = "queued" | "sending" | "sent" | "ambiguous" | "parked" | "collapsed" | "expired";

/** One message to one channel: a line of the ledger. */
export interface OutboxRow {
  id: number;
  incident: string | null;
  channel: string;
  kind: Kind;
  state: RowState;
  attempts: number;
  createdAtMs: number;
  createdWallMs: number;
  /** Not before. */
  nextAtMs: number;
  sentWallMs: number | null;
  updatedWallMs: number;
  messageId: number | null;
  /** The row that carries this one's content. */
  into: number | null;
  /** Class of the last answer and the other side's own words. */
  answer: { class: string; description: string } | null;
  /** An attempt of this row may have arrived: the next one is marked. */
  ambiguous: boolean;
  /** What its attempts said. Of an ambiguous row that may have arrived; absent: never tried. */
  says?: Pick<Told, "incident" | "state">[];
  /** The formatted form was refused once: plain text now. */
  plain: boolean;
}

/** What is known of a channel across restarts. */
export interface ChannelStatus {
  channel: string;
  /** A human is needed; nothing is sent but one probe every 15 minutes. */
  parked: { class: "address" | "token"; description: string; sinceWallMs: number; probeAtMs: number } | null;
  floodUntilAtMs: number | null;
  /** Where Telegram said the chat has gone. */
  movedTo: number | null;
  /** The topic is gone or closed: send without it. */
  withoutThread: boolean;
  warning: string | null;
  lastSentWallMs: number | null;
}

export interface Button {
  text: string;
  /** Exactly one of the two. */
  url?: string;
  data?: string;
}
/** A message as channels get it: every form of it is there, each takes what it can show. */
export interface Message {
  kind: Kind;
  incident: string | null;
  rule: string;
  target: string;
  severity: Severity;
  status: "firing" | "resolved";
  title: string;
  html: string;
  /** The same without formatting and keyboard. */
  plain: string;
  silent: boolean;
  buttons: Button[][];
  replyTo: number | null;
  /** Edit this message instead of sending one. */
  edit: number | null;
  startsWallMs: number;
  endsWallMs: number | null;
  cause: string | null;
  links: { dashboard: string | null; trace: string | null; runbook: string | null };
  traceIds: string[];
}

/** What is to be sent for a row now: decided from the truth, not from what held when the row was queued. */
export interface Composed {
  message: Message;
  /** Rows whose content is in this message; the first carries it, the others become `collapsed`. */
  rows: number[];
  /** To be written together with `sent`. `messageId` is filled in by the sender where it is undefined. */
  told: (Omit<Told, "messageId"> & { messageId: number | null | undefined })[];
}

/** What an action button asks for; the nonce must be its incident's. */
export interface Press {
  action: "ack" | "silence" | "undo";
  incident: string;
  nonce: string;
  /** Of a silence. */
  forMs: number;
  by: string;
}
