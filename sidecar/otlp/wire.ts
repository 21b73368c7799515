import type { Kind, Message } from "./schema.ts";

/** The body is not what it says it is; the client must not send it again (400). */
export class DecodeError extends Error {
  override name = "DecodeError";
}

export const MAX_DEPTH = 32;
/** Two bytes can make an object of a hundred: the number of messages is bounded, not only the bytes. */
const MAX_MESSAGES = 1_000_000;

const VARINT = 0;
const I64 = 1;
const LEN = 2;
const I32 = 5;

const WIRE_TYPE: Record<Kind | "message", number> = {
  string: LEN,
  bytes: LEN,
  id: LEN,
  message: LEN,
  bool: VARINT,
  int32: VARINT,
  sint32: VARINT,
  int64: VARINT,
  uint64: VARINT,
  fixed32: I32,
  fixed64: I64,
  double: I64,
};

/**
 * Decodes one protobuf message by its table. Absent fields stay absent; 64-bit integers are bigint, ids are hex,
 * bytes are base64 (as in OTLP/JSON). Unknown fields are skipped; a known field with another wire type, a cut
 * message or nesting over 32 throws `DecodeError`.
 */
export function decodeProtobuf(bytes: Buffer, root: Message): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let messages = 0;

  const need = (count: number, end: number): number => {
    const from = at;
    if (count > end - at) throw new DecodeError("message is cut short");
    at += count;
    return from;
  };

  const byte = (end: number): number => bytes[need(1, end)] as number;

  /** Low 32 bits, unsigned; ten bytes at most. Enough for tags, lengths, enums, flags and booleans. */
  const varint32 = (end: number): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const next = byte(end);
      if (shift < 32) value |= (next & 0x7f) << shift;
      if (next < 0x80) return value >>> 0;
    }
    throw new DecodeError("varint is longer than ten bytes");
  };

  const varint64 = (end: number): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const next = byte(end);
      value |= BigInt(next & 0x7f) << shift;
      if (next < 0x80) return BigInt.asUintN(64, value);
    }
    throw new DecodeError("varint is longer than ten bytes");
  };

  const skip = (wireType: number, end: number): void => {
    if (wireType === VARINT) varint64(end);
    else if (wireType === I64) need(8, end);
    else if (wireType === LEN) need(varint32(end), end);
    else if (wireType === I32) need(4, end);
    else throw new DecodeError(`wire type ${wireType} is not used by OTLP`);
  };

  const scalar = (kind: Kind, end: number): unknown => {
    switch (kind) {
      case "string": {
        const from = need(varint32(end), end);
        return bytes.toString("utf8", from, at);
      }
      case "id": {
        const from = need(varint32(end), end);
        return bytes.toString("hex", from, at);
      }
      case "bytes": {
        const from = need(varint32(end), end);
        return bytes.toString("base64", from, at);
      }
      case "bool":
        return varint64(end) !== 0n;
      case "int32":
        return varint32(end) | 0;
      case "sint32": {
        const raw = varint32(end);
        return (raw >>> 1) ^ -(raw & 1);
      }
      case "int64":
        return BigInt.asIntN(64, varint64(end));
      case "uint64":
        return varint64(end);
      case "fixed32":
        return view.getUint32(need(4, end), true);
      case "fixed64":
        return view.getBigUint64(need(8, end), true);
      default:
        return view.getFloat64(need(8, end), true);
    }
  };

  /** Where a length-delimited value ends; leaves `at` at its beginning. */
  const limit = (end: number): number => {
    const length = varint32(end);
    const from = need(length, end);
    at = from;
    return from + length;
  };

  const packedInto = (list: unknown[], kind: Kind, stop: number): void => {
    for (; at < stop; list.push(scalar(kind, stop)));
  };

  const decode = (message: Message, end: number, depth: number, into: Record<string, unknown>): unknown => {
    if (depth > MAX_DEPTH) throw new DecodeError(`nested deeper than ${MAX_DEPTH}`);
    if (++messages > MAX_MESSAGES) throw new DecodeError(`more than ${MAX_MESSAGES} messages`);
    while (at < end) {
      const tag = varint32(end);
      const wireType = tag & 7;
      const field = message.fields[tag >>> 3];
      if (field === undefined) {
        if (tag >>> 3 === 0) throw new DecodeError("field number 0");
        skip(wireType, end);
        continue;
      }
      const { name, kind } = field;
      const packed = field.repeated && wireType === LEN && WIRE_TYPE[kind] !== LEN;
      if (wireType !== WIRE_TYPE[kind] && !packed) {
        throw new DecodeError(`${message.name}.${name} has wire type ${wireType}`);
      }
      if (message.oneof) for (const other in into) if (other !== name) delete into[other];
      if (kind !== "message" && !field.repeated) {
        into[name] = scalar(kind, end);
      } else if (kind !== "message") {
        const list = (into[name] ??= []) as unknown[];
        if (packed) packedInto(list, kind, limit(end));
        else list.push(scalar(kind, end));
      } else {
        // A message that comes twice is merged, as protobuf has it; a repeated one is a new element.
        const target = (field.repeated ? {} : (into[name] ?? {})) as Record<string, unknown>;
        decode((field.message as () => Message)(), limit(end), depth + 1, target);
        if (field.repeated) ((into[name] ??= []) as unknown[]).push(target);
        else into[name] = target;
      }
    }
    return into;
  };

  return decode(root, bytes.length, 0, {});
}
