/** Writes the protobuf wire format into one growing buffer: nothing is allocated per field, and nothing measured first. */
export function createWriter(size = 64 * 1024) {
  let bytes = Buffer.allocUnsafe(size);
  let at = 0;

  function room(more: number): void {
    if (at + more <= bytes.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(bytes.length * 2, at + more));
    bytes.copy(bigger, 0, 0, at);
    bytes = bigger;
  }

  function varint(value: number): void {
    room(10);
    let low = value >>> 0;
    // Two's complement over 64 bits for negative numbers, as int64 has it.
    let high = Math.floor(value / TWO_32) >>> 0;
    while (high > 0 || low > 127) {
      bytes[at++] = (low & 127) | 128;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[at++] = low;
  }

  const tag = (field: number, wireType: number): void => {
    room(2);
    const key = (field << 3) | wireType;
    if (key > 127) bytes[at++] = (key & 127) | 128;
    bytes[at++] = key > 127 ? key >>> 7 : key;
  };

  const fixed32 = (value: number): void => {
    room(4);
    at = bytes.writeUInt32LE(value >>> 0, at);
  };

  /** Opens a message or text of unknown length; the length is written by `close`, where there is room for `reserved` bytes of it. */
  function open(field: number, reserved: number): number {
    tag(field, 2);
    room(reserved);
    at += reserved;
    return at;
  }

  function close(start: number, reserved: number): void {
    const length = at - start;
    const needed = length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : 4;
    if (needed !== reserved) {
      room(needed);
      bytes.copyWithin(start - reserved + needed, start, at);
    }
    at = start - reserved;
    varint(length);
    at += length;
  }

  return {
    open,
    close,
    /** An int64, uint64, bool or enum; numbers beyond 2^53 are as exact as they came. */
    int(field: number, value: number): void {
      tag(field, 0);
      varint(value);
    },
    fixed32(field: number, value: number): void {
      tag(field, 5);
      fixed32(value);
    },
    double(field: number, value: number): void {
      tag(field, 1);
      room(8);
      at = bytes.writeDoubleLE(value, at);
    },
    /** `[seconds, nanoseconds]` as fixed64 of nanoseconds, which are beyond what a number holds exactly. */
    time(field: number, [seconds, nanoseconds]: readonly [number, number]): void {
      tag(field, 1);
      const upper = Math.floor(seconds / TWO_16) * 1e9;
      const lower = (upper % TWO_16) * TWO_16 + (seconds % TWO_16) * 1e9 + nanoseconds;
      fixed32(lower);
      fixed32(Math.floor(upper / TWO_16) + Math.floor(lower / TWO_32));
    },
    text(field: number, text: string): void {
      tag(field, 2);
      const { length } = text;
      room(3 * length + 5);
      const start = at;
      if (length < 128) {
        at++;
        let seen = 0;
        for (let index = 0; index < length; index++) {
          const code = text.charCodeAt(index);
          seen |= code;
          bytes[at++] = code;
        }
        if (seen < 128) return void (bytes[start] = length);
        at = start;
      }
      const size = Buffer.byteLength(text);
      varint(size);
      at += bytes.write(text, at, "utf8");
    },
    bytes(field: number, value: Uint8Array): void {
      tag(field, 2);
      varint(value.length);
      room(value.length);
      bytes.set(value, at);
      at += value.length;
    },
    /** An id of hex digits as its bytes. */
    id(field: number, hex: string): void {
      tag(field, 2);
      const size = hex.length >>> 1;
      varint(size);
      room(size);
      for (let index = 0; index < hex.length - 1; index += 2) {
        bytes[at++] = (DIGITS[hex.charCodeAt(index) & 127]! << 4) | DIGITS[hex.charCodeAt(index + 1) & 127]!;
      }
    },
    /** What was written so far; the writer must not be used again. */
    finish: (): Uint8Array<ArrayBuffer> => bytes.subarray(0, at),
  };
}
export type Writer = ReturnType<typeof createWriter>;

const TWO_16 = 2 ** 16;
const TWO_32 = 2 ** 32;

/** The value of each hex digit by its character code. */
const DIGITS = new Uint8Array(128);
for (const [value, digit] of Array.from("0123456789abcdef").entries()) {
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}
