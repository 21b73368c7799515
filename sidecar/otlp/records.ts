import { redact } from "@gramwatch/otel";
import type { Attributes, LogRecord, Source, SpanRecord, Value } from "../store/records.ts";

/** What of a peer's text is kept; the rest is cut, never refused. */
const MAX_TEXT = 4096;
const MAX_NAME = 256;
const MAX_ATTRIBUTES = 64;
const MAX_EVENTS = 32;
const MAX_LINKS = 32;
const MAX_STACK_LINES = 21;

interface AnyValue {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: bigint;
  doubleValue?: number;
  arrayValue?: { values?: AnyValue[] };
  kvlistValue?: { values?: KeyValue[] };
  bytesValue?: string;
}
interface KeyValue {
  key?: string;
  value?: AnyValue;
}
interface Resource {
  attributes?: KeyValue[];
}
interface Span {
  traceId?: string;
  spanId?: string;
  parentSpanId?: string;
  name?: string;
  kind?: number;
  startTimeUnixNano?: bigint;
  endTimeUnixNano?: bigint;
  attributes?: KeyValue[];
  events?: { timeUnixNano?: bigint; name?: string; attributes?: KeyValue[] }[];
  links?: { traceId?: string; spanId?: string }[];
  status?: { code?: number; message?: string };
}
interface Log {
  timeUnixNano?: bigint;
  observedTimeUnixNano?: bigint;
  severityNumber?: number;
  severityText?: string;
  body?: AnyValue;
  attributes?: KeyValue[];
  traceId?: string;
  spanId?: string;
  eventName?: string;
}
type Points = { dataPoints?: unknown[] } | undefined;
interface Metric {
  name?: string;
  gauge?: Points;
  sum?: Points;
  histogram?: Points;
  exponentialHistogram?: Points;
  summary?: Points;
}
interface TracesRequest {
  resourceSpans?: { resource?: Resource; scopeSpans?: { spans?: Span[] }[] }[];
}
interface LogsRequest {
  resourceLogs?: { resource?: Resource; scopeLogs?: { logRecords?: Log[] }[] }[];
}
interface MetricsRequest {
  resourceMetrics?: { resource?: Resource; scopeMetrics?: { metrics?: Metric[] }[] }[];
}

/** What a request held: the items that are kept, how many were refused and why, and everybody who sent. */
export interface Taken<T> {
  items: T[];
  rejected: number;
  /** The first reason for a refusal; empty when nothing was refused. */
  reason: string;
  sources: Source[];
}

/** `request` is what the decoder made by `tracesRequest`. Spans with ids that are not ids are refused. */
export function spansOf(request: unknown): Taken<SpanRecord> {
  const taken = empty<SpanRecord>();
  for (const { resource, scopeSpans } of (request as TracesRequest).resourceSpans ?? []) {
    const source = sourceOf(resource, taken.sources);
    for (const { spans } of scopeSpans ?? []) for (const span of spans ?? []) take(taken, span, source, spanOf);
  }
  return taken;
}

/** `request` is what the decoder made by `logsRequest`. `nowNs` stands in for a record without any time. */
export function logsOf(request: unknown, nowNs: bigint): Taken<LogRecord> {
  const taken = empty<LogRecord>();
  for (const { resource, scopeLogs } of (request as LogsRequest).resourceLogs ?? []) {
    const source = sourceOf(resource, taken.sources);
    for (const { logRecords } of scopeLogs ?? [])
      for (const record of logRecords ?? []) take(taken, record, source, (log, from) => logOf(log, from, nowNs));
  }
  return taken;
}

/** Data points by source; metrics are counted, not stored. One without a name is refused with all its points. */
export function pointsOf(request: unknown): Taken<Source> {
  const taken = empty<Source>();
  for (const { resource, scopeMetrics } of (request as MetricsRequest).resourceMetrics ?? []) {
    const source = sourceOf(resource, taken.sources);
    for (const { metrics } of scopeMetrics ?? [])
      for (const metric of metrics ?? []) {
        const data = metric.gauge ?? metric.sum ?? metric.histogram ?? metric.exponentialHistogram ?? metric.summary;
        for (const _ of data?.dataPoints ?? [])
          take(taken, metric, source, ({ name }, from) => (name ? from : "metric without a name"));
      }
  }
  return taken;
}

const empty = <T>(): Taken<T> => ({ items: [], rejected: 0, reason: "", sources: [] });

function take<G, T>(taken: Taken<T>, given: G, source: Source, make: (given: G, source: Source) => T | string): void {
  const made = make(given, source);
  if (typeof made !== "string") {
    taken.items.push(made);
    return;
  }
  taken.rejected += 1;
  taken.reason ||= made;
}

