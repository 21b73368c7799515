import type { Logger } from "pino";
import type { Clock } from "./clock.ts";

const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Keeps a loop running until `signal` aborts: a process that stays up without its poll loop looks healthy and is deaf
 * (openclaw #4302). Returns what the loop returned, when that is a decision of its own (not undefined).
 */
export async function supervise<T>(
  name: string,
  loop: () => Promise<T>,
  signal: AbortSignal,
  { log, clock, failed }: { log: Logger; clock: Clock; failed: () => void },
): Promise<T | undefined> {
  for (let pauseMs = PAUSE_MS; !signal.aborted; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      const decision = await loop();
      if (decision !== undefined || signal.aborted) return decision;
      log.error({ loop: name }, "a loop ended by itself; it is started again");
    } catch (error) {
      if (signal.aborted) break;
      log.error({ loop: name, err: error }, "a loop failed; it is started again");
    }
    failed();
    await clock.wait(pauseMs, signal);
  }
  return undefined;
}
