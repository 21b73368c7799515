import type { DatabaseSync } from "node:sqlite";
import { fingerprintOf, type Fingerprint } from "./fingerprint.ts";
import type { LogRecord, Point, SpanRecord, Value } from "./records.ts";

const NEW_GROUPS_PER_HOUR = 50;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const CLIENT = 3; // OTLP's SpanKind

/** Writes records within whatever transaction the caller has open. */
export interface Writer {
  span(span: SpanRecord): void;
  log(log: LogRecord): void;
  point(point: Point): void;
}

export function createWriter(db: DatabaseSync): Writer {
  // A batch comes again after a lost answer: the second copy of a span changes nothing.
  const insertSpan = db.prepare(
    `INSERT OR IGNORE INTO spans VALUES ($trace, $span, $parent, $service, $instance, $name, $kind, $start, $duration,
      $status, $statusMessage, $attributes, $events, $links)`,
  );
  const upsertTrace = db.prepare(
    `INSERT INTO traces VALUES ($trace, $correlation, $start, $service, $name, $root, $kind, $duration, 1, $failed, $error,
      $handler, $update, $user)
     ON CONFLICT (trace_id) DO UPDATE SET
       correlation_id = coalesce(excluded.correlation_id, correlation_id),
       start_ns = CASE WHEN excluded.has_root OR NOT has_root AND excluded.start_ns < start_ns
         THEN excluded.start_ns ELSE start_ns END,
       service = CASE WHEN excluded.has_root AND NOT has_root THEN excluded.service ELSE service END,
       name = CASE WHEN excluded.has_root AND NOT has_root THEN excluded.name ELSE name END,
       kind = CASE WHEN excluded.has_root THEN excluded.kind ELSE kind END,
       duration_ns = CASE WHEN excluded.has_root THEN excluded.duration_ns
         WHEN has_root THEN duration_ns ELSE max(duration_ns, excluded.duration_ns) END,
       has_root = max(has_root, excluded.has_root),
       spans = spans + 1, failed = failed + excluded.failed,
       error = CASE WHEN excluded.has_root THEN excluded.error WHEN has_root THEN error
         ELSE coalesce(error, excluded.error) END,
       handler = coalesce(excluded.handler, handler), update_id = coalesce(excluded.update_id, update_id),
       user_hash = coalesce(excluded.user_hash, user_hash)`,
  );
  const insertLog = db.prepare(
    `INSERT INTO logs VALUES (NULL, $time, $service, $instance, $severity, $severityText, $body, $event, $trace, $span,
      $attributes)`,
  );
  const insertPoint = db.prepare(
    `INSERT INTO points VALUES ($target, $series, $at, 1, $value, $value)
     ON CONFLICT DO UPDATE SET n = n + 1, sum = sum + excluded.sum, max = max(max, excluded.max)`,
  );
  const knownGroup = db.prepare("SELECT 1 FROM error_groups WHERE service = ? AND fingerprint = ?");
  const newGroups = db.prepare("SELECT count(*) AS n FROM error_groups WHERE service = ? AND first_ms > ?");
  const upsertGroup = db.prepare(
    `INSERT INTO error_groups VALUES ($key, $service, $title, $place, $at, $at, $trace)
     ON CONFLICT (service, fingerprint) DO UPDATE SET
       title = CASE WHEN excluded.last_ms >= last_ms THEN excluded.title ELSE title END,
       trace_id = CASE WHEN excluded.last_ms >= last_ms THEN coalesce(excluded.trace_id, trace_id) ELSE trace_id END,
       first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms)`,
  );
  const upsertService = db.prepare(
    "INSERT INTO services VALUES (?, ?) ON CONFLICT DO UPDATE SET last_ms = max(last_ms, excluded.last_ms)",
  );
  const insertEvent = db.prepare("INSERT INTO error_events VALUES (?, ?, ?, ?)");

  const seen = new Map<string, number>();
  /** Which services there are, to the minute: the lists would have to be scanned for it. */
  function note(service: string, timeNs: bigint): void {
    const atMs = Number(timeNs / 1_000_000n);
    if (atMs < (seen.get(service) ?? Number.NEGATIVE_INFINITY) + MINUTE_MS) return;
    upsertService.run(service, atMs);
    seen.set(service, atMs);
  }

  /** At most so many new groups an hour, the rest is `other`: a message that varies must not flood the list. */
  function admitted(service: string, given: Fingerprint, atMs: number): Fingerprint {
    if (knownGroup.get(service, given.key) !== undefined) return given;
    const { n } = newGroups.get(service, atMs - HOUR_MS) as { n: number };
    return n < NEW_GROUPS_PER_HOUR ? given : { key: "other", title: "other errors", place: "" };
  }

  function error(service: string, found: Fingerprint, timeNs: bigint, traceId: string | undefined): void {
    const atMs = Number(timeNs / 1_000_000n);
    const { key, title, place } = admitted(service, found, atMs);
    upsertGroup.run({ key, service, title, place, at: atMs, trace: traceId ?? null });
    insertEvent.run(service, atMs, key, traceId ?? null);
  }

  return {
    span(span) {
      const { attributes, traceId, startNs: start, durationNs: duration, service, name, status } = span;
      const { changes } = insertSpan.run({
        trace: traceId,
        span: span.spanId,
        parent: span.parentId ?? null,
        service,
        instance: span.instance,
        name,
        kind: span.kind,
        start,
        duration,
        status,
        statusMessage: span.statusMessage,
        attributes: JSON.stringify(attributes),
        events:
          span.events.length === 0
            ? null
            : JSON.stringify(span.events.map((e) => ({ ...e, timeNs: String(e.timeNs) }))),
        links: span.links.length === 0 ? null : JSON.stringify(span.links),
      });
      if (changes === 0) return;
      note(service, start);
      const root = span.parentId === undefined;
      upsertTrace.run({
        trace: traceId,
        correlation: column(attributes["telegram.correlation_id"]),
        start,
        service,
        name,
        root: root ? 1 : 0,
        kind: span.kind,
        duration,
        failed: status === 2 ? 1 : 0,
        error: status === 2 ? (column(attributes["error.type"]) ?? "error") : null,
        handler: column(attributes["telegram.handler"]),
        update: column(attributes["telegram.update.id"]),
        user: column(attributes["user.hash"]),
      });
      // What a call met is not yet an error of who called: that one is told apart, if it is one.
      if (span.kind === CLIENT) return;
      for (const event of span.events) {
        if (event.name !== "exception") continue;
        const found = fingerprintOf({ severity: 17, body: name, attributes: event.attributes });
        if (found !== undefined) error(service, found, event.timeNs, traceId);
      }
    },
    log(log) {
      note(log.service, log.timeNs);
      insertLog.run({
        time: log.timeNs,
        service: log.service,
        instance: log.instance,
        severity: log.severity,
        severityText: log.severityText,
        body: log.body,
        event: log.eventName,
        trace: log.traceId ?? null,
        span: log.spanId ?? null,
        attributes: JSON.stringify(log.attributes),
      });
      const found = fingerprintOf(log);
      if (found !== undefined) error(log.service, found, log.timeNs, log.traceId);
    },
    point({ target, series, atMs, value }) {
      insertPoint.run({ target, series, at: atMs - (atMs % MINUTE_MS), value });
    },
  };
}

const column = (value: Value | undefined): string | null =>
  typeof value === "string" || typeof value === "number" ? String(value) : null;
