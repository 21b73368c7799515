import type { Log } from "./log.ts";
import type { Telemetry } from "./start.ts";

const FLUSH_MS = 3000;
const CRASH_FLUSH_MS = 1000;

export interface Exits {
  telemetry: Pick<Telemetry, "shutdown">;
  log: Log;
  /** Stops taking work and finishes what is in hand, within its own deadline. */
  drain(signal: string): Promise<void>;
  /** After the last line is written: close databases, leave the clean-stop mark. Synchronous. */
  finish?(): void;
  /** The process crashed: leave a mark, synchronously. */
  crashed?(error: unknown): void;
  /** Default: this process. */
  process?: Pick<NodeJS.Process, "on" | "exit">;
}

/**
 * Every way out of the process, so that none loses telemetry: the first SIGTERM or SIGINT drains, flushes within 3 s
 * and exits 0; the second exits 1 at once; an uncaught exception or rejection is marked, logged, flushed within 1 s
 * and exits 1. Timers and sockets of the exporters are unref'd or cut, so natural ends lose what is queued.
 */
export function handleExits(options: Exits): void {
  const { telemetry, log } = options;
  const target = options.process ?? process;
  let signalled = false;
  let crashing = false;

  const leave = async (code: number, flushMs: number): Promise<void> => {
    await telemetry.shutdown(flushMs);
    log.flush();
    options.finish?.();
    target.exit(code);
  };

  const stop = (signal: string): void => {
    if (signalled) target.exit(1);
    signalled = true;
    log.info({ signal }, "stopping");
    options.drain(signal).then(
      () => {
        log.info({ signal }, "stopped");
        return leave(0, FLUSH_MS);
      },
      (error: unknown) => crash(error),
    );
  };

  const crash = (error: unknown): void => {
    if (crashing) return;
    crashing = true;
    try {
      options.crashed?.(error);
      log.fatal({ err: error }, "crashed");
      log.flush();
    } finally {
      void leave(1, CRASH_FLUSH_MS);
    }
  };

  target.on("SIGTERM", () => stop("SIGTERM"));
  target.on("SIGINT", () => stop("SIGINT"));
  // Not a handler that swallows: it ends the process, only later by one flush.
  target.on("uncaughtException", crash);
  target.on("unhandledRejection", crash);
}
