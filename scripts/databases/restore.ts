import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StorageError } from "../../bot/storage/storage-error.ts";
import { LockedError } from "../../sidecar/state/lock.ts";
import type { Database, Places } from "./databases.ts";

/**
 * Puts `backup` in the place of a database whose owner does not run. What was there is kept beside it, so that a wrong
 * choice can be taken back.
 * @returns where the replaced database is now; undefined: there was none
 * @throws when the owner runs or the backup is damaged; nothing has changed then
 */
export function restore(database: Database, backup: string, { dataDir }: Places, nowMs: number): string | undefined {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = lockFor(database, dataDir);
  const target = join(dataDir, database.file);
  const fresh = `${target}.restoring`;
  try {
    copyFileSync(backup, fresh);
    chmodSync(fresh, 0o600);
    verify(fresh, backup);
    const stamp = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
    const aside = `${target}.replaced-${stamp}`;
    const replaced = existsSync(target);
    // With their journals, which belong to the old pages: beside the new file they would corrupt it. Also without their
    // database, which somebody may have taken away by hand.
    for (const suffix of ["", "-wal", "-shm"])
      if (existsSync(target + suffix)) renameSync(target + suffix, aside + suffix);
    renameSync(fresh, target);
    return replaced ? aside : undefined;
  } finally {
    rmSync(fresh, { force: true });
    lock.release();
  }
}

function lockFor(database: Database, dataDir: string): { release(): void } {
  try {
    return database.lock(dataDir);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (!(error instanceof StorageError || error instanceof LockedError))
      throw new Error(`DATA_DIR ${dataDir} is not writable (${why})`, { cause: error });
    throw new Error(`The ${database.owner} is running: stop it first. (${why})`, { cause: error });
  }
}

function verify(path: string, name: string): void {
  let found: unknown;
  try {
    const copy = new DatabaseSync(path);
    try {
      found = copy.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
      if (copy.prepare("SELECT 1 FROM sqlite_schema").get() === undefined) found = "it is empty";
      copy.exec("PRAGMA journal_mode = DELETE");
    } finally {
      copy.close();
    }
  } catch (error) {
    found = error instanceof Error ? error.message : error;
  }
  if (found !== "ok") throw new Error(`${name} is damaged (${String(found)}): choose another backup`);
  const file = openSync(path, "r");
  fsyncSync(file);
  closeSync(file);
}
