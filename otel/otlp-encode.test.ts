import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyValue, SpanContext } from "@opentelemetry/api";
import { createTraceState } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import type { Resource } from "@opentelemetry/resources";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import * as fc from "fast-check";
import { readTelemetryConfig } from "./config.ts";
import { createExporters } from "./exporters.ts";
import { encodeLogs, encodeSpans } from "./otlp-encode.ts";
import { createTeeMeter } from "./tee-meter.ts";

/** The serializer that an exporter uses: private, and we put ours there. */
const serializerOf = (exporter: object) =>
  (exporter as { _delegate: { _serializer: { serializeRequest: (items: unknown) => Uint8Array | undefined } } })
    ._delegate._serializer.serializeRequest;
const sdkSpans = serializerOf(new OTLPTraceExporter());
const sdkLogs = serializerOf(new OTLPLogExporter());

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 60 }),
  // Lengths around those where a length needs one more byte.
  fc.integer({ min: 100, max: 300 }).map((length) => "x".repeat(length)),
  fc.constantFrom("ü".repeat(63), "ü".repeat(64), "\ud800", "y".repeat(16_400)),
);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(0, -0, -1, 2 ** 32, 2 ** 53 + 2, 2 ** 63, -(2 ** 63), 2 ** 63 - 1024, -(2 ** 32), Number.NaN),
);
const { value } = fc.letrec<{ value: AnyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 200 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const attributes = fc.dictionary(text, value, { maxKeys: 8 });
const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: digits, maxLength: digits });
const time = fc.tuple(fc.integer({ min: 0, max: 2 ** 33 }), fc.integer({ min: 0, max: 999_999_999 }));
const count = fc.oneof(fc.constant(0), fc.nat());
const context = fc.record(
  {
    traceId: hex(32),
    spanId: hex(16),
    traceFlags: fc.nat({ max: 255 }),
    isRemote: fc.boolean(),
    traceState: fc.constantFrom(createTraceState("a=1,b=2"), createTraceState("")),
  },
  { requiredKeys: ["traceId", "spanId", "traceFlags"] },
) as fc.Arbitrary<SpanContext>;
const resources: Resource[] = [
  resourceFromAttributes({ "service.name": "bot" }, { schemaUrl: "https://example.org/1" }),
  resourceFromAttributes({}),
];
const scopes = [
  { name: "@gramwatch/otel", version: "1.0.0" },
  { name: "other", schemaUrl: "https://example.org/2" },
  { name: "with attributes", attributes: { a: 1 } },
];
const where = { resource: fc.constantFrom(...resources), instrumentationScope: fc.constantFrom(...scopes) };

const span = fc.record({
  ...where,
  spanContext: context.map((given) => () => given),
  parentSpanContext: fc.option(context, { nil: undefined }),
  name: text,
  kind: fc.nat({ max: 4 }),
  startTime: time,
  endTime: time,
  attributes,
  droppedAttributesCount: count,
  events: fc.array(
    fc.record({ time, name: text, attributes, droppedAttributesCount: count }, { requiredKeys: ["time", "name"] }),
    { maxLength: 3 },
  ),
  droppedEventsCount: count,
  links: fc.array(fc.record({ context, attributes, droppedAttributesCount: count }, { requiredKeys: ["context"] }), {
    maxLength: 3,
  }),
  droppedLinksCount: count,
  status: fc.record({ code: fc.nat({ max: 2 }), message: text }, { requiredKeys: ["code"] }),
});

const record = fc.record(
  {
    ...where,
    hrTime: time,
    hrTimeObserved: time,
    attributes,
    droppedAttributesCount: count,
    spanContext: context,
    severityNumber: fc.nat({ max: 24 }),
    severityText: text,
    body: value,
    eventName: text,
  },
  {
    requiredKeys: [
      "resource",
      "instrumentationScope",
      "hrTime",
      "hrTimeObserved",
      "attributes",
      "droppedAttributesCount",
    ],
  },
);

const same = (ours: Uint8Array, theirs: Uint8Array | undefined): void =>
  assert.equal(Buffer.from(ours).toString("hex"), Buffer.from(theirs ?? []).toString("hex"));

test("spans are written as the SDK writes them, byte for byte", () => {
  fc.assert(
    fc.property(fc.array(span, { maxLength: 6 }), (given) => {
      const spans = given as unknown as ReadableSpan[];
      same(encodeSpans(spans), sdkSpans(spans));
    }),
    { numRuns: 150 },
  );
});

test("log records are written as the SDK writes them, byte for byte", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 6 }), (given) => {
      const records = given as unknown as ReadableLogRecord[];
      same(encodeLogs(records), sdkLogs(records));
    }),
    { numRuns: 150 },
  );
});

test("a batch that is longer than expected grows its buffer", () => {
  const [one] = fc.sample(span, 1) as unknown as ReadableSpan[];
  assert.ok(one);
  const spans = Array.from({ length: 100 }, () => ({ ...one, attributes: { long: "z".repeat(30_000) } }));
  same(encodeSpans(spans), sdkSpans(spans));
});

test("the exporters write with it: the SDK has its serializer where we replace it", () => {
  const clocks = { now: () => 0, monotonic: () => 0 };
  const exporters = createExporters(readTelemetryConfig({}).config, createTeeMeter().provider, clocks);
  assert.equal(serializerOf(exporters.traces), encodeSpans);
  assert.equal(serializerOf(exporters.logs), encodeLogs);
  exporters.close();
});
