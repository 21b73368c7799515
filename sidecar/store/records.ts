/** A span, log record or point as the store takes it: already checked, clipped and free of OTLP's nesting. */
export type Value = string | number | boolean | null | Value[] | { [key: string]: Value };
export type Attributes = Record<string, Value>;

/** Who sent it: `service.name` and `service.instance.id` of the resource. Text of a peer: never trusted. */
export interface Source {
  service: string;
  instance: string;
}

export interface SpanRecord extends Source {
  /** 32 and 16 lower-case hex digits. */
  traceId: string;
  spanId: string;
  /** undefined: a root. */
  parentId: string | undefined;
  name: string;
  /** OTLP's SpanKind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  /** Unix nanoseconds: over 2^53, so never a number. */
  startNs: bigint;
  durationNs: bigint;
  /** 0 unset, 1 ok, 2 error. */
  status: number;
  statusMessage: string;
  attributes: Attributes;
  events: SpanEvent[];
  links: { traceId: string; spanId: string }[];
}

export interface SpanEvent {
  name: string;
  timeNs: bigint;
  attributes: Attributes;
}

export interface LogRecord extends Source {
  timeNs: bigint;
  /** OTLP's SeverityNumber, 1–24; 17 and over is an error. */
  severity: number;
  severityText: string;
  body: string;
  eventName: string;
  traceId: string | undefined;
  spanId: string | undefined;
  attributes: Attributes;
}

/** One point of a chart, seen by the sidecar itself. */
export interface Point {
  /** What is watched: a bot, a mount, a dependency. */
  target: string;
  /** `updates`, `errors`, `p95_seconds`, `pending`, `up` … */
  series: string;
  /** Unix milliseconds. */
  atMs: number;
  value: number;
}
