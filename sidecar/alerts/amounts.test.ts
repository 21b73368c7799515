import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, clockTime, percent, span } from "./amounts.ts";

test("a span has its two largest units", () => {
  const spans = [0, 400, 59_600, 312_000, 3_600_000, 3_900_000, 90_000_000, 259_200_000];
  assert.deepEqual(spans.map(span), ["0 s", "0 s", "1 min", "5 min 12 s", "1 h", "1 h 5 min", "1 d 1 h", "3 d"]);
});

test("a time is UTC, with its date when it is not today's, and a second zone on request", () => {
  const now = Date.parse("2026-11-20T14:07:23Z");
  assert.equal(clockTime(now, now, undefined), "14:07:23 UTC");
  assert.equal(clockTime(now - 86_400_000, now, undefined), "2026-11-19 14:07:23 UTC");
  assert.equal(clockTime(now, now, "America/New_York"), "14:07:23 UTC (09:07 New York)");
});

test("bytes and shares are short", () => {
  assert.deepEqual([0, 900, 4.2 * 1024 ** 3, 250 * 1024 ** 2].map(bytes), ["0 B", "900 B", "4.2 GiB", "250 MiB"]);
  assert.equal(percent(0.0912), "9 %");
});
