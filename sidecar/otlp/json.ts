import type { Field, Kind, Message } from "./schema.ts";
import { MAX_DEPTH, MAX_VALUES } from "./protobuf.ts";
import { DecodeError } from "./wire.ts";

/**
 * Reads OTLP/JSON by the same tables into the same shape as `decodeProtobuf`: ids are hex in any case, enums are
 * numbers, 64-bit integers are strings or numbers, unknown keys are ignored, `null` means absent.
 */
export function decodeJson(text: string, root: Message): unknown {
  if (mostValues(text) > MAX_VALUES) throw new DecodeError(`more than ${MAX_VALUES} values`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new DecodeError("body is not JSON");
  }
  return objectOf(body, root, 0);
}

/** `JSON.parse` makes all values at once, so they are counted before it: each opens a list or map, or follows a comma. */
function mostValues(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === "," || char === "[" || char === "{") count += 1;
  }
  return count;
}

function objectOf(given: unknown, message: Message, depth: number): Record<string, unknown> {
  if (depth > MAX_DEPTH) throw new DecodeError(`nested deeper than ${MAX_DEPTH}`);
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new DecodeError(`${message.name} is not an object`);
  const into: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const field = message.byName.get(key);
    if (field === undefined || value === null) continue;
    const where = `${message.name}.${key}`;
    if (!field.repeated) {
      into[key] = valueOf(value, field, where, depth);
    } else if (Array.isArray(value)) {
      into[key] = value.map((item) => valueOf(item, field, where, depth));
    } else {
      throw new DecodeError(`${where} is not a list`);
    }
  }
  return into;
}

function valueOf(given: unknown, field: Field, where: string, depth: number): unknown {
  if (field.kind === "message") return objectOf(given, (field.message as () => Message)(), depth + 1);
  const { read, expected } = SCALARS[field.kind];
  const value = read(given);
  if (value === undefined) throw new DecodeError(`${where} is not ${expected}`);
  return value;
}

const integer = {
  expected: "a whole number",
  read: (given: unknown): unknown => {
    const value = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    return Number.isInteger(value) ? value : undefined;
  },
};
const integer64 = (min: bigint, max: bigint) => ({
  expected: "a whole number of 64 bits",
  read: (given: unknown): unknown => {
    const exact = typeof given === "number" ? Number.isInteger(given) : /^-?\d{1,20}$/.test(String(given));
    if (!exact) return undefined;
    const value = BigInt(given as string | number);
    return value >= min && value <= max ? value : undefined;
  },
});
// NumberDataPoint.asInt is sfixed64, every other fixed field is unsigned: both ranges are taken.
const either64 = integer64(-(2n ** 63n), 2n ** 64n - 1n);

/** How a value of each kind is written in JSON; undefined: it is not one. */
const SCALARS: Record<Kind, { expected: string; read: (given: unknown) => unknown }> = {
  string: { expected: "a string", read: (given) => (typeof given === "string" ? given : undefined) },
  bool: { expected: "true or false", read: (given) => (typeof given === "boolean" ? given : undefined) },
  id: {
    expected: "hexadecimal",
    read: (given) => (typeof given === "string" && /^(?:[0-9a-f]{2})*$/i.test(given) ? given.toLowerCase() : undefined),
  },
  bytes: {
    expected: "base64",
    read: (given) => (typeof given === "string" ? Buffer.from(given, "base64").toString("base64") : undefined),
  },
  double: {
    expected: "a number",
    read: (given) => {
      if (typeof given === "number") return given;
      if (given === "NaN" || given === "Infinity" || given === "-Infinity") return Number(given);
      return typeof given === "string" && given.trim() !== "" && Number.isFinite(Number(given))
        ? Number(given)
        : undefined;
    },
  },
  int32: integer,
  sint32: integer,
  fixed32: integer,
  int64: integer64(-(2n ** 63n), 2n ** 63n - 1n),
  fixed64: either64,
  uint64: either64,
};
