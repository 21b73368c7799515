import assert from "node:assert/strict";
import { test } from "node:test";
import { createSteadyClock } from "./steady.ts";

const SECOND = 1000;
const HOUR = 3_600_000;
const WALL = Date.parse("2026-11-20T14:00:00Z");

function rig(saved?: { atMs: number; wallMs: number }) {
  const time = { monotonicMs: 5000, wallMs: WALL };
  const clock = createSteadyClock(
    { monotonicMs: () => time.monotonicMs, wallMs: () => time.wallMs },
    15 * SECOND,
    saved,
  );
  const pass = (ms: number, wallMs = ms) => {
    time.monotonicMs += ms;
    time.wallMs += wallMs;
  };
  return { clock, pass };
}

test("it begins as Unix time and follows the monotonic clock", () => {
  const { clock, pass } = rig();
  assert.equal(clock.now().atMs, WALL);
  pass(SECOND);
  assert.deepEqual(clock.now(), { atMs: WALL + SECOND, wallMs: WALL + SECOND });
  assert.equal(clock.advance(), undefined);
  assert.equal(clock.ofMonotonic(5000), WALL);
});

test("a small correction of the wall clock is no gap", () => {
  const { clock, pass } = rig();
  pass(SECOND, 20 * SECOND);
  assert.equal(clock.advance(), undefined);
  assert.equal(clock.now().atMs, WALL + SECOND);
});

for (const [title, monotonicMs, wallMs, lengthMs] of [
  ["a clock set ahead", SECOND, 2 * HOUR, 2 * HOUR],
  ["a clock set back", SECOND, -2 * HOUR, SECOND],
  ["a suspended host", SECOND, 10 * 60 * SECOND, 10 * 60 * SECOND],
  ["a stopped process", HOUR, HOUR, HOUR],
] as const)
  test(`${title} stops it for that step`, () => {
    const { clock, pass } = rig();
    pass(monotonicMs, wallMs);
    assert.deepEqual(clock.advance(), { atMs: WALL, lengthMs });
    assert.equal(clock.now().atMs, WALL);
    pass(SECOND);
    assert.equal(clock.advance(), undefined);
    assert.equal(clock.now().atMs, WALL + SECOND);
  });

test("between two steps it does not run ahead of what a step may count", () => {
  const { clock, pass } = rig();
  pass(HOUR);
  assert.equal(clock.now().atMs, WALL + 15 * SECOND);
});

test("it goes on across a restart by the wall, and never backwards", () => {
  assert.equal(rig({ atMs: 77 * HOUR, wallMs: WALL - SECOND }).clock.now().atMs, 77 * HOUR + SECOND);
  assert.equal(rig({ atMs: 77 * HOUR, wallMs: WALL + HOUR }).clock.now().atMs, 77 * HOUR);
  const { clock, pass } = rig();
  pass(SECOND);
  clock.advance();
  assert.deepEqual(clock.mark(), { atMs: WALL + SECOND, wallMs: WALL + SECOND });
});
