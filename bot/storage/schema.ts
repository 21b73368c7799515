import type { DatabaseSync } from "node:sqlite";

/** Step n brings a database from `user_version` n to n + 1. Released steps are never edited. */
const STEPS = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  -- One row per update, keyed to the bot: another token in the same DATA_DIR starts anew.
  -- The payload is dropped when the update is done; the row stays a while to recognise a repeated delivery.
  CREATE TABLE inbox (
    bot_id INTEGER NOT NULL,
    update_id INTEGER NOT NULL,
    chat_key TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'done', 'dead')) DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    payload TEXT,
    PRIMARY KEY (bot_id, update_id)
  ) STRICT;
  CREATE INDEX inbox_open ON inbox (bot_id, chat_key, update_id) WHERE state IN ('pending', 'running');
  CREATE INDEX inbox_age ON inbox (received_at) WHERE state IN ('done', 'dead');

  -- origin is the correlation id of the update: a replayed command finds its first result instead of doing it twice.
  CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    chat_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    origin TEXT NOT NULL UNIQUE,
    UNIQUE (chat_id, number)
  ) STRICT;
  CREATE INDEX tasks_open ON tasks (chat_id, number) WHERE done_at IS NULL;

  -- Messages that are sent later: reminders, and replies that a flood wait or an outage held back.
  CREATE TABLE outbound (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('reply', 'reminder')),
    chat_id INTEGER NOT NULL,
    thread_id INTEGER,
    text TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    correlation_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    origin TEXT UNIQUE
  ) STRICT;
  CREATE INDEX outbound_due ON outbound (due_at);
  CREATE INDEX outbound_chat ON outbound (chat_id, kind);
  `,
];

/**
 * Brings the schema up to date, each step in a transaction.
 * @throws when the database was written by a newer version
 */
export function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (version > STEPS.length) {
    throw new Error(`its schema ${version} is newer than this bot knows (${STEPS.length}); start the newer version`);
  }
  for (const [index, step] of STEPS.entries()) {
    if (index < version) continue;
    db.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
