import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  fromBinary,
  toBinary,
  type DescMessage,
  type Message as ProtoMessage,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import * as fc from "fast-check";

/** The oracle: `@bufbuild/protobuf` over the fields of the official .proto files, which know nothing of our tables. */
export interface OfficialField {
  number: number;
  label: string;
  type: string;
  name: string;
}

export const official = new Map<string, OfficialField[]>();
for (const line of readFileSync(new URL("fixtures/opentelemetry-proto.txt", import.meta.url), "utf8").split("\n")) {
  const [message = "", number = "", label = "", type = "", name = ""] = line.split(" ");
  if (line === "" || line.startsWith("#")) continue;
  official.set(message, [...(official.get(message) ?? []), { number: Number(number), label, type, name }]);
}

export const camel = (name: string): string => name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

const SCALARS: Record<string, Type> = {
  string: Type.STRING,
  bytes: Type.BYTES,
  bool: Type.BOOL,
  int32: Type.INT32,
  uint32: Type.UINT32,
  sint32: Type.SINT32,
  int64: Type.INT64,
  uint64: Type.UINT64,
  fixed32: Type.FIXED32,
  fixed64: Type.FIXED64,
  sfixed64: Type.SFIXED64,
  double: Type.DOUBLE,
  enum: Type.INT32, // open enums of proto3 are integers on the wire
};

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: "otlp.proto",
        package: "otlp",
        syntax: "proto3",
        messageType: [...official].map(([name, fields]) => ({
          name,
          field: fields.map((field) => ({
            name: field.name,
            number: field.number,
            label: field.label === "repeated" ? Label.REPEATED : Label.OPTIONAL,
            type: SCALARS[field.type] ?? Type.MESSAGE,
            typeName: field.type in SCALARS ? "" : `.otlp.${field.type}`,
          })),
        })),
      },
    ],
  }),
);
const descriptorOf = (message: string): DescMessage => registry.getMessage(`otlp.${message}`) as DescMessage;

export const encode = (message: string, value: object): Buffer =>
  Buffer.from(toBinary(descriptorOf(message), create(descriptorOf(message), value as ProtoMessage)));

/** What the oracle reads, in the shape of our decoder and without what equals the default. */
export const decodeOfficially = (message: string, bytes: Uint8Array): unknown =>
  plain(message, fromBinary(descriptorOf(message), bytes));

function plain(message: string, value: unknown): unknown {
  const into: Record<string, unknown> = {};
  for (const { name, type, label } of official.get(message) ?? []) {
    const given = (value as Record<string, unknown>)[camel(name)];
    const one = (item: unknown): unknown => {
      if (item instanceof Uint8Array) return Buffer.from(item).toString(name.endsWith("_id") ? "hex" : "base64");
      if (type === "sfixed64") return BigInt.asUintN(64, item as bigint);
      if (type === "uint32") return (item as number) | 0;
      return type in SCALARS ? item : plain(type, item);
    };
    if (given !== undefined) into[camel(name)] = label === "repeated" ? (given as unknown[]).map(one) : one(given);
  }
  return withoutDefaults(into);
}

export function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([, item]) =>
          !(item === "" || item === 0 || item === 0n || item === false || (Array.isArray(item) && item.length === 0)),
      )
      .map(([key, item]) => [key, withoutDefaults(item)]),
  );
}

/** Any message of this name, a few levels deep; of a oneof at most one field. */
export function anyMessage(message: string, depth = 0): fc.Arbitrary<object> {
  const fields = (official.get(message) ?? []).filter(({ type }) => depth < 9 || type in SCALARS);
  const pick = (some: OfficialField[]) =>
    fc.record(Object.fromEntries(some.map((field) => [camel(field.name), anyField(field, depth)])), {
      requiredKeys: [],
    });
  const free = pick(fields.filter(({ label }) => label !== "oneof"));
  const choices = fields.filter(({ label }) => label === "oneof").map((field) => pick([field]));
  return choices.length === 0 ? free : fc.tuple(free, fc.oneof(...choices)).map(([a, b]) => ({ ...a, ...b }));
}

function anyField({ type, label, name }: OfficialField, depth: number): fc.Arbitrary<unknown> {
  const value = type in SCALARS ? anyScalar(type, name) : anyMessage(type, depth + 1);
  return label === "repeated" ? fc.array(value, { maxLength: 2 }) : value;
}

function anyScalar(type: string, name: string): fc.Arbitrary<unknown> {
  switch (type) {
    case "string":
      return fc.string({ unit: "grapheme", maxLength: 20 });
    case "bytes":
      return name.endsWith("_id") ? fc.uint8Array({ minLength: 8, maxLength: 16 }) : fc.uint8Array({ maxLength: 9 });
    case "bool":
      return fc.boolean();
    case "double":
      return fc.double({ noNaN: true });
    case "int64":
    case "sfixed64":
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case "uint64":
    case "fixed64":
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case "int32":
    case "sint32":
    case "enum":
      return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    default:
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
  }
}
