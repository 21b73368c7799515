import type { DatabaseSync } from "node:sqlite";
import type { ObservedCall } from "../storage/database.ts";

/** A message that is sent later: a reminder, or a reply that could not be sent when it was made. */
export interface LateMessage {
  kind: "reply" | "reminder";
  chatId: number;
  /** Forum topic. */
  threadId?: number | undefined;
  /** HTML, at most one message long. */
  text: string;
  /** Wall clock, Unix milliseconds. */
  dueAt: number;
  correlationId: string;
  /** Unique; the same again changes nothing. */
  origin?: string;
}

export interface QueuedMessage extends LateMessage {
  id: number;
  attempts: number;
  createdAt: number;
}

export interface Outbound {
  /** Returns false when a message of the same origin is there already. */
  put: (message: LateMessage) => boolean;
  /** The message that is due next, with its wall-clock time. */
  next: () => QueuedMessage | undefined;
  sent: (id: number) => void;
  /** Tries again at `dueAt`; replies of the same chat wait behind it. */
  postpone: (message: QueuedMessage, dueAt: number) => void;
  /** Replies to this chat are waiting: a new one must queue behind them. */
  hasReplies: (chatId: number) => boolean;
  /** Reminders that have not fired, earliest first. */
  reminders: (chatId: number) => QueuedMessage[];
}

const COLUMNS = `id, kind, chat_id AS chatId, thread_id AS threadId, text, due_at AS dueAt, attempts,
  correlation_id AS correlationId, created_at AS createdAt`;

export function createOutbound(db: DatabaseSync, now: () => number, observed: ObservedCall): Outbound {
  const insert = db.prepare(
    `INSERT INTO outbound (kind, chat_id, thread_id, text, due_at, correlation_id, created_at, origin)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (origin) DO NOTHING`,
  );
  const lastReply = db.prepare("SELECT max(due_at) AS dueAt FROM outbound WHERE chat_id = ? AND kind = 'reply'");
  const next = db.prepare(`SELECT ${COLUMNS} FROM outbound ORDER BY due_at, id LIMIT 1`);
  const remove = db.prepare("DELETE FROM outbound WHERE id = ?");
  const attempt = db.prepare("UPDATE outbound SET attempts = attempts + 1 WHERE id = ?");
  const delay = db.prepare(
    "UPDATE outbound SET due_at = max(due_at, ?) WHERE chat_id = ? AND (id = ? OR kind = 'reply')",
  );
  const waiting = db.prepare("SELECT 1 FROM outbound WHERE chat_id = ? AND kind = 'reply' LIMIT 1");
  const reminders = db.prepare(
    `SELECT ${COLUMNS} FROM outbound WHERE chat_id = ? AND kind = 'reminder' ORDER BY due_at, id`,
  );
  return {
    put(message) {
      const { kind, chatId, threadId, text, correlationId, origin } = message;
      return observed("INSERT", "outbound", () => {
        // Not before the reply it queues behind, which may have been postponed.
        const behind = kind === "reply" ? Number(lastReply.get(chatId)?.["dueAt"] ?? 0) : 0;
        const dueAt = Math.max(message.dueAt, behind);
        const values = [kind, chatId, threadId ?? null, text, dueAt, correlationId, now(), origin ?? null];
        return insert.run(...values).changes === 1;
      });
    },
    next: () => next.get() as unknown as QueuedMessage | undefined,
    sent: (id) => void remove.run(id),
    postpone(message, dueAt) {
      attempt.run(message.id);
      delay.run(dueAt, message.chatId, message.id);
    },
    hasReplies: (chatId) => waiting.get(chatId) !== undefined,
    reminders: (chatId) => observed("SELECT", "outbound", () => reminders.all(chatId) as unknown as QueuedMessage[]),
  };
}
