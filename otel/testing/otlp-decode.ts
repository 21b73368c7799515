/** OTLP protobuf → plain objects, for tests: what really left the process, byte for byte. */

type Shape = Readonly<Record<number, readonly [name: string, type: FieldType]>>;
type FieldType = "text" | "hex" | "uint" | "fixed64" | "double" | "sfixed64" | "fixed64s" | "doubles" | Shape | [Shape];

const value: Record<number, readonly [string, FieldType]> = {
  1: ["string", "text"],
  2: ["bool", "uint"],
  3: ["int", "uint"],
  4: ["double", "double"],
};
value[5] = ["array", { 1: ["values", [value]] }];
const keyValue: Shape = { 1: ["key", "text"], 2: ["value", value] };
const resource: Shape = { 1: ["attributes", [keyValue]] };
const scope: Shape = { 1: ["name", "text"], 2: ["version", "text"] };
const span: Shape = {
  1: ["traceId", "hex"],
  2: ["spanId", "hex"],
  4: ["parentSpanId", "hex"],
  5: ["name", "text"],
  6: ["kind", "uint"],
  7: ["start", "fixed64"],
  8: ["end", "fixed64"],
  9: ["attributes", [keyValue]],
  11: ["events", [{ 2: ["name", "text"], 3: ["attributes", [keyValue]] }]],
  13: ["links", [{ 1: ["traceId", "hex"], 2: ["spanId", "hex"], 4: ["attributes", [keyValue]] }]],
  15: ["status", { 2: ["message", "text"], 3: ["code", "uint"] }],
};
const log: Shape = {
  1: ["time", "fixed64"],
  2: ["severityNumber", "uint"],
  3: ["severityText", "text"],
  5: ["body", value],
  6: ["attributes", [keyValue]],
  9: ["traceId", "hex"],
  10: ["spanId", "hex"],
  12: ["eventName", "text"],
};
const point: Shape = { 4: ["double", "double"], 6: ["int", "sfixed64"], 7: ["attributes", [keyValue]] };
const histogram: Shape = {
  4: ["count", "fixed64"],
  5: ["sum", "double"],
  6: ["buckets", "fixed64s"],
  7: ["bounds", "doubles"],
  9: ["attributes", [keyValue]],
};
const metric: Shape = {
  1: ["name", "text"],
  3: ["unit", "text"],
  5: ["gauge", { 1: ["points", [point]] }],
  7: ["sum", { 1: ["points", [point]], 3: ["monotonic", "uint"] }],
  9: ["histogram", { 1: ["points", [histogram]] }],
};
const request = (item: Shape): Shape => ({
  1: ["resources", [{ 1: ["resource", resource], 2: ["scopes", [{ 1: ["scope", scope], 2: ["items", [item]] }]] }]],
});
const requests = { traces: request(span), logs: request(log), metrics: request(metric) };

interface Decoded {
  resources?: {
    resource?: RawAttributes;
    scopes?: { scope?: { name?: string }; items?: Record<string, unknown>[] }[];
  }[];
}
interface RawAttributes {
  attributes?: { key: string; value?: Record<string, unknown> }[];
}
export type Attributes = Record<string, unknown>;

/** Every item of a request with its attributes as a record, and those of its resource. */
export function decodeOtlp(
  signal: keyof typeof requests,
  body: Uint8Array,
): { resource: Attributes; scope: string; item: Record<string, unknown> }[] {
  const decoded = decode(requests[signal], body) as Decoded;
  return (decoded.resources ?? []).flatMap((part) =>
    (part.scopes ?? []).flatMap((scoped) =>
      (scoped.items ?? []).map((item) => ({
        resource: attributesOf(part.resource),
        scope: scoped.scope?.name ?? "",
        item: { ...item, attributes: attributesOf(item as RawAttributes) },
      })),
    ),
  );
}

export const attributesOf = (holder: RawAttributes | undefined): Attributes =>
  Object.fromEntries((holder?.attributes ?? []).map(({ key, value }) => [key, plain(value)]));

export function plain(any: Record<string, unknown> | undefined): unknown {
  if (any === undefined) return undefined;
  if ("array" in any) return ((any["array"] as { values?: Record<string, unknown>[] }).values ?? []).map(plain);
  if ("bool" in any) return any["bool"] === 1;
  return any["string"] ?? any["int"] ?? any["double"];
}

function decode(shape: Shape, bytes: Uint8Array): Record<string, unknown> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoded: Record<string, unknown> = {};
  let at = 0;
  const varint = (): number => {
    let result = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, result));
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [name, type] = shape[tag >> 3] ?? [];
    const wire = tag & 7;
    const from = at;
    let length = 8;
    let number = 0;
    if (wire === 0) number = varint();
    else if (wire === 5) length = 4;
    else if (wire === 2) length = varint();
    const body = wire === 0 ? bytes.subarray(from, at) : bytes.subarray(at, (at += length));
    if (name === undefined || type === undefined) continue;
    if (Array.isArray(type)) ((decoded[name] ??= []) as unknown[]).push(decode(type[0], body));
    else decoded[name] = typeof type === "object" ? decode(type, body) : scalar(type, body, number);
  }
  return decoded;
}

function scalar(type: string, body: Uint8Array, number: number): unknown {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const words = Array.from({ length: body.byteLength >> 3 }, (_, index) => index * 8);
  if (type === "text") return Buffer.from(body).toString("utf8");
  if (type === "hex") return Buffer.from(body).toString("hex");
  if (type === "uint") return number;
  if (type === "double") return view.getFloat64(0, true);
  if (type === "sfixed64") return Number(view.getBigInt64(0, true));
  if (type === "fixed64") return view.getBigUint64(0, true);
  if (type === "doubles") return words.map((at) => view.getFloat64(at, true));
  return words.map((at) => Number(view.getBigUint64(at, true)));
}
