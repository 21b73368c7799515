import assert from "node:assert/strict";
import { test } from "node:test";
import { createAuth } from "./auth.ts";

const NOW_MS = 1_000_000;
const TOKEN = "let-me-in";

test("Bearer is the token and nothing else", () => {
  const auth = createAuth(TOKEN, () => NOW_MS);
  assert.equal(auth.bearer(`Bearer ${TOKEN}`), true);
  assert.equal(auth.bearer(`bearer  ${TOKEN}`), true);
  for (const wrong of [undefined, "", "Bearer", TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, "Bearer "]) {
    assert.equal(auth.bearer(wrong), false, String(wrong));
  }
  assert.equal(createAuth(undefined, () => NOW_MS).bearer("Bearer undefined"), false);
});

test("a session holds for seven days and survives a restart with the same token", () => {
  let nowMs = NOW_MS;
  const result = createAuth(TOKEN, () => nowMs).login(TOKEN);
  assert.ok(typeof result !== "string");
  const again = createAuth(TOKEN, () => nowMs);
  assert.equal(again.session(result.session), true);
  nowMs += 7 * 86_400_000;
  assert.equal(again.session(result.session), false);
});

test("a session that was changed, or signed with another token, does not hold", () => {
  const auth = createAuth(TOKEN, () => NOW_MS);
  const result = auth.login(TOKEN);
  assert.ok(typeof result !== "string");
  const [expires = "", nonce = "", mac = ""] = result.session.split(".");
  const later = `${Number(expires) + 1}.${nonce}.${mac}`;
  for (const wrong of [undefined, "", "..", later, `${expires}.${nonce}`, `${expires}.x.${mac}`]) {
    assert.equal(auth.session(wrong), false, String(wrong));
  }
  assert.equal(createAuth("another", () => NOW_MS).session(result.session), false);
  assert.equal(createAuth(undefined, () => NOW_MS).session(result.session), false);
});

test("after ten wrong tokens in a minute even the right one has to wait", () => {
  let nowMs = NOW_MS;
  const auth = createAuth(TOKEN, () => nowMs);
  for (let tries = 0; tries < 10; tries += 1) assert.equal(auth.login("wrong"), "wrong");
  assert.equal(auth.login(TOKEN), "wait");
  nowMs += 60_001;
  assert.equal(typeof auth.login(TOKEN), "object");
});

test("a form's proof belongs to its session", () => {
  const auth = createAuth(TOKEN, () => NOW_MS);
  assert.equal(auth.csrfHolds("a", auth.csrf("a")), true);
  assert.equal(auth.csrfHolds("b", auth.csrf("a")), false);
  assert.equal(auth.csrfHolds("a", undefined), false);
});

test("two sidecars on one host have cookies of different names", () => {
  assert.notEqual(createAuth("a", () => 0).cookieName, createAuth("b", () => 0).cookieName);
});
