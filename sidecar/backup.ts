import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** `/api/status.backup`: the newest copy that was read back and found whole. */
export interface BackupStatus {
  lastVerifiedAtMs: number | null;
  lastError: string | null;
}

interface Options {
  dir: string;
  /** Start of the file names: `state` gives `state-20260102T030000Z.db`. */
  name: string;
  /** Minute of the day, UTC; undefined: off. */
  atMinuteUtc?: number;
  keep: number;
}

const DAY_MS = 86_400_000;
const RETRY_MS = 15 * 60_000;

/**
 * Online backups of an open database: copied, read back (`integrity_check`), then renamed into place, so that a file
 * with the final name is always whole. Keeps the newest `keep`. All times are Unix milliseconds.
 */
export function createBackups(
  database: DatabaseSync,
  { dir, name, atMinuteUtc, keep }: Options,
  startedWallMs: number,
) {
  const mine = new RegExp(`^${name}-\\d{8}T\\d{6}Z\\.db$`);
  let lastVerifiedAtMs = newest();
  let lastError: string | null = null;
  let triedAtMs = -Infinity;

  function listed(): string[] {
    return readdirSync(dir)
      .filter((file) => mine.test(file))
      .toSorted();
  }
  function newest(): number | null {
    try {
      const last = listed().at(-1);
      return last === undefined ? null : statSync(join(dir, last)).mtimeMs;
    } catch {
      return null; // no directory yet: no backup yet
    }
  }

  async function run(wallMs: number): Promise<void> {
    triedAtMs = wallMs;
    const stamp = `${new Date(wallMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
    const path = join(dir, `${name}-${stamp}.db`);
    const unproven = `${path}.part`;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      for (const file of readdirSync(dir))
        if (file.startsWith(`${name}-`) && file.endsWith(".part")) rmSync(join(dir, file));
      closeSync(openSync(unproven, "w", 0o600)); // SQLite would create it readable for all
      await backup(database, unproven);
      verify(unproven);
      renameSync(unproven, path);
      for (const old of listed().slice(0, -keep)) rmSync(join(dir, old));
      lastVerifiedAtMs = wallMs;
      lastError = null;
    } catch (error) {
      lastError = (error as Error).message;
      discard(unproven); // on a full disk the half would keep it full
    }
  }

  return {
    status: (): BackupStatus | undefined => (atMinuteUtc === undefined ? undefined : { lastVerifiedAtMs, lastError }),
    /** Makes a backup if one is due: the time of day has come since the last one. After a failure again in 15 min. */
    async runIfDue(wallMs: number): Promise<void> {
      if (atMinuteUtc === undefined) return;
      const today = Math.floor(wallMs / DAY_MS) * DAY_MS + atMinuteUtc * 60_000;
      const lastDueMs = today <= wallMs ? today : today - DAY_MS;
      if ((lastVerifiedAtMs ?? startedWallMs) >= lastDueMs || wallMs - triedAtMs < RETRY_MS) return;
      await run(wallMs);
    },
    run,
  };
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The next backup clears it away.
  }
}

function verify(path: string): void {
  // Never made anew: another process, whose backup began meanwhile, may have cleared the copy away.
  const copy = new DatabaseSync(new URL("?mode=rw", pathToFileURL(path)));
  try {
    const found = copy.prepare("PRAGMA integrity_check(1)").get() as { integrity_check: string } | undefined;
    if (found?.integrity_check !== "ok") throw new Error(`the copy is damaged: ${found?.integrity_check}`);
    copy.exec("PRAGMA journal_mode = DELETE"); // one file, without -wal and -shm beside it
  } finally {
    copy.close();
  }
  const file = openSync(path, "r");
  fsyncSync(file);
  closeSync(file);
}
