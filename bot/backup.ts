import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";

export interface BackupOptions {
  /** Made with mode 0700 when absent. */
  dir: string;
  /** How many verified backups stay. */
  keep: number;
  /** Wall clock, Unix milliseconds. */
  now: () => number;
}

const NAME = /^bot-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.db$/;

/**
 * Copies the live database page by page (writers go on), proves the copy with integrity_check and only then gives it its
 * name and drops the oldest ones.
 * @returns the path of the new backup. @throws when the copy is not sound; older backups stay then.
 */
export async function backUp(db: DatabaseSync, { dir, keep, now }: BackupOptions): Promise<string> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const stamp = new Date(now()).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const path = join(dir, `bot-${stamp}.db`);
  const unproven = `${path}.part`;
  try {
    // Left by a process that died here.
    for (const name of readdirSync(dir)) if (/^bot-.*\.db\.part/.test(name)) rmSync(join(dir, name), { force: true });
    await backup(db, unproven, { rate: 1000 });
    chmodSync(unproven, 0o600);
    verify(unproven);
    renameSync(unproven, path);
  } catch (error) {
    rmSync(unproven, { force: true });
    throw error;
  }
  for (const name of listBackups(dir).slice(0, -keep)) rmSync(join(dir, name), { force: true });
  return path;
}

/** When the newest backup was made, as ISO 8601, from its name: a copy gets it only once it is verified. */
export function lastBackupAt(dir: string): string | null {
  try {
    return listBackups(dir).at(-1)?.replace(NAME, "$1-$2-$3T$4:$5:$6.000Z") ?? null;
  } catch {
    return null; // no directory yet, or not readable: the next backup says why
  }
}

/** Names of verified backups, oldest first. */
export const listBackups = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => NAME.test(name))
    .toSorted();

function verify(path: string): void {
  const copy = new DatabaseSync(path);
  try {
    // One file that can be read without -wal and -shm beside it.
    copy.exec("PRAGMA journal_mode = DELETE");
    const found = copy.prepare("PRAGMA integrity_check").get()?.["integrity_check"];
    if (found !== "ok") throw new Error(`the copy is damaged: ${String(found)}`);
  } finally {
    copy.close();
  }
}

/** Milliseconds until the next `atMinutes` after midnight UTC. */
export function untilTimeOfDay(atMinutes: number, nowMs: number): number {
  const day = 86_400_000;
  const wait = (atMinutes * 60_000 - (nowMs % day) + day) % day;
  return wait === 0 ? day : wait;
}
