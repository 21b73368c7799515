import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StorageError } from "./database.ts";

/**
 * Holds DATA_DIR for this process: two bots on one inbox would both handle its updates. The kernel lets go of the lock
 * when the process dies, however it dies, so nothing stale is left behind.
 * @throws StorageError when another bot has it
 */
export function lockDataDir(dataDir: string): { release(): void } {
  const path = join(dataDir, "bot.lock");
  try {
    const db = new DatabaseSync(path, { timeout: 0 });
    chmodSync(path, 0o600);
    db.exec("BEGIN EXCLUSIVE");
    return { release: () => db.close() };
  } catch (error) {
    throw new StorageError(
      `DATA_DIR ${dataDir} is in use by another bot process. End that one, or give this one its own DATA_DIR.`,
      error,
    );
  }
}
