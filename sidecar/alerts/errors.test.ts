import assert from "node:assert/strict";
import { test } from "node:test";
import { countErrors, type ErrorCount, errorsWithin } from "./errors.ts";
import { body } from "./testing.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = 1_790_000_000_000;

for (const [from, to] of [
  [HOUR, 24 * HOUR],
  [24 * HOUR, HOUR],
] as const)
  test(`errors keep their time when the window goes from ${from / HOUR} h to ${to / HOUR} h`, () => {
    let count: ErrorCount | undefined;
    const read = (afterMs: number, total: number, windowMs: number) => {
      const seen = body({ errors: { total }, uptime_seconds: (afterMs + HOUR) / 1000 });
      count = countErrors(count, seen, { atMs: START + afterMs, wallMs: START + afterMs }, windowMs, START);
      return errorsWithin(count, windowMs, windowMs, START + afterMs);
    };
    read(0, 0, from);
    assert.equal(read(5000, 8, from), 8);
    assert.equal(read(30 * MINUTE, 9, to), 9, "the old ones still count");
    assert.equal(read(to + 3 * HOUR, 9, to), 0, "and get old");
  });
