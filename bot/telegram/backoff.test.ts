import assert from "node:assert/strict";
import { test } from "node:test";
import { nextPoll, type FailedPoll } from "./backoff.ts";

const longest = (failed: FailedPoll) => nextPoll(failed, () => 1).waitMs;

test("b5, b18: the first failure is retried at once, then 1 to 30 seconds with full jitter", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 20].map((run) => longest({ reason: "connect", run }));
  assert.deepEqual(waits, [0, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.equal(nextPoll({ reason: "server", run: 7 }, () => 0.5).waitMs, 15_000);
  for (const reason of ["dns", "tls", "timeout", "reset", "server", "protocol", "_OTHER"] as const) {
    assert.equal(nextPoll({ reason, run: 2 }, () => 0).state, "retrying");
  }
});

test("a flood wait is Telegram's own, plus one second", () => {
  assert.deepEqual(
    nextPoll({ reason: "flood", retryAfterSeconds: 6775, run: 3 }, () => 0),
    { state: "flood", waitMs: 6_776_000 },
  );
  assert.equal(longest({ reason: "flood", run: 1 }), 2000);
});

test("a conflict waits 5 to 30 seconds", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 9].map((run) => longest({ reason: "conflict", run })),
    [5000, 10_000, 20_000, 30_000, 30_000],
  );
  assert.equal(nextPoll({ reason: "conflict", run: 9 }, () => 0).waitMs, 5000);
});

test("a refused token is asked about every 15 minutes", () => {
  assert.deepEqual(
    nextPoll({ reason: "unauthorized", run: 1 }, () => 0),
    { state: "unauthorized", waitMs: 900_000 },
  );
});
