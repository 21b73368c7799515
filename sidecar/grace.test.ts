import assert from "node:assert/strict";
import { test } from "node:test";
import { createStartGrace } from "./grace.ts";
import type { Sample } from "./probes/probe.ts";

const health = (atMs: number, ok: boolean, probe = "health") =>
  ({ kind: "health", probe, target: "shop", atMs, wallMs: 0, result: { ok } }) as Sample;

test("a bot that was never read is starting for five seconds, then it is down", () => {
  const isStarting = createStartGrace(1000);
  assert.deepEqual(
    [1000, 5999, 6000].map((atMs) => isStarting(health(atMs, false))),
    [true, true, false],
  );
});

test("a bot that was read once is down when it is down", () => {
  const isStarting = createStartGrace(0);
  assert.deepEqual([isStarting(health(1, true)), isStarting(health(2, false))], [false, false]);
});

test("each bot has its own grace, and other probes have none", () => {
  const isStarting = createStartGrace(0);
  isStarting(health(1, true, "health:a"));
  assert.equal(isStarting(health(2, false, "health:b")), true);
  assert.equal(isStarting({ kind: "control", probe: "c", target: "c", atMs: 0, wallMs: 0 }), false);
});
