import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Clock } from "./clock.ts";

interface Sleeper {
  dueMs: number;
  resolve: () => void;
}

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves on by `ms` and wakes, in order, whoever was due. */
  advance(ms: number): Promise<void>;
  /** Resolves when somebody waits, with the milliseconds until the earliest is due. */
  waiting(): Promise<number>;
}

/** Starts at 2026-11-21T12:00:00Z. */
export function fakeClock(startMs = Date.UTC(2026, 10, 21, 12)): FakeClock {
  let passedMs = 0;
  let sleepers: Sleeper[] = [];
  let arrived = Promise.withResolvers<void>();
  const earliest = (): Sleeper | undefined => sleepers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
  // A sleeper that is woken does its work in microtasks and socket callbacks; one turn of the loop lets it.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  return {
    now: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const sleeper: Sleeper = { dueMs: passedMs + ms, resolve };
        const leave = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          resolve();
        };
        sleeper.resolve = () => {
          signal.removeEventListener("abort", leave);
          leave();
        };
        signal.addEventListener("abort", leave, { once: true });
        sleepers.push(sleeper);
        arrived.resolve();
      }),
    async advance(ms) {
      const target = passedMs + ms;
      for (let next = earliest(); next && next.dueMs <= target; next = earliest()) {
        passedMs = next.dueMs;
        next.resolve();
        await settle();
      }
      passedMs = target;
      await settle();
    },
    async waiting() {
      while (sleepers.length === 0) {
        arrived = Promise.withResolvers<void>();
        await arrived.promise;
      }
      return (earliest()?.dueMs ?? 0) - passedMs;
    },
  };
}

/** A directory that is gone after the test. */
export function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-bot-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
