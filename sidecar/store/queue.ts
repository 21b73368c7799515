import type { Writer } from "./write.ts";

/** One record that waits to be written, with its share of the body that brought it. */
export interface Item {
  write(writer: Writer): void;
  bytes: number;
}

export interface Queue {
  /** All or nothing. False: there is no room; but a batch larger than the whole queue is taken when nothing waits. */
  offer(items: readonly Item[], bytes: number): boolean;
  /** The oldest `count`, which stay until `done`. */
  next(count: number): Item[];
  done(count: number): void;
  isEmpty(): boolean;
  bytes(): number;
}

/** What waits to be written, bounded by the size of the bodies in which it came. */
export function createQueue(maxBytes: number): Queue {
  let items: Item[] = [];
  let bytes = 0;
  return {
    offer(given, weight) {
      if (bytes > 0 && bytes + weight > maxBytes) return false;
      for (const item of given) items.push(item);
      bytes += weight;
      return true;
    },
    next: (count) => items.slice(0, count),
    done(count) {
      for (const item of items.slice(0, count)) bytes -= item.bytes;
      items = items.slice(count);
      if (items.length === 0) bytes = 0; // shares are fractions, and their rounding adds up
    },
    isEmpty: () => items.length === 0,
    bytes: () => bytes,
  };
}
