import type { Message } from "../state/records.ts";

export type { Message } from "../state/records.ts";

/** What came back, unjudged: `outbox/classify.ts` says what it means. */
export type Answer =
  | { answered: true; status: number; text: string; retryAfter: string | null }
  /** `written`: the request had left, so the other side may have acted on it. `code` is Node's or undici's. */
  | { answered: false; code: string; written: boolean };

/** What was learnt of the way to this channel and is kept across restarts. */
export interface Route {
  /** Where Telegram said the chat has gone. */
  movedTo: number | null;
  withoutThread: boolean;
  /** The formatted form was refused: plain text, no keyboard. */
  plain: boolean;
}

export interface Channel {
  name: string;
  /** Whose error words the answers use. */
  dialect: "telegram" | "http";
  /** Sends may be edited later. */
  edits: boolean;
  /** Several incidents may come as one message; otherwise each comes alone. */
  digests: boolean;
  /** Shortest time between two sends, and how many a minute. */
  pace: { everyMs: number; perMinute: number };
  /** Never rejects for what the other side does. `signal` is the deadline. */
  send: (message: Message, route: Route, signal: AbortSignal) => Promise<Answer>;
  /** Something that forgets what is not said again: called about every minute with all it should know. */
  refresh?: (firing: Message[], signal: AbortSignal) => Promise<void>;
  close: () => Promise<void>;
}
