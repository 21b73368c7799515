import assert from "node:assert/strict";
import { test } from "node:test";
import { newCorrelationId, rootSpanId, shortReference } from "./reference.ts";

test("a correlation id is a valid trace id, its tail a valid span id, its head the user's reference", () => {
  const id = newCorrelationId();
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.notEqual(id, newCorrelationId());
  assert.equal(rootSpanId("0af7651916cd43dd8448eb211c80319c"), "8448eb211c80319c");
  assert.equal(shortReference("0af7651916cd43dd8448eb211c80319c"), "0af76519");
});
