import { createRuns, type BotHealthState } from "@gramwatch/otel";
import type { Logger } from "pino";
import type { DatabaseCheck } from "../checks.ts";

export interface TroubleDeps {
  check: DatabaseCheck;
  health: Pick<BotHealthState, "countError">;
  log: Logger;
}

/** Failures of the database outside a handler: a run of them is one error and a few log lines, and the check says why. */
export function createStorageTrouble({ check, health, log }: TroubleDeps) {
  const runs = createRuns();
  const failed = (error: unknown): void => {
    check.failed(error);
    const count = runs.failed("storage");
    if (count === 1) health.countError("storage");
    if (count !== undefined) log.error({ err: error, run: count }, "the database refused to work");
  };
  return {
    failed,
    /** A write went through. */
    over(): void {
      const run = runs.ended("storage");
      check.worked();
      if (run !== undefined) log.info({ run }, "the database works again");
    },
    /** Does without what could not be written. */
    tolerate(write: () => void): void {
      try {
        write();
      } catch (error) {
        failed(error);
      }
    },
  };
}

export type StorageTrouble = ReturnType<typeof createStorageTrouble>;
