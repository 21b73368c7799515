/**
 * The OTLP messages as tables: field number → name and kind, from opentelemetry-proto 1.x. One table serves both
 * encodings (`protobuf.ts` reads field numbers, `json.ts` reads names), so they cannot drift apart.
 */
export type Kind =
  | "string"
  | "bytes"
  | "id"
  | "bool"
  | "int32"
  | "sint32"
  | "fixed32"
  | "fixed64"
  | "int64"
  | "uint64"
  | "double";

export interface Field {
  name: string;
  kind: Kind | "message";
  repeated: boolean;
  /** Set when kind is `message`; late bound, because AnyValue holds itself. */
  message?: () => Message;
}

export interface Message {
  name: string;
  /** By field number; holes are unknown fields, which are skipped. */
  fields: (Field | undefined)[];
  byName: Map<string, Field>;
  /** At most one field is set: the last one read wins (AnyValue). */
  oneof: boolean;
}

type Shape = Record<number, Field>;

const one = (name: string, kind: Kind): Field => ({ name, kind, repeated: false });
const many = (name: string, kind: Kind): Field => ({ name, kind, repeated: true });
const sub = (name: string, message: () => Message): Field => ({ name, kind: "message", repeated: false, message });
const subs = (name: string, message: () => Message): Field => ({ name, kind: "message", repeated: true, message });

function message(name: string, shape: Shape, oneof = false): Message {
  const fields: (Field | undefined)[] = [];
  for (const [number, field] of Object.entries(shape)) fields[Number(number)] = field;
  return { name, fields, byName: new Map(Object.values(shape).map((field) => [field.name, field])), oneof };
}

const anyValue: Message = message(
  "AnyValue",
  {
    1: one("stringValue", "string"),
    2: one("boolValue", "bool"),
    3: one("intValue", "int64"),
    4: one("doubleValue", "double"),
    5: sub("arrayValue", () => arrayValue),
    6: sub("kvlistValue", () => keyValueList),
    7: one("bytesValue", "bytes"),
  },
  true,
);
const arrayValue: Message = message("ArrayValue", { 1: subs("values", () => anyValue) });
const keyValue: Message = message("KeyValue", { 1: one("key", "string"), 2: sub("value", () => anyValue) });
const keyValueList: Message = message("KeyValueList", { 1: subs("values", () => keyValue) });
const attributes = subs("attributes", () => keyValue);
const dropped = one("droppedAttributesCount", "int32");
const flags = one("flags", "fixed32");
const start = one("startTimeUnixNano", "fixed64");
const time = one("timeUnixNano", "fixed64");

const resource = message("Resource", { 1: attributes, 2: dropped });
const scope = message("InstrumentationScope", {
  1: one("name", "string"),
  2: one("version", "string"),
  3: attributes,
  4: dropped,
});

/** Each signal is a list of resources, each a list of scopes, each a list of items: the same three levels. */
function request(name: string, plural: string, item: Message): Message {
  const scopes = message(`Scope${name}`, {
    1: sub("scope", () => scope),
    2: subs(plural, () => item),
    3: one("schemaUrl", "string"),
  });
  const resources = message(`Resource${name}`, {
    1: sub("resource", () => resource),
    2: subs(`scope${name}`, () => scopes),
    3: one("schemaUrl", "string"),
  });
  return message(`Export${name}ServiceRequest`, { 1: subs(`resource${name}`, () => resources) });
}

const event = message("Span.Event", { 1: time, 2: one("name", "string"), 3: attributes, 4: dropped });
const link = message("Span.Link", {
  1: one("traceId", "id"),
  2: one("spanId", "id"),
  3: one("traceState", "string"),
  4: attributes,
  5: dropped,
  6: flags,
});
const status = message("Status", { 2: one("message", "string"), 3: one("code", "int32") });
const span = message("Span", {
  1: one("traceId", "id"),
  2: one("spanId", "id"),
  3: one("traceState", "string"),
  4: one("parentSpanId", "id"),
  5: one("name", "string"),
  6: one("kind", "int32"),
  7: start,
  8: one("endTimeUnixNano", "fixed64"),
  9: attributes,
  10: dropped,
  11: subs("events", () => event),
  12: one("droppedEventsCount", "int32"),
  13: subs("links", () => link),
  14: one("droppedLinksCount", "int32"),
  15: sub("status", () => status),
  16: flags,
});

