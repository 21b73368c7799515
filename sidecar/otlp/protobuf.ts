import type { Kind, Message } from "./schema.ts";
import { Cursor, DecodeError, I32, I64, LEN, VARINT } from "./wire.ts";

export const MAX_DEPTH = 32;
/** Two bytes can make an object of a hundred: the number of values is bounded, not only the bytes. */
export const MAX_VALUES = 250_000;

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
  const into = {};
  decode({ cursor: new Cursor(bytes), values: 0 }, root, bytes.length, 0, into);
  return into;
}

interface Reading {
  cursor: Cursor;
  /** Messages and elements of lists so far. */
  values: number;
}

function count(reading: Reading): void {
  if (++reading.values > MAX_VALUES) throw new DecodeError(`more than ${MAX_VALUES} values`);
}

function decode(reading: Reading, message: Message, end: number, depth: number, into: Record<string, unknown>): void {
  const { cursor } = reading;
  if (depth > MAX_DEPTH) throw new DecodeError(`nested deeper than ${MAX_DEPTH}`);
  count(reading);
  while (cursor.at < end) {
    const tag = cursor.varint32(end);
    const wireType = tag & 7;
    const field = message.fields[tag >>> 3];
    if (field === undefined) {
      if (tag >>> 3 === 0) throw new DecodeError("field number 0");
      cursor.skip(wireType, end);
      continue;
    }
    const { name, kind, repeated } = field;
    const packed = repeated && wireType === LEN && WIRE_TYPE[kind] !== LEN;
    if (wireType !== WIRE_TYPE[kind] && !packed) {
      throw new DecodeError(`${message.name}.${name} has wire type ${wireType}`);
    }
    if (message.oneof) for (const other in into) if (other !== name) delete into[other];
    if (kind === "message") {
      // A message that comes twice is merged, as protobuf has it; a repeated one is a new element.
      const target = (repeated ? {} : (into[name] ?? {})) as Record<string, unknown>;
      decode(reading, (field.message as () => Message)(), cursor.limit(end), depth + 1, target);
      if (repeated) ((into[name] ??= []) as unknown[]).push(target);
      else into[name] = target;
    } else if (!repeated) {
      into[name] = scalar(cursor, kind, end);
    } else {
      const list = (into[name] ??= []) as unknown[];
      for (const stop = packed ? cursor.limit(end) : cursor.at + 1; cursor.at < stop;) {
        count(reading);
        list.push(scalar(cursor, kind, packed ? stop : end));
      }
    }
  }
}

function scalar(cursor: Cursor, kind: Kind, end: number): unknown {
  switch (kind) {
    case "string":
      return cursor.text("utf8", end);
    case "id":
      return cursor.text("hex", end);
    case "bytes":
      return cursor.text("base64", end);
    case "bool":
      return cursor.varint64(end) !== 0n;
    case "int32":
      return cursor.varint32(end) | 0;
    case "sint32": {
      const raw = cursor.varint32(end);
      return (raw >>> 1) ^ -(raw & 1);
    }
    case "int64":
      return BigInt.asIntN(64, cursor.varint64(end));
    case "uint64":
      return cursor.varint64(end);
    case "fixed32":
      return cursor.fixed32(end);
    case "fixed64":
      return cursor.fixed64(end);
    default:
      return cursor.double(end);
  }
}
