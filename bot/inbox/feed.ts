import { createConcurrentSink } from "@grammyjs/runner";
import type { Inbox, InboxItem } from "./inbox.ts";

export interface FeedDeps {
  inbox: Inbox;
  /** Handles one update and never rejects. False: cut off by the shutdown, the next process replays it. */
  handle: (item: InboxItem) => Promise<boolean>;
  /** The inbox could not be read or marked: the database is in trouble. */
  storageFailed: (error: unknown) => void;
  /** Resolves after `ms`, or at once when aborted. */
  wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Carries updates from the inbox to the handlers, at most `concurrency` at a time, each chat in order. */
export interface Feed {
  /** There is something new in the inbox. */
  wake: () => void;
  /** Settles when `signal` has aborted; handlers may still be at work. */
  run: (signal: AbortSignal) => Promise<void>;
  /** Resolves when no handler is at work. */
  idle: () => Promise<void>;
}

const RETRY_STORAGE_MS = 5000;

export function createFeed({ inbox, handle, storageFailed, wait }: FeedDeps, { concurrency = 100 } = {}): Feed {
  let wakeUp = Promise.withResolvers<void>();
  let idle = Promise.withResolvers<void>();
  idle.resolve();
  let inFlight = 0;
  let stopped = false;
  const wake = (): void => wakeUp.resolve();

  const flush = (): void => {
    try {
      inbox.flush();
    } catch (error) {
      storageFailed(error);
    }
  };

  const sink = createConcurrentSink<InboxItem>(
    {
      async consume(item) {
        if (inFlight++ === 0) idle = Promise.withResolvers<void>();
        try {
          if (await handle(item)) inbox.finish(item.update.update_id);
        } finally {
          if (stopped) flush(); // nothing is taken any more that would write it
          if (--inFlight === 0) idle.resolve();
          wake();
        }
      },
    },
    async () => {}, // consume never rejects
    { concurrency },
  );

  async function run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", wake, { once: true });
    while (!signal.aborted) {
      wakeUp = Promise.withResolvers<void>();
      try {
        const items = inbox.take(concurrency - inFlight);
        if (items.length > 0) void sink.handle(items);
        // A chat that has finished frees its next update and wakes us; a full sink wakes us likewise.
        await wakeUp.promise;
      } catch (error) {
        storageFailed(error);
        await wait(RETRY_STORAGE_MS, signal);
      }
    }
    stopped = true;
    flush();
  }

  return { wake, run, idle: () => idle.promise };
}
