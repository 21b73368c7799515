import type { DatabaseSync } from "node:sqlite";
import { events } from "@gramwatch/otel";
import { createErrors, type Errors } from "./errors.ts";
import { createLogs, type Logs } from "./logs.ts";
import { createPoints, type Points } from "./points.ts";
import { createQueue, type Item } from "./queue.ts";
import { createRetention, usedBytes, type Retention } from "./retention.ts";
import type { LogRecord, Point, SpanRecord } from "./records.ts";
import { isBroken, open } from "./schema.ts";
import { createTraces, type Slowest, type Traces } from "./traces.ts";
import { createWriter } from "./write.ts";

const FLUSH_MS = 200;
const RETRY_MS = 5_000;
const TRIM_MS = 30_000;
/** Rows of one transaction: the event loop stands still for it. */
const BATCH = 1_000;
const SMALL_BATCH = 16;
const MAX_REOPENED = 3;
/** What waits to be written, measured by the bodies it came in: in memory it is two to three times as much. */
const MAX_QUEUE_BYTES = 8 * 1024 ** 2;
const POINT_BYTES = 64;

export interface StoreOptions {
  /** Where `telemetry.db` lives; undefined: in memory. */
  dir: string | undefined;
  maxAgeMs: number;
  maxBytes: number;
  wallMs?: () => number;
  maxQueueBytes?: number;
  /** Said once per change: moved aside, in memory, cannot write, writes again. */
  notice?: (message: string) => void;
}

export interface StoreHealth {
  ok: boolean;
  /** Why writing fails now; undefined: it does not. */
  error: string | undefined;
  persistent: boolean;
  sizeBytes: number;
  queuedBytes: number;
  /** Records lost because they could not be written. */
  dropped: number;
}

/** What an alert may quote: the interface of the same name in `alerts/engine.ts`, which knows no store. */
interface Evidence {
  lastFailingTrace(service: string, sinceWallMs: number): string | undefined;
  topErrors(
    service: string,
    windowMs: number,
  ): { fingerprint: string; count: number; isNew: boolean; traceId: string | null }[];
  slowest(service: string, sinceWallMs: number): Slowest | undefined;
  saidStopped(service: string): boolean;
}

export interface Store {
  /** False: the queue is full, nothing was taken. `bytes` is what the batch weighs. */
  addSpans(spans: readonly SpanRecord[], bytes?: number): boolean;
  addLogs(logs: readonly LogRecord[], bytes?: number): boolean;
  addPoint(point: Point): void;
  traces: Traces;
  logs: Logs;
  errors: Errors;
  points: Points;
  evidence: Evidence;
  /** Calls back after something was written, at most once per batch. Returns the way out. */
  onChange(listener: () => void): () => void;
  /** Writes everything that waits. Readers do it themselves, so they see what was accepted before. */
  flush(): void;
  /** Deletes everything that is over age or size, at once. The store does it by itself, in slices. */
  trim(): void;
  health(): StoreHealth;
  close(): void;
}

/**
 * The embedded store: traces, logs, error groups and the points of charts in one SQLite file, bounded by age and size.
 * Writes wait in a bounded queue and go in batches; it never throws for the state of the disk.
 */
