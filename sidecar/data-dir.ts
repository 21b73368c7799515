import { mkdirSync } from "node:fs";
import { takeLock, LockedError } from "./state/lock.ts";
import { openState, type State } from "./state/state.ts";

/** Where the sidecar keeps what it knows. */
export interface DataDir {
  /** undefined: everything stays in memory. */
  dir: string | undefined;
  state: State;
  /** Why nothing is saved, with the remedy; for the log at the start. */
  problem: string | undefined;
  close(): void;
}

/**
 * Opens `DATA_DIR` for this process alone. A directory that cannot be written is no reason not to watch: the sidecar
 * goes on from memory and says so, here and in each message.
 * @throws LockedError when another sidecar works on it
 */
export function openDataDir(dir: string, wallMs: number): DataDir {
  let lock: { release(): void };
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    lock = takeLock(dir, wallMs);
  } catch (error) {
    if (error instanceof LockedError) throw error;
    const state = openState(undefined);
    return { dir: undefined, state, problem: problemOf(dir, error), close: () => state.close() };
  }
  const state = openState(dir);
  const unusable = state.database() === undefined ? brokenFile(dir, state.problem()) : undefined;
  return {
    dir: unusable === undefined ? dir : undefined,
    state,
    problem: unusable,
    close() {
      state.close();
      lock.release();
    },
  };
}

/** The directory took the lock, so it can be written: it is the file. */
const brokenFile = (dir: string, why: string | undefined): string =>
  `state.db in ${dir} cannot be used (${why}): alerts work from memory and are forgotten at the next start. Restore a backup (npm run restore), or move the file away; then restart.`;

function problemOf(dir: string, error: unknown): string {
  const why = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
  return `DATA_DIR ${dir} cannot be used (${why}): alerts work from memory and are forgotten at the next start. Give this user a writable directory.`;
}
