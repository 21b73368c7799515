import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { createUserHash } from "./user-hash.ts";

test("a hash is keyed, short and stable, however many users there were since", () => {
  const key = Buffer.from("key");
  const hash = createUserHash(key);
  const first = hash(1);
  assert.equal(first, createHmac("sha256", key).update("1").digest("hex").slice(0, 16));
  for (let id = 2; id < 10_010; id++) hash(id);
  assert.equal(hash(1), first);
});

test("without a key each process has its own hashes", () => {
  assert.notEqual(createUserHash()(1), createUserHash()(1));
});
