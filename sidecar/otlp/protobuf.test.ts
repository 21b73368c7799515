import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decodeProtobuf } from "./protobuf.ts";
import { logsRequest, metricsRequest, tracesRequest, type Message } from "./schema.ts";
import { anyMessage, camel, decodeOfficially, encode, official, withoutDefaults } from "./testing.ts";
import { DecodeError } from "./wire.ts";

const REQUESTS: [string, Message][] = [
  ["ExportTraceServiceRequest", tracesRequest],
  ["ExportLogsServiceRequest", logsRequest],
  ["ExportMetricsServiceRequest", metricsRequest],
];
/** String tables are a feature of the profiles signal; entities only name attributes that are there anyway. */
const LEFT_OUT = new Set(["AnyValue.string_value_strindex", "KeyValue.key_strindex", "Resource.entity_refs"]);

test("the tables have every field of the official .proto files, with its number and wire type", () => {
  const seen = new Set<Message>();
  const walk = (name: string, message: Message): void => {
    if (seen.has(message)) return;
    seen.add(message);
    for (const field of official.get(name) ?? []) {
      if (LEFT_OUT.has(`${name}.${field.name}`)) continue;
      const ours = message.fields[field.number];
      assert.ok(ours, `${name}.${field.name} is missing`);
      assert.equal(ours.name, camel(field.name));
      assert.equal(ours.repeated, field.label === "repeated", `${name}.${field.name}`);
      assert.equal(ours.kind, kindOf(field.type, field.name), `${name}.${field.name}`);
      if (ours.message) walk(field.type, ours.message());
    }
  };
  for (const [name, message] of REQUESTS) walk(name, message);
  assert.ok(seen.size > 20);
});

/** Unsigned and signed 32-bit varints, and signed and unsigned 64-bit fixed numbers, are the same bytes. */
function kindOf(type: string, name: string): string {
  if (type === "bytes") return name.endsWith("_id") ? "id" : "bytes";
  const same: Record<string, string> = { uint32: "int32", enum: "int32", sfixed64: "fixed64" };
  const scalar = /^(string|bool|double|s?int(32|64)|uint64|fixed(32|64))$/;
  return same[type] ?? (scalar.test(type) ? type : "message");
}

for (const [name, message] of REQUESTS) {
  test(`whatever ${name} holds is read as the oracle reads it`, () => {
    fc.assert(
      fc.property(anyMessage(name), (value) => {
        const bytes = encode(name, value);
        assert.deepEqual(withoutDefaults(decodeProtobuf(bytes, message)), withoutOthers(decodeOfficially(name, bytes)));
      }),
      { numRuns: 300 },
    );
  });

  test(`${name} cut at any byte is refused or read exactly as the oracle does`, () => {
    const [value] = fc
      .sample(anyMessage(name), { numRuns: 200, seed: 7 })
      .sort((a, b) => encode(name, b).length - encode(name, a).length);
    const bytes = encode(name, value as object).subarray(0, 4000);
    assert.ok(bytes.length > 500, `${bytes.length} bytes`);
    for (let end = 0; end < bytes.length; end += 1) {
      const cut = Buffer.from(bytes.subarray(0, end));
      let expected: unknown;
      try {
        expected = decodeOfficially(name, cut);
      } catch {
        assert.throws(() => decodeProtobuf(cut, message), DecodeError, `cut at ${end}`);
        continue;
      }
      assert.deepEqual(withoutDefaults(decodeProtobuf(cut, message)), withoutOthers(expected), `cut at ${end}`);
    }
  });
}

const withoutOthers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutOthers);
  if (typeof value !== "object" || value === null) return value;
  const others = new Set(["stringValueStrindex", "keyStrindex", "entityRefs"]);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !others.has(key))
      .map(([key, item]) => [key, withoutOthers(item)]),
  );
};

test("any bytes end in a message or in DecodeError, never in another error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...REQUESTS), (bytes, [, message]) => {
      try {
        decodeProtobuf(Buffer.from(bytes), message);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test("a message with some bytes changed ends in a message or in DecodeError", () => {
  const [name, message] = REQUESTS[0] as [string, Message];
  const change = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(anyMessage(name), change, (value, changes) => {
      const bytes = encode(name, value);
      for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      try {
        decodeProtobuf(bytes, message);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

const REFUSED: [string, number[], RegExp][] = [
  ["a known field with another wire type", [0x08, 0x01], /wire type 0/],
  ["a length that goes past the end", [0x0a, 0x05, 0x00], /cut short/],
  ["a length of 4 GiB", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], /cut short/],
  ["field number 0", [0x02, 0x00], /field number 0/],
  ["a varint that does not end", [0x0a, ...Array.from({ length: 12 }, () => 0xff)], /longer than ten|cut short/],
  ["a group, which OTLP never uses", [0x7b, 0x7c], /wire type 3/],
];
for (const [what, bytes, expected] of REFUSED) {
  test(`${what} is refused`, () => {
    assert.throws(() => decodeProtobuf(Buffer.from(bytes), tracesRequest), expected);
  });
}

test("unknown fields of every wire type are skipped", () => {
  // fields 100–103: varint, 8 bytes, length-delimited, 4 bytes
  const unknown = [0xa0, 0x06, 0x01, 0xa9, 0x06, 1, 2, 3, 4, 5, 6, 7, 8, 0xb2, 0x06, 2, 9, 9, 0xbd, 0x06, 1, 2, 3, 4];
  assert.deepEqual(decodeProtobuf(Buffer.from(unknown), tracesRequest), {});
});

test("nesting deeper than 32 is refused, and so is a flood of tiny messages", () => {
  let value: object = { stringValue: "x" };
  for (let depth = 0; depth < 20; depth += 1) value = { arrayValue: { values: [value] } };
  const nested = encode("ExportTraceServiceRequest", {
    resourceSpans: [{ resource: { attributes: [{ key: "k", value }] } }],
  });
  assert.throws(() => decodeProtobuf(nested, tracesRequest), /nested deeper/);
  const flood = Buffer.alloc(600_000);
  for (let at = 0; at < flood.length; at += 2) flood[at] = 0x0a;
  assert.throws(() => decodeProtobuf(flood, tracesRequest), /more than 250000 values/);
});

test("the last field of a oneof wins", () => {
  const anyValue = Buffer.of(0x0a, 1, 0x61, 0x10, 1); // string_value "a", then bool_value true
  const keyValue = Buffer.concat([Buffer.of(0x12, anyValue.length), anyValue]);
  const resource = Buffer.concat([Buffer.of(0x0a, keyValue.length), keyValue]);
  const spans = Buffer.concat([Buffer.of(0x0a, resource.length), resource]);
  const request = Buffer.concat([Buffer.of(0x0a, spans.length), spans]);
  assert.deepEqual(decodeProtobuf(request, tracesRequest), {
    resourceSpans: [{ resource: { attributes: [{ value: { boolValue: true } }] } }],
  });
});
