import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { backUp } from "../../bot/backup.ts";
import { lockDataDir } from "../../bot/storage/lock.ts";
import { ConfigError, integer, readSettings, text } from "../../otel/settings.ts";
import { createBackups } from "../../sidecar/backup.ts";
import { takeLock } from "../../sidecar/state/lock.ts";

export interface Places {
  dataDir: string;
  backupDir: string;
  keep: number;
}

// As in the bot's and the sidecar's own settings, whose modules would bring all of OpenTelemetry with them.
const settings = {
  DATA_DIR: { schema: text(), fallback: "./data", doc: "" },
  BACKUP_DIR: { schema: text(), doc: "" },
  BACKUP_KEEP: { schema: integer(1, 1000), fallback: "7", doc: "" },
};

/** @throws ConfigError */
export function readPlaces(env: Record<string, string | undefined>): Places {
  const { values, problems } = readSettings(settings, env);
  if (problems.length > 0) throw new ConfigError(problems);
  const dataDir = resolve(values.DATA_DIR);
  return { dataDir, backupDir: resolve(values.BACKUP_DIR ?? join(dataDir, "backups")), keep: values.BACKUP_KEEP };
}

export interface Database {
  /** Start of its backups' names. */
  name: "bot" | "state";
  file: string;
  /** The process that owns it. */
  owner: "bot" | "sidecar";
  /** @throws when its owner runs */
  lock(dataDir: string): { release(): void };
  backUp(db: DatabaseSync, places: Places, nowMs: number): Promise<void>;
}

/** What is worth keeping; the telemetry store is not. */
export const databases: readonly Database[] = [
  {
    name: "bot",
    file: "bot.db",
    owner: "bot",
    lock: lockDataDir,
    async backUp(db, { backupDir, keep }, nowMs) {
      await backUp(db, { dir: backupDir, keep, now: () => nowMs });
    },
  },
  {
    name: "state",
    file: "state.db",
    owner: "sidecar",
    lock: (dataDir) => takeLock(dataDir, Date.now()),
    async backUp(db, { backupDir, keep }, nowMs) {
      const backups = createBackups(db, { dir: backupDir, name: "state", atMinuteUtc: 0, keep }, nowMs);
      await backups.run(nowMs);
      const error = backups.status()?.lastError;
      if (error !== null && error !== undefined) throw new Error(error);
    },
  },
];

export const present = ({ dataDir }: Places): Database[] =>
  databases.filter(({ file }) => existsSync(join(dataDir, file)));
