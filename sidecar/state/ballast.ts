import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";

export interface Ballast {
  /** Gives the space back; false: there was none left to give. */
  release(): boolean;
  /** Takes the space again, tried at most once a minute. Never throws. */
  refill(): void;
}

const SIZE_BYTES = 1024 * 1024; // measured: 512 KiB bought 25 transitions of 3 kB
const RETRY_MS = 60_000;

/** A file that only occupies room, so that the first transitions on a full disk can still be written. */
export function createBallast(path: string, monotonicMs: () => number = () => performance.now()): Ballast {
  let held = false;
  let triedAtMs = Number.NEGATIVE_INFINITY;

  function refill(): void {
    if (held || monotonicMs() - triedAtMs < RETRY_MS) return;
    triedAtMs = monotonicMs();
    try {
      if (statSync(path, { throwIfNoEntry: false })?.size !== SIZE_BYTES) fill();
      held = true;
    } catch {
      rmSync(path, { force: true }); // half a ballast takes the room that the state needs
    }
  }

  function fill(): void {
    const file = openSync(path, "w", 0o600);
    try {
      // Random bytes: a compressing or deduplicating file system would give zeros no room.
      const block = crypto.getRandomValues(new Uint8Array(64 * 1024));
      for (let written = 0; written < SIZE_BYTES;) written += writeSync(file, block);
    } finally {
      closeSync(file);
    }
  }

  refill();
  return {
    release() {
      if (!held) return false;
      held = false;
      triedAtMs = monotonicMs();
      rmSync(path, { force: true });
      return true;
    },
    refill,
  };
}
