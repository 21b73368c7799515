import assert from "node:assert/strict";
import { test } from "node:test";
import { createHandlingWindow } from "./handling.ts";

const page = (fast: number, middle: number, all: number, labels = "") => `
# TYPE messaging_process_duration_seconds histogram
messaging_process_duration_seconds_bucket{${labels}le="0.5"} ${fast}
messaging_process_duration_seconds_bucket{${labels}le="1.5"} ${middle}
messaging_process_duration_seconds_bucket{${labels}le="+Inf"} ${all}
messaging_process_duration_seconds_count{} ${all}`;

test("the first scrape says nothing: what it counts may be old", () => {
  assert.deepEqual(createHandlingWindow(600_000).add(page(1, 2, 3), 0), { p95Seconds: undefined, updates: 0 });
});

test("the quantile is linear within its bucket, over all label sets together", () => {
  const window = createHandlingWindow(600_000);
  window.add(page(0, 0, 0, 'h="a",') + page(0, 0, 0, 'h="b",'), 0);
  // 95 % of 100 is 95: 90 are below 0.5, so half way into the next bucket of ten.
  assert.deepEqual(window.add(page(50, 60, 60, 'h="a",') + page(40, 40, 40, 'h="b",'), 1000), {
    p95Seconds: 1,
    updates: 100,
  });
});

test("a quantile in the open bucket is its lower bound, as in Prometheus", () => {
  const window = createHandlingWindow(600_000);
  window.add(page(0, 0, 0), 0);
  assert.equal(window.add(page(0, 0, 20), 1).p95Seconds, 1.5);
});

test("only what happened within the window counts", () => {
  const window = createHandlingWindow(1000);
  window.add(page(0, 0, 0), 0);
  window.add(page(0, 10, 10), 500);
  assert.equal(window.add(page(5, 15, 15), 1400).updates, 5);
});

test("a restarted bot counts from zero", () => {
  const window = createHandlingWindow(600_000);
  window.add(page(100, 100, 100), 0);
  window.add(page(200, 200, 200), 1);
  assert.equal(window.add(page(3, 3, 3), 2).updates, 3);
});

test("a page without the histogram has no p95", () => {
  assert.deepEqual(createHandlingWindow(1000).add("# telemetry is off\n", 0), { p95Seconds: undefined, updates: 0 });
});
