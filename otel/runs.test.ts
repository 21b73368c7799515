import assert from "node:assert/strict";
import { test } from "node:test";
import { createRuns } from "./runs.ts";

test("of a run of equal failures the 1st, 2nd, 4th and 8th are told, and how long it was", () => {
  const runs = createRuns();
  const told = Array.from({ length: 9 }, () => runs.failed("poll"));
  assert.deepEqual(told, [1, 2, undefined, 4, undefined, undefined, undefined, 8, undefined]);
  assert.equal(runs.failed("other"), 1);
  assert.equal(runs.ended("poll"), 9);
  assert.equal(runs.ended("poll"), undefined);
  assert.equal(runs.failed("poll"), 1);
});

test("very many different failures do not fill the memory", () => {
  const runs = createRuns();
  for (let n = 0; n < 1000; n++) runs.failed(`failure ${n}`);
  assert.equal(runs.failed("failure 999"), 2);
  assert.equal(runs.failed("failure 0"), 1);
});