function sourceOf(resource: Resource | undefined, seen: Source[]): Source {
  let service = "unknown_service";
  let instance = "";
  for (const { key, value } of resource?.attributes ?? []) {
    if (key === "service.name") service = clip(value?.stringValue ?? "", MAX_NAME) || service;
    else if (key === "service.instance.id") instance = clip(value?.stringValue ?? "", MAX_NAME);
  }
  const source = { service, instance };
  seen.push(source);
  return source;
}

function spanOf(span: Span, { service, instance }: Source): SpanRecord | string {
  const { traceId = "", spanId = "", parentSpanId = "" } = span;
  if (!isId(traceId, 32)) return "trace_id is not 16 bytes, or all zero";
  if (!isId(spanId, 16)) return "span_id is not 8 bytes, or all zero";
  if (parentSpanId !== "" && parentSpanId.length !== 16) return "parent_span_id is not 8 bytes";
  const startNs = span.startTimeUnixNano ?? 0n;
  const endNs = span.endTimeUnixNano ?? startNs;
  if (!inRange(startNs) || !inRange(endNs)) return "time is out of range";
  return {
    service,
    instance,
    traceId,
    spanId,
    parentId: isId(parentSpanId, 16) ? parentSpanId : undefined,
    name: clip(span.name ?? "", MAX_NAME),
    kind: span.kind ?? 0,
    startNs,
    durationNs: endNs > startNs ? endNs - startNs : 0n,
    status: span.status?.code ?? 0,
    statusMessage: clip(span.status?.message ?? "", MAX_TEXT),
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).slice(0, MAX_EVENTS).map((event) => ({
      name: clip(event.name ?? "", MAX_NAME),
      timeNs: event.timeUnixNano !== undefined && inRange(event.timeUnixNano) ? event.timeUnixNano : startNs,
      attributes: attributesOf(event.attributes),
    })),
    links: (span.links ?? [])
      .filter((link) => isId(link.traceId ?? "", 32) && isId(link.spanId ?? "", 16))
      .slice(0, MAX_LINKS)
      .map((link) => ({ traceId: link.traceId as string, spanId: link.spanId as string })),
  };
}

function logOf(log: Log, { service, instance }: Source, nowNs: bigint): LogRecord | string {
  const { traceId = "", spanId = "" } = log;
  if (traceId !== "" && traceId.length !== 32) return "trace_id is not 16 bytes";
  if (spanId !== "" && spanId.length !== 16) return "span_id is not 8 bytes";
  const timeNs = log.timeUnixNano || log.observedTimeUnixNano || nowNs;
  if (!inRange(timeNs)) return "time is out of range";
  const body = log.body === undefined ? "" : valueOf(log.body);
  return {
    service,
    instance,
    timeNs,
    severity: log.severityNumber ?? 0,
    severityText: clip(log.severityText ?? "", 16),
    body: clip(typeof body === "string" ? body : JSON.stringify(body), MAX_TEXT),
    eventName: clip(log.eventName ?? "", MAX_NAME),
    traceId: isId(traceId, 32) ? traceId : undefined,
    spanId: isId(spanId, 16) ? spanId : undefined,
    attributes: attributesOf(log.attributes),
  };
}

const isId = (id: string, digits: number): boolean => id.length === digits && !/^0+$/.test(id);
/** What SQLite's 64-bit integers hold, with room for a duration. */
const inRange = (timeNs: bigint): boolean => timeNs >= 0n && timeNs < 2n ** 62n;

function attributesOf(list: KeyValue[] = []): Attributes {
  // fromEntries defines own properties, so a key named __proto__ is only a key.
  return Object.fromEntries(
    list.slice(0, MAX_ATTRIBUTES).map(({ key = "", value = {} }) => {
      const plain = valueOf(value);
      return [clip(key, MAX_NAME), key === "exception.stacktrace" && typeof plain === "string" ? frames(plain) : plain];
    }),
  );
}

function valueOf(value: AnyValue): Value {
  if (value.stringValue !== undefined) return clip(value.stringValue, MAX_TEXT);
  if (value.boolValue !== undefined) return value.boolValue;
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : String(value.intValue);
  }
  if (value.doubleValue !== undefined) {
    return Number.isFinite(value.doubleValue) ? value.doubleValue : String(value.doubleValue);
  }
  if (value.bytesValue !== undefined) return clip(value.bytesValue, MAX_TEXT);
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).slice(0, MAX_ATTRIBUTES).map(valueOf);
  if (value.kvlistValue !== undefined) return attributesOf(value.kvlistValue.values);
  return null;
}

const frames = (stack: string): string => stack.split("\n").slice(0, MAX_STACK_LINES).join("\n");

/**
 * Without tokens (a foreign bot may export its URLs), cut at `max` UTF-16 units and made well-formed: half a surrogate
 * pair would not survive SQLite's UTF-8.
 */
function clip(given: string, max: number): string {
  const text = redact(given);
  return text.length <= max ? text.toWellFormed() : `${text.slice(0, max - 1)}…`.toWellFormed();
}
