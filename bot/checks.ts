import type { DatabaseSync } from "node:sqlite";
import type { Logger } from "pino";
import type { Clock } from "./clock.ts";

/** A check as `/health` has it. */
export interface CheckResult {
  ok: boolean;
  error?: string;
}

/** The database's own state: the last write that mattered, and the daily look at the whole file. */
export interface DatabaseCheck {
  result: () => CheckResult;
  /** A write was refused. */
  failed: (error: unknown) => void;
  /** A write went through again. */
  worked: () => void;
  /** Reads the whole file (`quick_check`); blocks for as long as that takes, so it runs once a day at night. */
  quickCheck: () => void;
}

export function createDatabaseCheck(db: DatabaseSync): DatabaseCheck {
  let refused: string | undefined;
  let damaged: string | undefined;
  return {
    result() {
      const error = damaged ?? refused ?? unreadable(db);
      return error === undefined ? { ok: true } : { ok: false, error };
    },
    failed: (error) => (refused = error instanceof Error ? error.message : String(error)),
    worked: () => (refused = undefined),
    quickCheck() {
      const found = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
      damaged = found === "ok" ? undefined : `damaged: ${String(found)}; restore a backup`;
    },
  };
}

function unreadable(db: DatabaseSync): string | undefined {
  try {
    db.prepare("SELECT 1 FROM meta LIMIT 1").get();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Looks at an HTTP dependency in the background, so that `/readyz` answers at once. */
export function createDependencyCheck(
  look: (signal: AbortSignal) => Promise<void>,
  { clock, log, name, intervalMs = 30_000, timeoutMs = 5000 }: DependencyOptions,
) {
  let last: CheckResult = { ok: true };
  return {
    result: (): CheckResult => last,
    async run(signal: AbortSignal): Promise<void> {
      while (!signal.aborted) {
        const before = last.ok;
        try {
          await look(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
          last = { ok: true };
        } catch (error) {
          if (signal.aborted) return;
          last = { ok: false, error: error instanceof Error ? error.message : String(error) };
        }
        if (before !== last.ok)
          log[last.ok ? "info" : "warn"]({ dependency: name, error: last.error }, "a dependency changed");
        await clock.wait(intervalMs, signal);
      }
    },
  };
}

export interface DependencyOptions {
  clock: Clock;
  log: Logger;
  name: string;
  intervalMs?: number;
  timeoutMs?: number;
}
