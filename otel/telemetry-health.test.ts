import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery, Signal } from "./exporters.ts";
import { isExporting, latestError } from "./telemetry-health.ts";

const delivery = (signal: Signal, lastOk: boolean | undefined, lastMs = 0): Delivery => ({
  signal,
  lastOk,
  lastMs,
  lost: 0,
  lastError: lastOk === false ? { atMs: lastMs, reason: `${signal} failed` } : undefined,
});
const PATIENCE_MS = 30_000;
const at = (nowMs: number, ...deliveries: Delivery[]) => isExporting(deliveries, nowMs, 0, PATIENCE_MS);

test("two intervals after the start metrics must have arrived", () => {
  assert.equal(at(29_999, delivery("metrics", undefined)), true);
  assert.equal(at(30_000, delivery("metrics", undefined)), false);
  assert.equal(at(30_000, delivery("metrics", true)), true);
  assert.equal(at(30_000, delivery("metrics", false, 1)), false);
});

test("an idle bot has neither traces nor logs to send, and is well", () => {
  assert.equal(at(60_000, delivery("metrics", true), delivery("traces", undefined), delivery("logs", undefined)), true);
});

test("failing traces count while they are tried, and no longer once the bot is idle after the outage", () => {
  const metrics = delivery("metrics", true, 60_000);
  assert.equal(at(60_000, metrics, delivery("traces", false, 59_000)), false);
  assert.equal(at(89_000, metrics, delivery("traces", false, 59_000)), false);
  assert.equal(at(89_001, metrics, delivery("traces", false, 59_000)), true);
});

test("without an exporter nothing is exported", () => {
  assert.equal(at(0), false);
});

test("of several errors the newest is told", () => {
  assert.equal(latestError([delivery("traces", true)]), null);
  assert.deepEqual(
    latestError([delivery("traces", false, 5), delivery("logs", false, 9), delivery("metrics", false, 7)]),
    {
      at: "1970-01-01T00:00:00.009Z",
      signal: "logs",
      reason: "logs failed",
    },
  );
});
