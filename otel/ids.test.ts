import assert from "node:assert/strict";
import { test } from "node:test";
import { createIdGenerator } from "./ids.ts";

const random = { generateTraceId: () => "t".repeat(32), generateSpanId: () => "s".repeat(16) };
const id = "0af7651916cd43dd8448eb211c80319c";

test("the first root span gets the preset ids, in the order in which the SDK asks", () => {
  const ids = createIdGenerator(random);
  const asked = ids.with(id, () => [
    ids.generator.generateSpanId(),
    ids.generator.generateTraceId(),
    ids.generator.generateSpanId(),
    ids.generator.generateTraceId(),
  ]);
  assert.deepEqual(asked, ["8448eb211c80319c", id, "s".repeat(16), "t".repeat(32)]);
});

test("a preset that nobody asked for does not reach the next span", () => {
  const ids = createIdGenerator(random);
  ids.with(id, () => {});
  assert.throws(() => ids.with(id, () => assert.fail("start failed")));
  assert.equal(ids.generator.generateSpanId(), "s".repeat(16));
  assert.equal(ids.generator.generateTraceId(), "t".repeat(32));
});
