import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Another sidecar works on this data directory; `main` prints the message and ends. */
export class LockedError extends Error {
  constructor(holder: string) {
    super(
      `Another sidecar is using this DATA_DIR: ${holder}. Two senders would tell everything twice: stop it, or give this one its own DATA_DIR.`,
    );
    this.name = "LockedError";
  }
}

/**
 * One sender per data directory. The lock is SQLite's own lock on `sidecar.lock` (an open exclusive transaction), which
 * the kernel drops with the process: no stale file after SIGKILL, and no process id that another process has by now.
 * Who holds it stands in a text file beside it.
 * @throws LockedError naming the holder
 */
export function takeLock(dir: string, wallMs: number): { release(): void } {
  const holderPath = join(dir, "sidecar.holder");
  const db = new DatabaseSync(join(dir, "sidecar.lock"), { timeout: 0 });
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;");
  } catch (error) {
    db.close();
    if ((error as { errcode?: number }).errcode === 5) throw new LockedError(holderOf(holderPath)); // SQLITE_BUSY
    throw error;
  }
  try {
    const file = openSync(holderPath, "w", 0o600);
    writeSync(file, `process ${process.pid} on ${hostname()} since ${new Date(wallMs).toISOString()}`);
    fsyncSync(file);
    closeSync(file);
  } catch {
    // A full disk: the lock holds all the same, it only cannot say by whom.
  }
  return { release: () => db.close() };
}

function holderOf(path: string): string {
  try {
    return readFileSync(path, "utf8") || "unknown process";
  } catch {
    return "unknown process";
  }
}
