import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { rich, MESSAGE_LIMIT, splitMessage } from "./html.ts";

test("values are escaped, html within html is not, lists are lines", () => {
  const items = [rich`<b>${1}</b> ${"a < b & c"}`, rich`two`];
  assert.equal(rich`${"<script>"}:\n${items}`.html, "&lt;script&gt;:\n<b>1</b> a &lt; b &amp; c\ntwo");
});

test("lone surrogates and control characters cannot make Telegram refuse a message", () => {
  assert.equal(rich`${"a\uD800b\u0000c\nd\te"}`.html, "a\uFFFDbc\nd\te");
});

test("a short message is one piece, an empty one none", () => {
  assert.deepEqual(splitMessage(rich`hello`), ["hello"]);
  assert.deepEqual(splitMessage(rich`${" \n "}`), []);
});

test("a long list is cut between its lines", () => {
  const pieces = splitMessage(rich`${Array.from({ length: 300 }, (_, i) => rich`<b>${i}</b> a task of some length`)}`);
  assert.equal(pieces.length, 3);
  for (const piece of pieces) assert.match(piece, /^<b>\d+<\/b>.*length$/s);
});

test("a long line is cut between words, a long word not inside a character or an entity", () => {
  assert.deepEqual(splitMessage({ html: "alpha beta gamma" }, 12), ["alpha beta", "gamma"]);
  assert.deepEqual(splitMessage({ html: "aaaaaaaa&amp;bbb" }, 10), ["aaaaaaaa", "&amp;bbb"]);
  assert.deepEqual(splitMessage({ html: "aaaaaaaaa😀bbb" }, 10), ["aaaaaaaaa", "😀bbb"]);
});

test("whatever the text, no piece is too long, nothing but blanks is lost, and entities stay whole", () => {
  const text = fc.array(
    fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("&", "<", "\n", " ", "😀", "x".repeat(50))),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(text, fc.integer({ min: 20, max: 80 }), (parts, limit) => {
      const whole = rich`${parts.join("")}`;
      const pieces = splitMessage(whole, limit);
      for (const piece of pieces) {
        assert.ok(piece.length <= limit && piece.length > 0);
        assert.ok(piece.isWellFormed());
        assert.doesNotMatch(piece, /&(?!(amp|lt|gt);)/);
      }
      assert.equal(pieces.join("").replace(/\s/g, ""), whole.html.replace(/\s/g, ""));
    }),
  );
  assert.equal(MESSAGE_LIMIT, 4096);
});
