import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StorageError } from "./storage-error.ts";

/**
 * Holds DATA_DIR for this process: two bots on one inbox would both handle its updates. The kernel lets go of the lock
 * when the process dies, however it dies, so nothing stale is left behind.
 * @throws StorageError when another bot has it
 */
export function lockDataDir(dataDir: string): { release(): void } {
  const db = new DatabaseSync(join(dataDir, "bot.lock"), { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
    return { release: () => db.close() };
  } catch (error) {
    db.close();
    throw new StorageError(
      `DATA_DIR ${dataDir} is in use by another bot. End that one, or give this one a DATA_DIR of its own.`,
      error,
    );
  }
}
