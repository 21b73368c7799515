import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrate } from "./schema.ts";

/** The data directory cannot be used: `main` prints the message, which holds the remedy, and exits 1. */
export class StorageError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = "StorageError";
  }
}

/**
 * Opens the bot's database, makes its directory (0700) and file (0600) and brings the schema up to date.
 * Every commit is on the disk when it returns (synchronous=FULL): the offset is confirmed on the strength of it.
 * @throws StorageError with the remedy
 */
export function openDatabase(path: string): DatabaseSync {
  const dir = dirname(path);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    chmodOwn(dir, 0o700);
    // SQLite gives its -wal and -shm files the mode of the database, so the file is made first.
    closeSync(openSync(path, "a", 0o600));
    chmodOwn(path, 0o600);
    const db = new DatabaseSync(path, { timeout: 5000 });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000");
    migrate(db);
    return db;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const why = error instanceof Error ? error.message : String(error);
    throw new StorageError(
      code === "EACCES" || code === "EPERM" || code === "EROFS"
        ? `DATA_DIR ${dir} is not writable (${code}). Give it to the user this runs as (uid ${process.getuid?.()}), or set DATA_DIR to a directory that is.`
        : `The database ${path} cannot be used: ${why}. Free the disk, or restore a backup, or set DATA_DIR to another directory.`,
      error,
    );
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

/** A volume that belongs to another uid may still be writable through its group (Kubernetes fsGroup): keep its mode. */
function chmodOwn(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
