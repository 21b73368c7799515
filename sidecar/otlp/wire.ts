/** The body is not what it says it is; the client must not send it again (400). */
export class DecodeError extends Error {
  override name = "DecodeError";
}

export const VARINT = 0;
export const I64 = 1;
export const LEN = 2;
export const I32 = 5;

/** Reads protobuf's wire format. Every read stays before `end`, which the caller knows; else `DecodeError`. */
export class Cursor {
  at = 0;
  readonly #bytes: Buffer;
  readonly #view: DataView;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Takes `count` bytes; returns where they begin. */
  #take(count: number, end: number): number {
    const from = this.at;
    if (count > end - from) throw new DecodeError("message is cut short");
    this.at = from + count;
    return from;
  }

  /** The low 32 bits, unsigned: enough for tags, lengths, enums and flags. */
  varint32(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const next = this.#bytes[this.#take(1, end)] as number;
      if (shift < 32) value |= (next & 0x7f) << shift;
      if (next < 0x80) return value >>> 0;
    }
    throw new DecodeError("varint is longer than ten bytes");
  }

  varint64(end: number): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const next = this.#bytes[this.#take(1, end)] as number;
      value |= BigInt(next & 0x7f) << shift;
      if (next < 0x80) return BigInt.asUintN(64, value);
    }
    throw new DecodeError("varint is longer than ten bytes");
  }

  fixed32(end: number): number {
    return this.#view.getUint32(this.#take(4, end), true);
  }

  fixed64(end: number): bigint {
    return this.#view.getBigUint64(this.#take(8, end), true);
  }

  double(end: number): number {
    return this.#view.getFloat64(this.#take(8, end), true);
  }

  /** A length-delimited value as text. Invalid UTF-8 becomes U+FFFD: one bad string does not cost the batch. */
  text(encoding: "utf8" | "hex" | "base64", end: number): string {
    const from = this.#take(this.varint32(end), end);
    return this.#bytes.toString(encoding, from, this.at);
  }

  /** Where the length-delimited value that begins here ends; `at` stays at its beginning. */
  limit(end: number): number {
    const length = this.varint32(end);
    const from = this.#take(length, end);
    this.at = from;
    return from + length;
  }

  skip(wireType: number, end: number): void {
    if (wireType === VARINT) this.varint64(end);
    else if (wireType === I64) this.#take(8, end);
    else if (wireType === LEN) this.#take(this.varint32(end), end);
    else if (wireType === I32) this.#take(4, end);
    else throw new DecodeError(`wire type ${wireType} is not used by OTLP`);
  }
}
