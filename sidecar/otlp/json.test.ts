import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeJson } from "./json.ts";
import { decodeProtobuf } from "./protobuf.ts";
import { logsRequest, metricsRequest, tracesRequest, type Message } from "./schema.ts";
import { anyMessage, encode } from "./testing.ts";
import { DecodeError } from "./wire.ts";

const REQUESTS: [string, Message][] = [
  ["ExportTraceServiceRequest", tracesRequest],
  ["ExportLogsServiceRequest", logsRequest],
  ["ExportMetricsServiceRequest", metricsRequest],
];

/** OTLP/JSON of what the protobuf decoder gave: big integers as strings, the rest as it is. */
const asJson = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === "bigint") return String(item);
    return typeof item === "number" && !Number.isFinite(item) ? String(item) : item;
  });

for (const [name, message] of REQUESTS) {
  test(`JSON and protobuf of the same ${name} are read alike`, () => {
    fc.assert(
      fc.property(anyMessage(name), (value) => {
        const decoded = decodeProtobuf(encode(name, value), message);
        assert.deepEqual(zeroed(decodeJson(asJson(decoded), message)), zeroed(decoded));
      }),
      { numRuns: 200 },
    );
  });
}

/** JSON has no minus zero. */
const zeroed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(zeroed);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, zeroed(item)]));
  }
  return Object.is(value, -0) ? 0 : value;
};

const span = (fields: object): string => JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [fields] }] }] });
const spanOf = (text: string): Record<string, unknown> => {
  const { resourceSpans } = decodeJson(text, tracesRequest) as {
    resourceSpans: { scopeSpans: { spans: Record<string, unknown>[] }[] }[];
  };
  return resourceSpans[0]?.scopeSpans[0]?.spans[0] ?? {};
};

test("ids are hex in any case, never base64", () => {
  assert.equal(
    spanOf(span({ traceId: "4BF92F3577B34DA6A3CE929D0E0E4736" }))["traceId"],
    "4bf92f3577b34da6a3ce929d0e0e4736",
  );
  assert.throws(() => spanOf(span({ traceId: "S/kvNXezTaajzpKdDg5HNg==" })), /traceId is not hexadecimal/);
});

test("64-bit integers are strings or numbers, and lose no nanosecond", () => {
  assert.equal(spanOf(span({ startTimeUnixNano: "1795270331482123457" }))["startTimeUnixNano"], 1795270331482123457n);
  assert.equal(spanOf(span({ startTimeUnixNano: 1000 }))["startTimeUnixNano"], 1000n);
});

test("unknown keys are ignored, null means absent, and __proto__ is only a key", () => {
  const text = '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":null,"colour":1,"__proto__":{"kind":3}}]}]}]}';
  assert.deepEqual(spanOf(text), {});
});

const REFUSED: [string, string, RegExp][] = [
  ["text that is not JSON", "{", /not JSON/],
  ["a list instead of a message", "[]", /is not an object/],
  ["null", "null", /is not an object/],
  ["a message instead of a list", '{"resourceSpans":{}}', /is not a list/],
  ["an enum by its name", span({ kind: "SPAN_KIND_SERVER" }), /kind is not a whole number/],
  ["a fraction for an integer", span({ startTimeUnixNano: 1.5 }), /not a whole number of 64 bits/],
  [
    "an integer that is too large",
    span({ startTimeUnixNano: "18446744073709551616" }),
    /not a whole number of 64 bits/,
  ],
  ["a number for a text", span({ name: 1 }), /name is not a string/],
];
for (const [what, text, expected] of REFUSED) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => decodeJson(text, tracesRequest),
      (error) => error instanceof DecodeError && expected.test(error.message),
    );
  });
}

test("nesting deeper than 32 is refused", () => {
  let value = '{"stringValue":"x"}';
  for (let depth = 0; depth < 40; depth += 1) value = `{"arrayValue":{"values":[${value}]}}`;
  const text = `{"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":${value}}]}}]}`;
  assert.throws(() => decodeJson(text, tracesRequest), /nested deeper/);
});
