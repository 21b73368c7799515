import type { DatabaseSync } from "node:sqlite";
import type { Logger } from "pino";
import { backUp, lastBackupAt, untilTimeOfDay } from "./backup.ts";
import type { DatabaseCheck } from "./checks.ts";
import type { Clock } from "./clock.ts";
import type { Inbox } from "./inbox/inbox.ts";
import type { Meta } from "./storage/meta.ts";
import type { StorageTrouble } from "./storage/trouble.ts";

/** `/health.backup`; null: backups are off. */
export type BackupState = { last_verified_at: string | null; last_error: string | null } | null;

export interface BackupOptions {
  dir: string;
  keep: number;
  /** Minutes after midnight UTC; undefined: off. */
  atMinutes: number | undefined;
  clock: Clock;
  log: Logger;
}

export function createBackups(db: DatabaseSync, { dir, keep, atMinutes, clock, log }: BackupOptions) {
  const state = { last_verified_at: lastBackupAt(dir), last_error: null as string | null };
  return {
    state: (): BackupState => (atMinutes === undefined ? null : { ...state }),
    /** undefined: never. */
    dueInMs: (): number | undefined => (atMinutes === undefined ? undefined : untilTimeOfDay(atMinutes, clock.now())),
    async run(): Promise<void> {
      try {
        await backUp(db, { dir, keep, now: clock.now });
        Object.assign(state, { last_verified_at: new Date(clock.now()).toISOString(), last_error: null });
        log.info("the database was backed up");
      } catch (error) {
        state.last_error = error instanceof Error ? error.message : String(error);
        log.error({ err: error }, "the backup failed; older backups stay");
      }
    },
  };
}

export interface MaintenanceDeps {
  inbox: Inbox;
  backups: ReturnType<typeof createBackups>;
  check: DatabaseCheck;
  trouble: StorageTrouble;
  meta: Meta;
  clock: Clock;
  log: Logger;
}

const LOOK_MS = 30_000;
const DAY_MS = 86_400_000;
const KEEP_HANDLED_MS = 7 * DAY_MS;
const QUICK_CHECK_MINUTES = 4 * 60;

/** Housekeeping: backup and quick_check once a day, old rows out, and after a failed write a look whether writing works again. */
export async function maintain(deps: MaintenanceDeps, signal: AbortSignal): Promise<void> {
  const { inbox, backups, check, trouble, meta, clock, log } = deps;
  let backupAt = clock.now() + (backups.dueInMs() ?? Number.POSITIVE_INFINITY);
  let checkAt = clock.now() + untilTimeOfDay(QUICK_CHECK_MINUTES, clock.now());
  while (!signal.aborted) {
    await clock.wait(Math.min(LOOK_MS, backupAt - clock.now(), checkAt - clock.now()), signal);
    if (signal.aborted) return;
    if (!check.result().ok) {
      trouble.tolerate(() => {
        meta.set("probe", String(clock.now()));
        trouble.over();
      });
    }
    if (clock.now() >= backupAt) {
      await backups.run();
      backupAt = clock.now() + (backups.dueInMs() ?? Number.POSITIVE_INFINITY);
    }
    if (clock.now() >= checkAt) {
      checkAt = clock.now() + untilTimeOfDay(QUICK_CHECK_MINUTES, clock.now());
      trouble.tolerate(() => {
        inbox.purge(clock.now() - KEEP_HANDLED_MS);
        check.quickCheck();
        log.info({ sqlite: check.result() }, "the database was checked");
      });
    }
  }
}
