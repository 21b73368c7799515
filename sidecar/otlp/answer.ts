import type { Signal } from "./arrivals.ts";

export type Encoding = "protobuf" | "json";
export const CONTENT_TYPE: Record<Encoding, string> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
};

const REJECTED: Record<Signal, string> = {
  traces: "rejectedSpans",
  metrics: "rejectedDataPoints",
  logs: "rejectedLogRecords",
};

/** Everything taken: an empty message, `partial_success` unset. */
export const success = (encoding: Encoding): Buffer => Buffer.from(encoding === "json" ? "{}" : "");

/** Some items refused for good: the client must not send them again. */
export function partialSuccess(encoding: Encoding, signal: Signal, rejected: number, reason: string): Buffer {
  // protobuf's JSON mapping writes 64-bit integers as strings.
  if (encoding === "json") {
    return Buffer.from(
      JSON.stringify({ partialSuccess: { [REJECTED[signal]]: String(rejected), errorMessage: reason } }),
    );
  }
  const inner = Buffer.concat([Buffer.of(0x08), varint(rejected), delimited(2, Buffer.from(reason))]);
  return delimited(1, inner);
}

/** `google.rpc.Status`: `code` is gRPC's, which OTLP/HTTP clients do not need. */
export function status(encoding: Encoding, message: string): Buffer {
  return encoding === "json" ? Buffer.from(JSON.stringify({ message })) : delimited(2, Buffer.from(message));
}

const delimited = (field: number, bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.of((field << 3) | 2), varint(bytes.length), bytes]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
