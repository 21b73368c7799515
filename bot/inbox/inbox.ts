import type { DatabaseSync } from "node:sqlite";
import type { Update } from "grammy/types";
import { inTransaction } from "../storage/database.ts";
import { bounded } from "../bounded.ts";
import { chatKey } from "./chat-key.ts";

/** An update that crashed the process this often is put aside, so that it cannot crash it for ever. */
export const MAX_ATTEMPTS = 3;

/** An update on its way to the handlers. */
export interface InboxItem {
  update: Update;
  /** 32 hex digits: the trace id of the update's first trace. */
  correlationId: string;
  /** Was given to the handlers before, by a process that did not live to see the end. */
  replayed: boolean;
}

interface Row {
  update_id: number;
  chat_key: string;
  correlation_id: string;
  attempts: number;
  payload: string;
}

export interface Inbox {
  /** Stores what a poll brought; only when this has returned may the next poll confirm it. */
  commit: (updates: readonly Update[]) => { fresh: Update[]; duplicates: number };
  /** The oldest update of each chat that has none in work, oldest first; each counts as one more attempt. */
  take: (limit: number) => InboxItem[];
  /** Handled: successfully, or so that trying again would not help. */
  finish: (updateId: number) => void;
  /** At start: what was in work is pending again. Returns how many those are. */
  recover: () => number;
  /** Puts aside what has used up its attempts and returns it. */
  bury: () => InboxItem[];
  /** Offset for the next poll; 0: from the beginning. */
  nextOffset: () => number;
  pending: () => number;
  /** Forgets handled updates received before `wallMs`. */
  purge: (wallMs: number) => void;
}

export interface InboxOptions {
  botId: number;
  /** Wall clock, Unix milliseconds. */
  now: () => number;
  /** A new trace id, 32 hex digits. */
  newCorrelationId: () => string;
}

/** Telegram keeps an update for 24 hours; longer than that none can come again. */
const RESEND_MS = 25 * 3_600_000;

/** The durable inbox: one state per update and no "highest completed" mark, so that nothing is skipped under concurrency. */
export function createInbox(db: DatabaseSync, { botId, now, newCorrelationId }: InboxOptions): Inbox {
  const insert = db.prepare(
    `INSERT INTO inbox (bot_id, update_id, chat_key, correlation_id, received_at, payload)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  // SQLite takes the bare columns from the row that has the minimum.
  const heads = db.prepare(
    `SELECT min(update_id) AS update_id, state, chat_key, correlation_id, attempts, payload FROM inbox
     WHERE bot_id = ? AND state IN ('pending', 'running')
     GROUP BY bot_id, chat_key HAVING state = 'pending' ORDER BY update_id LIMIT ?`,
  );
  const start = db.prepare(
    "UPDATE inbox SET state = 'running', attempts = attempts + 1 WHERE bot_id = ? AND update_id = ?",
  );
  const done = db.prepare("UPDATE inbox SET state = 'done', payload = NULL WHERE bot_id = ? AND update_id = ?");
  const running = db.prepare(
    "SELECT count(*) AS n, max(attempts) AS most FROM inbox WHERE bot_id = ? AND state = 'running'",
  );
  const exhausted = db.prepare("SELECT * FROM inbox WHERE bot_id = ? AND state = 'pending' AND attempts >= ?");
  const dead = db.prepare("UPDATE inbox SET state = 'dead' WHERE bot_id = ? AND update_id = ?");
  const open = db.prepare("SELECT count(*) AS n FROM inbox WHERE bot_id = ? AND state = 'pending'");
  const last = db.prepare("SELECT max(update_id) AS id FROM inbox WHERE bot_id = ? AND received_at > ?");
  const purge = db.prepare("DELETE FROM inbox WHERE state IN ('done', 'dead') AND received_at < ?");
  const recover = db.prepare("UPDATE inbox SET state = 'pending' WHERE bot_id = ? AND state = 'running'");
  // The very objects that the poll brought carry the link to its span, and need no parsing.
  const recent = bounded<number, Update>(1000);
  // A full disk can refuse the mark of an update that is handled: it is set later rather than handled again.
  const unmarked = new Set<number>();

  const mark = (updateId: number): void => {
    unmarked.add(updateId);
    for (const id of unmarked) {
      done.run(botId, id);
      unmarked.delete(id);
    }
  };

  const item = (row: Row): InboxItem => ({
    update: recent.get(row.update_id) ?? (JSON.parse(row.payload) as Update),
    correlationId: row.correlation_id,
    replayed: row.attempts > 0,
  });

  return {
    commit(updates) {
      const receivedAt = now();
      const fresh = inTransaction(db, () =>
        updates.filter((update) => {
          const payload = JSON.stringify(update);
          const key = chatKey(update);
          const id = newCorrelationId();
          return insert.run(botId, update.update_id, key, id, receivedAt, payload).changes === 1;
        }),
      );
      for (const update of fresh) recent.set(update.update_id, update);
      return { fresh, duplicates: updates.length - fresh.length };
    },

    take(limit) {
      const { n, most } = running.get(botId) as { n: number; most: number | null };
      // The last try is made alone: if it ends the process, no innocent update loses a try with it.
      if (most === MAX_ATTEMPTS) return [];
      const rows = heads.all(botId, limit) as unknown as Row[];
      const lastTry = rows.find((row) => row.attempts === MAX_ATTEMPTS - 1);
      const taken = lastTry === undefined ? rows : n === 0 ? [lastTry] : [];
      if (taken.length > 0) inTransaction(db, () => taken.forEach((row) => start.run(botId, row.update_id)));
      return taken.map(item);
    },

    finish: mark,
    recover: () => Number(recover.run(botId).changes),

    bury() {
      const rows = exhausted.all(botId, MAX_ATTEMPTS) as unknown as Row[];
      inTransaction(db, () => rows.forEach((row) => dead.run(botId, row.update_id)));
      return rows.map(item);
    },

    nextOffset() {
      const { id } = last.get(botId, now() - RESEND_MS) as { id: number | null };
      return id === null ? 0 : id + 1;
    },
    pending: () => Number(open.get(botId)?.["n"]),
    purge: (wallMs) => void purge.run(Math.min(wallMs, now() - RESEND_MS)),
  };
}
