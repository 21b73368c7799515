import assert from "node:assert/strict";
import { test } from "node:test";
import { createIdentity } from "./identity.ts";

test("a bot is called by its service, before that by its configured name, then by its username", () => {
  const named = createIdentity({ configuredName: "shop" });
  named.username("shop_bot");
  assert.equal(named.target(), "shop");
  named.service("shopbot");
  assert.equal(named.target(), "shopbot");
  const nameless = createIdentity({});
  assert.equal(nameless.target(), "bot");
  nameless.username("shop_bot");
  assert.equal(nameless.target(), "shop_bot");
});

test("a name that another bot has is not taken over", () => {
  const second = createIdentity({ configuredName: "b", taken: (name) => name === "bot" });
  second.service("bot");
  assert.equal(second.target(), "b");
});

test("what was learnt is remembered once, and known at the next start", () => {
  const kept: string[] = [];
  const first = createIdentity({ remember: (name) => kept.push(name) });
  first.service("");
  first.service("shopbot");
  first.service("shopbot");
  first.username("shop_bot");
  assert.deepEqual(kept, ["shopbot"]);
  const next = createIdentity({ known: "shopbot", configuredName: "other" });
  assert.equal(next.target(), "shopbot");
});

test("watched by token alone, the username is what is remembered", () => {
  const kept: string[] = [];
  createIdentity({ remember: (name) => kept.push(name) }).username("shop_bot");
  createIdentity({ configuredName: "shop", remember: (name) => kept.push(name) }).username("shop_bot");
  assert.deepEqual(kept, ["shop_bot"]);
});
