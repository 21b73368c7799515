import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Raised with every change of the tables: telemetry is only kept for days, so an old file is moved aside. */
const VERSION = 3;

const PAGE_BYTES = 4096;
const HEADROOM = 1.25;
/** What the tables and indexes take when nothing is in them, with room to spare. */
const EMPTY_PAGES = 64;

const TABLES = `
  CREATE TABLE spans (
    trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT,
    service TEXT NOT NULL, instance TEXT NOT NULL, name TEXT NOT NULL, kind INTEGER NOT NULL,
    start_ns INTEGER NOT NULL, duration_ns INTEGER NOT NULL,
    status INTEGER NOT NULL, status_message TEXT NOT NULL,
    attributes TEXT NOT NULL, events TEXT, links TEXT,
    PRIMARY KEY (trace_id, span_id)
  ) WITHOUT ROWID;

  -- One row per trace, kept up to date as its spans arrive: lists and searches never touch the spans.
  CREATE TABLE traces (
    trace_id TEXT PRIMARY KEY, correlation_id TEXT, start_ns INTEGER NOT NULL,
    service TEXT NOT NULL, name TEXT NOT NULL, has_root INTEGER NOT NULL, kind INTEGER NOT NULL, duration_ns INTEGER NOT NULL,
    spans INTEGER NOT NULL, failed INTEGER NOT NULL, error TEXT, handler TEXT, update_id TEXT, user_hash TEXT
  ) WITHOUT ROWID;
  CREATE INDEX traces_start ON traces (start_ns);
  CREATE INDEX traces_failed ON traces (start_ns) WHERE failed > 0;
  CREATE INDEX traces_correlation ON traces (correlation_id) WHERE correlation_id IS NOT NULL;
  CREATE INDEX traces_user ON traces (user_hash, start_ns) WHERE user_hash IS NOT NULL;

  CREATE TABLE logs (
    id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, service TEXT NOT NULL, instance TEXT NOT NULL,
    severity INTEGER NOT NULL, severity_text TEXT NOT NULL, body TEXT NOT NULL, event TEXT NOT NULL,
    trace_id TEXT, span_id TEXT, attributes TEXT NOT NULL
  );
  CREATE INDEX logs_time ON logs (time_ns);
  CREATE INDEX logs_trace ON logs (trace_id) WHERE trace_id IS NOT NULL;

  CREATE TABLE services (service TEXT PRIMARY KEY, last_ms INTEGER NOT NULL) WITHOUT ROWID;

  CREATE TABLE error_groups (
    fingerprint TEXT NOT NULL, service TEXT NOT NULL, title TEXT NOT NULL, place TEXT NOT NULL,
    first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, trace_id TEXT,
    PRIMARY KEY (service, fingerprint)
  ) WITHOUT ROWID;
  CREATE TABLE error_events (service TEXT NOT NULL, at_ms INTEGER NOT NULL, fingerprint TEXT NOT NULL, trace_id TEXT);
  CREATE INDEX error_events_at ON error_events (at_ms);

  -- One row per series and minute.
  CREATE TABLE points (
    target TEXT NOT NULL, series TEXT NOT NULL, at_ms INTEGER NOT NULL,
    n INTEGER NOT NULL, sum REAL NOT NULL, max REAL NOT NULL,
    PRIMARY KEY (target, series, at_ms)
  ) WITHOUT ROWID;
  PRAGMA user_version = ${VERSION};
`;

export interface Opened {
  db: DatabaseSync;
  /** undefined: in memory. */
  path: string | undefined;
  /** What a person should know: moved aside, or in memory and why. */
  notice: string | undefined;
}

/**
 * Opens `dir/telemetry.db`. A file that is not ours or is broken is moved aside; a directory that cannot be written
 * gives a database in memory. Never throws for the state of the disk: telemetry is the lesser good. `broken`: a page of
 * the file was found damaged, so it is moved aside without another look.
 */
export function open(dir: string | undefined, maxBytes: number, nowMs: number, broken = false): Opened {
  const prepare = (db: DatabaseSync): DatabaseSync => prepared(db, maxBytes);
  const openFile = (path: string): DatabaseSync => opened(path, prepare);
  if (dir === undefined) return { db: prepare(new DatabaseSync(":memory:")), path: undefined, notice: undefined };
  const path = join(dir, "telemetry.db");
  let notice: string | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    try {
      if (broken) throw new Broken("a page of it is damaged");
      return { db: openFile(path), path, notice };
    } catch (error) {
      if (!existsSync(path) || !isBroken(error)) throw error;
      notice = `telemetry.db was unreadable (${(error as Error).message}) and was moved to ${moveAside(path, nowMs)}`;
      return { db: openFile(path), path, notice };
    }
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    notice = `telemetry is kept in memory only, because ${path} cannot be written (${code || message})`;
    return { db: prepare(new DatabaseSync(":memory:")), path: undefined, notice };
  }
}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

class Broken extends Error {}

/** The file can no longer be read as what it should be; waiting does not help. */
export const isBroken = (error: unknown): boolean => {
  const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
  return error instanceof Broken || code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
};

function opened(path: string, prepare: (db: DatabaseSync) => DatabaseSync): DatabaseSync {
  // SQLite gives its -wal and -shm the mode of the file, so the file has it first.
  closeSync(openSync(path, "a", 0o600));
  chmodSync(path, 0o600);
  const db = new DatabaseSync(path);
  try {
    return prepare(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function prepared(db: DatabaseSync, maxBytes: number): DatabaseSync {
  // auto_vacuum must be set before the first table; NORMAL may lose the last moments at a power cut, never the file.
  db.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  db.exec("PRAGMA busy_timeout = 100; PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = -8192");
  // Retention works towards maxBytes; this is the wall behind it, which holds between two rounds.
  db.exec(`PRAGMA max_page_count = ${EMPTY_PAGES + Math.ceil((maxBytes * HEADROOM) / PAGE_BYTES)}`);
  const version = db.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version === 0) db.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT`);
  else if (version !== VERSION) throw new Broken(`it is of version ${String(version)}`);
  return db;
}

/** Only the newest broken file is kept. Returns its name. */
function moveAside(path: string, nowMs: number): string {
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(`${basename(path)}.broken-`)) rmSync(join(dirname(path), name));
  }
  const stamp = new Date(nowMs).toISOString().replaceAll(/[:.]/g, "-");
  for (const suffix of ["", "-wal", "-shm"]) {
    if (existsSync(path + suffix)) renameSync(path + suffix, `${path}.broken-${stamp}${suffix}`);
  }
  return `telemetry.db.broken-${stamp}`;
}