export function createStore(options: StoreOptions): Store {
  const { wallMs = Date.now, maxQueueBytes = MAX_QUEUE_BYTES, notice = () => {} } = options;
  let opened = open(options.dir, options.maxBytes, wallMs());
  let writer = createWriter(opened.db);
  let retention: Retention = createRetention(opened.db, options);
  if (opened.notice !== undefined) notice(opened.notice);

  const queue = createQueue(maxQueueBytes);
  let batchSize = BATCH;
  let dropped = 0;
  let reopened = 0;
  let failure: string | undefined;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const listeners = new Set<() => void>();

  const schedule = (delayMs: number): void => {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      writeBatch();
      if (!queue.isEmpty()) schedule(failure === undefined ? 0 : RETRY_MS);
    }, delayMs);
    // The process may end while telemetry waits; close() writes it.
    timer.unref();
  };

  function enqueue(items: Item[], bytes: number): boolean {
    if (closed || !queue.offer(items, bytes)) return false;
    schedule(FLUSH_MS);
    return true;
  }

  /** One transaction; true when there is progress. */
  function writeBatch(): boolean {
    const batch = queue.next(batchSize);
    if (batch.length === 0) return false;
    try {
      transaction(opened.db, () => {
        for (const item of batch) item.write(writer);
      });
    } catch (error) {
      return recover(error, batch.length);
    }
    if (failure !== undefined) notice("telemetry is written again");
    failure = undefined;
    batchSize = BATCH;
    queue.done(batch.length);
    for (const listener of listeners) listener();
    return true;
  }

  /** True: go on at once. */
  function recover(error: unknown, count: number): boolean {
    if (isBroken(error)) {
      reopen();
      return true;
    }
    const { errcode = 0, message } = error as Error & { errcode?: number };
    const primary = errcode & 0xff; // the extended codes of SQLite carry the primary one in the low byte
    if (primary === SQLITE_FULL) {
      // A small batch may still fit; then our oldest telemetry is the first thing to go. On a disk that others have
      // filled, both fail.
      if (count > SMALL_BATCH) {
        batchSize = SMALL_BATCH;
        return true;
      }
      if (trimSlice(true)) return true;
    }
    if (failure === undefined) notice(`telemetry cannot be written: ${message}`);
    failure = message;
    if (WAITS.has(primary)) return false;
    dropped += count;
    queue.done(count);
    return true;
  }

  function reopen(): void {
    opened.db.close();
    reopened += 1;
    // A disk that breaks every file would be filled with broken ones.
    opened = open(reopened > MAX_REOPENED ? undefined : options.dir, options.maxBytes, wallMs(), true);
    writer = createWriter(opened.db);
    retention = createRetention(opened.db, options);
    if (opened.notice !== undefined) notice(opened.notice);
  }

  /** True: there may be more. */
  function trimSlice(urgent = false): boolean {
    try {
      return retention.slice(wallMs(), urgent);
    } catch (error) {
      if (isBroken(error)) reopen();
      return false;
    }
  }

  function flush(): void {
    while (writeBatch());
  }

  /** Readers see what was accepted before, and get the database that is open now. */
  const reading = (): DatabaseSync => {
    flush();
    return opened.db;
  };

  /** The same reader, which begins again on a new database when it meets a broken page. */
  function lasting<T extends object>(reader: T): T {
    const methods = Object.entries(reader) as [string, (...given: unknown[]) => unknown][];
    const again = methods.map(([name, read]) => [
      name,
      (...given: unknown[]) => {
        try {
          return read(...given);
        } catch (error) {
          if (!isBroken(error)) throw error;
          reopen();
          return read(...given);
        }
      },
    ]);
    return Object.fromEntries(again) as T;
  }

  const trimmer = setInterval(() => {
    const more = (): void => {
      if (!closed && trimSlice()) setImmediate(more);
    };
    more();
  }, TRIM_MS);
  trimmer.unref();

  const traces = lasting(createTraces(reading));
  const logs = lasting(createLogs(reading));
  const errors = lasting(createErrors(reading, wallMs));

  return {
    addSpans: (spans, bytes = 0) =>
      enqueue(
        spans.map((span) => ({ write: (to) => to.span(span), bytes: bytes / spans.length })),
        bytes,
      ),
    addLogs: (logs, bytes = 0) =>
      enqueue(
        logs.map((log) => ({ write: (to) => to.log(log), bytes: bytes / logs.length })),
        bytes,
      ),
    addPoint(point) {
      if (!enqueue([{ write: (to) => to.point(point), bytes: POINT_BYTES }], POINT_BYTES)) dropped += 1;
    },
    traces,
    logs,
    errors,
    points: lasting(createPoints(reading)),
    evidence: {
      lastFailingTrace: (service, sinceWallMs) => traces.lastFailing(service, sinceWallMs)?.trace_id,
      slowest: (service, sinceWallMs) => traces.slowest(service, sinceWallMs),
      topErrors: (service, windowMs) =>
        errors.groups({ service, windowMs, limit: 3 }).map(({ title, count, first_seen, trace_id }) => ({
          fingerprint: title,
          count,
          isNew: Date.parse(first_seen) >= wallMs() - windowMs,
          traceId: trace_id,
        })),
      saidStopped: (service) => logs.lastEvent(service) === events.stopped,
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    flush,
    trim() {
      while (trimSlice());
    },
    health: () => ({
      ok: failure === undefined,
      error: failure,
      persistent: opened.path !== undefined,
      sizeBytes: closed ? 0 : usedBytes(opened.db),
      queuedBytes: queue.bytes(),
      dropped,
    }),
    close() {
      if (closed) return;
      flush();
      closed = true;
      clearTimeout(timer);
      clearInterval(trimmer);
      opened.db.close();
    },
  };
}

const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;
/** What passes by itself: the records wait in the queue. */
const WAITS = new Set([SQLITE_BUSY, SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL]);

function transaction(db: DatabaseSync, run: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    run();
    db.exec("COMMIT");
  } catch (error) {
    // After SQLITE_FULL the rollback has already happened, and a second one would be an error of its own.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