const logRecord = message("LogRecord", {
  1: time,
  2: one("severityNumber", "int32"),
  3: one("severityText", "string"),
  5: sub("body", () => anyValue),
  6: attributes,
  7: dropped,
  8: flags,
  9: one("traceId", "id"),
  10: one("spanId", "id"),
  11: one("observedTimeUnixNano", "fixed64"),
  12: one("eventName", "string"),
});

const exemplar = message("Exemplar", {
  2: time,
  3: one("asDouble", "double"),
  4: one("spanId", "id"),
  5: one("traceId", "id"),
  6: one("asInt", "fixed64"),
  7: subs("filteredAttributes", () => keyValue),
});
const exemplars = subs("exemplars", () => exemplar);
const numberPoint = message("NumberDataPoint", {
  2: start,
  3: time,
  4: one("asDouble", "double"),
  5: exemplars,
  6: one("asInt", "fixed64"),
  7: attributes,
  8: one("flags", "int32"),
});
const histogramPoint = message("HistogramDataPoint", {
  2: start,
  3: time,
  4: one("count", "fixed64"),
  5: one("sum", "double"),
  6: many("bucketCounts", "fixed64"),
  7: many("explicitBounds", "double"),
  8: exemplars,
  9: attributes,
  10: one("flags", "int32"),
  11: one("min", "double"),
  12: one("max", "double"),
});
const buckets = message("Buckets", { 1: one("offset", "sint32"), 2: many("bucketCounts", "uint64") });
const exponentialPoint = message("ExponentialHistogramDataPoint", {
  1: attributes,
  2: start,
  3: time,
  4: one("count", "fixed64"),
  5: one("sum", "double"),
  6: one("scale", "sint32"),
  7: one("zeroCount", "fixed64"),
  8: sub("positive", () => buckets),
  9: sub("negative", () => buckets),
  10: one("flags", "int32"),
  11: exemplars,
  12: one("min", "double"),
  13: one("max", "double"),
  14: one("zeroThreshold", "double"),
});
const quantile = message("ValueAtQuantile", { 1: one("quantile", "double"), 2: one("value", "double") });
const summaryPoint = message("SummaryDataPoint", {
  2: start,
  3: time,
  4: one("count", "fixed64"),
  5: one("sum", "double"),
  6: subs("quantileValues", () => quantile),
  7: attributes,
  8: one("flags", "int32"),
});
const points = (name: string, point: Message): Message =>
  message(name, {
    1: subs("dataPoints", () => point),
    2: one("aggregationTemporality", "int32"),
    3: one("isMonotonic", "bool"),
  });
const gauge = points("Gauge", numberPoint);
const sum = points("Sum", numberPoint);
const histogram = points("Histogram", histogramPoint);
const exponentialHistogram = points("ExponentialHistogram", exponentialPoint);
const summary = points("Summary", summaryPoint);
const metric = message("Metric", {
  1: one("name", "string"),
  2: one("description", "string"),
  3: one("unit", "string"),
  5: sub("gauge", () => gauge),
  7: sub("sum", () => sum),
  9: sub("histogram", () => histogram),
  10: sub("exponentialHistogram", () => exponentialHistogram),
  11: sub("summary", () => summary),
  12: subs("metadata", () => keyValue),
});

export const tracesRequest = request("Spans", "spans", span);
export const logsRequest = request("Logs", "logRecords", logRecord);
export const metricsRequest = request("Metrics", "metrics", metric);
