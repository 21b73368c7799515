import type { LogRecord, SpanRecord } from "./records.ts";

/** For tests: records with everything that a test does not care about. */
export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
export const ROOT_ID = "a3ce929d0e0e4736";

const nanos = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n;

export function spanRecord({
  atMs = 1_000,
  tookMs = 5,
  ...over
}: Partial<SpanRecord> & { atMs?: number; tookMs?: number } = {}): SpanRecord {
  return {
    service: "shopbot",
    instance: "i1",
    traceId: TRACE_ID,
    spanId: ROOT_ID,
    parentId: undefined,
    name: "process message",
    kind: 5,
    startNs: nanos(atMs),
    durationNs: nanos(tookMs),
    status: 0,
    statusMessage: "",
    attributes: {},
    events: [],
    links: [],
    ...over,
  };
}

export function logRecord({ atMs = 1_000, ...over }: Partial<LogRecord> & { atMs?: number } = {}): LogRecord {
  return {
    service: "shopbot",
    instance: "i1",
    timeNs: nanos(atMs),
    severity: 9,
    severityText: "INFO",
    body: "update handled",
    eventName: "",
    traceId: undefined,
    spanId: undefined,
    attributes: {},
    ...over,
  };
}
