import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { lockDataDir } from "./lock.ts";
import { migrate } from "./schema.ts";
import { StorageError, unusable } from "./storage-error.ts";

/** Runs one call to the database where traces can see it; operation and table as in `db.operation.name` and so on. */
export type ObservedCall = <T>(operation: string, table: string, call: () => T) => T;

export interface DataDir {
  db: DatabaseSync;
  /** Of the database. */
  path: string;
  close: () => void;
}

/**
 * Takes DATA_DIR for this process: makes it (0700), locks it, opens `bot.db` (0600).
 * @throws StorageError with the remedy
 */
export function openDataDir(dataDir: string): DataDir {
  makeOwn(dataDir);
  const lock = lockDataDir(dataDir);
  try {
    const path = join(dataDir, "bot.db");
    const db = openDatabase(path);
    return {
      db,
      path,
      close() {
        db.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/**
 * Opens a database and brings its schema up to date. Every commit is on the disk when it returns (synchronous=FULL): the
 * offset is confirmed on the strength of it.
 */
export function openDatabase(path: string): DatabaseSync {
  try {
    // SQLite gives its -wal and -shm files the mode of the database, so the file is made first.
    closeSync(openSync(path, "a", 0o600));
    chmodOwn(path, 0o600);
    const db = new DatabaseSync(path, { timeout: 5000 });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    migrate(db);
    return db;
  } catch (error) {
    throw unusable(path, error);
  }
}

/** Runs `work` in one transaction; an exception undoes all of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk may have ended the transaction already.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function makeOwn(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodOwn(dir, 0o700);
    closeSync(openSync(join(dir, "bot.lock"), "a", 0o600));
  } catch (error) {
    throw new StorageError(
      `DATA_DIR ${dir} is not writable (${(error as NodeJS.ErrnoException).code}). Give it to the user that the bot runs as (uid ${process.getuid?.()}), or set DATA_DIR to a directory that is.`,
      error,
    );
  }
}

/** A volume of another uid may still be writable through its group (Kubernetes' fsGroup): its mode is kept then. */
function chmodOwn(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
