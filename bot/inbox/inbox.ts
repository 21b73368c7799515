import type { DatabaseSync } from "node:sqlite";
import type { Update } from "grammy/types";
import { inTransaction } from "../storage/database.ts";
import { bounded } from "../bounded.ts";
import { chatKey } from "./chat-key.ts";
import { createLines } from "./lines.ts";

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
  /** Handled: successfully, or so that trying again would not help. On the disk with the next `take` or `flush`. */
  finish: (updateId: number) => void;
  /** Writes what `finish` was told; throws when the disk refuses, and keeps it for the next time. */
  flush: () => void;
  /**
   * At start: what was in work is pending again. Returns how many those are. After a clean stop it was the drain that
   * cut them off: this attempt ended no process.
   */
  recover: (afterCleanStop?: boolean) => number;
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

/** By its index, which SQLite neither takes by itself nor without these words of its own: else each look reads a week of rows. */
const OPEN = "inbox INDEXED BY inbox_open";
const IS_OPEN = "bot_id = ? AND state IN ('pending', 'running')";

/** Telegram keeps an update for 24 hours; longer than that none can come again. */
const RESEND_MS = 25 * 3_600_000;

/** The durable inbox: one state per update and no "highest completed" mark, so that nothing is skipped under concurrency. */
export function createInbox(db: DatabaseSync, { botId, now, newCorrelationId }: InboxOptions): Inbox {
  const insert = db.prepare(
    `INSERT INTO inbox (bot_id, update_id, chat_key, correlation_id, received_at, payload)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const open = db.prepare(
    `SELECT update_id, chat_key FROM ${OPEN} WHERE ${IS_OPEN} AND state = 'pending' ORDER BY update_id`,
  );
  const read = db.prepare("SELECT * FROM inbox WHERE bot_id = ? AND update_id = ?");
  const start = db.prepare(
    "UPDATE inbox SET state = 'running', attempts = attempts + 1 WHERE bot_id = ? AND update_id = ?",
  );
  const done = db.prepare("UPDATE inbox SET state = 'done', payload = NULL WHERE bot_id = ? AND update_id = ?");
  const exhausted = db.prepare(`SELECT * FROM ${OPEN} WHERE ${IS_OPEN} AND state = 'pending' AND attempts >= ?`);
  const dead = db.prepare("UPDATE inbox SET state = 'dead' WHERE bot_id = ? AND update_id = ?");
  const pending = db.prepare(`SELECT count(*) AS n FROM ${OPEN} WHERE ${IS_OPEN} AND state = 'pending'`);
  const last = db.prepare("SELECT max(update_id) AS id FROM inbox WHERE bot_id = ? AND received_at > ?");
  const purge = db.prepare("DELETE FROM inbox WHERE state IN ('done', 'dead') AND received_at < ?");
  const recover = db.prepare(
    `UPDATE ${OPEN} SET state = 'pending', attempts = max(1, attempts - ?) WHERE ${IS_OPEN} AND state = 'running'`,
  );
  // The very objects that the poll brought carry the link to its span, and need no parsing.
  const recent = bounded<number, Update>(1000);
  // Which updates are open, so that the next one is found without a look through the table; the first `take` reads it.
  const lines = createLines();
  let loaded = false;
  // Handled, not yet marked so: written together with the next start, because each commit waits for the disk.
  const unmarked = new Set<number>();
  let lastTry: number | undefined;

  function write(started: readonly Row[]): void {
    if (unmarked.size === 0 && started.length === 0) return;
    inTransaction(db, () => {
      for (const id of unmarked) done.run(botId, id);
      for (const row of started) start.run(botId, row.update_id);
    });
    unmarked.clear();
  }

  function load(): void {
    for (const row of open.all(botId)) lines.add(String(row["chat_key"]), Number(row["update_id"]));
    loaded = true;
  }

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
      for (const update of fresh) {
        recent.set(update.update_id, update);
        if (loaded) lines.add(chatKey(update), update.update_id);
      }
      return { fresh, duplicates: updates.length - fresh.length };
    },

    take(limit) {
      if (!loaded) load();
      // The last try is made alone: if it ends the process, no innocent update loses a try with it.
      const heads = lastTry === undefined ? lines.heads(limit) : [];
      const rows = heads.map((id) => read.get(botId, id) as unknown as Row);
      const last = rows.find((row) => row.attempts === MAX_ATTEMPTS - 1);
      const taken = last === undefined ? rows : lines.atWork() === 0 ? [last] : [];
      write(taken);
      if (last !== undefined && taken.length > 0) lastTry = last.update_id;
      for (const row of taken) lines.start(row.update_id);
      return taken.map(item);
    },

    finish(updateId) {
      unmarked.add(updateId);
      if (updateId === lastTry) lastTry = undefined;
      lines.finish(updateId);
    },
    flush: () => write([]),
    recover: (afterCleanStop = false) => Number(recover.run(Number(afterCleanStop), botId).changes),

    bury() {
      const rows = exhausted.all(botId, MAX_ATTEMPTS) as unknown as Row[];
      inTransaction(db, () => rows.forEach((row) => dead.run(botId, row.update_id)));
      return rows.map(item);
    },

    nextOffset() {
      const { id } = last.get(botId, now() - RESEND_MS) as { id: number | null };
      return id === null ? 0 : id + 1;
    },
    pending: () => Number(pending.get(botId)?.["n"]),
    purge: (wallMs) => void purge.run(Math.min(wallMs, now() - RESEND_MS)),
  };
}
