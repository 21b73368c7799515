import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHtml } from "./html.ts";

// Every case follows parse_html of td/telegram/MessageEntity.cpp.
const refused: [source: string, reason: string][] = [
  ["a < b", 'Unsupported start tag "" at byte offset 2'],
  ["<h1>x</h1>", 'Unsupported start tag "h1" at byte offset 0'],
  ["äöü <x>", 'Unsupported start tag "x" at byte offset 7'],
  ["😀<x>", 'Unsupported start tag "x" at byte offset 4'],
  ["x <b", "Unclosed start tag at byte offset 2"],
  ["<b>x</b", "Unclosed end tag at byte offset 4"],
  ["<b>x</b x>", "Unclosed end tag at byte offset 4"],
  ["x</b>", "Unexpected end tag at byte offset 1"],
  ["<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'],
  ["<i><b>x</b>", 'Can\'t find end tag corresponding to start tag "i"'],
  ['<a ="x">y</a>', 'Empty attribute name in the tag "a" at byte offset 0'],
  ["<b ", 'Empty attribute name in the tag "b" at byte offset 0'],
  ["<a href", 'Unclosed start tag "a" at byte offset 0'],
  ["<a href=", 'Unclosed start tag "a" at byte offset 0'],
  ['<a href="x', "Unclosed start tag at byte offset 0"],
  ["<a href=x/y>z</a>", "Unexpected end of name token at byte offset 8"],
  ["<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
  ['<tg-emoji emoji-id="x">y</tg-emoji>', "Invalid custom emoji identifier specified"],
  ['<tg-time unix="5" format="q">y</tg-time>', "Invalid date-time format specified"],
  [
    "&#xd800;",
    "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units",
  ],
];
for (const [source, reason] of refused) {
  test(`${source} is refused: ${reason}`, () => {
    assert.throws(() => parseHtml(source), {
      name: "Refusal",
      code: 400,
      message: `Bad Request: can't parse entities: ${reason}`,
    });
  });
}

const taken: [source: string, text: string, entities: object[]][] = [
  ["<b>x</b>", "x", [{ type: "bold", offset: 0, length: 1 }]],
  ["<STRONG>x</strong>", "x", [{ type: "bold", offset: 0, length: 1 }]],
  ["<b>x</>", "x", [{ type: "bold", offset: 0, length: 1 }]],
  ["😀 <i>x</i>", "😀 x", [{ type: "italic", offset: 3, length: 1 }]],
  ["<em></em>x", "x", []],
  ["&lt;b&gt; &amp; &quot;&#33;&#x21;&nbsp;&lt", '<b> & "!!&nbsp;<', []],
  ["a & b &", "a & b &", []],
  ["&#0; &#x110000; &#0000000033;", "&#0; &#x110000; &#0000000033;", []],
  [
    "<s>a</s><strike>b</strike><del>c</del>",
    "abc",
    [0, 1, 2].map((offset) => ({ type: "strikethrough", offset, length: 1 })),
  ],
  ["<u>a</u><ins>b</ins>", "ab", [0, 1].map((offset) => ({ type: "underline", offset, length: 1 }))],
  [
    '<tg-spoiler>a</tg-spoiler><span class="tg-spoiler">b</span>',
    "ab",
    [0, 1].map((offset) => ({ type: "spoiler", offset, length: 1 })),
  ],
  ['<a href="http://a.b/c">x</a>', "x", [{ type: "text_link", url: "http://a.b/c", offset: 0, length: 1 }]],
  ["<a href='HTTPS://A.b'>x</a>", "x", [{ type: "text_link", url: "https://a.b/", offset: 0, length: 1 }]],
  [
    '<a href="http://a.b/?x=1&amp;y=2">x</a>',
    "x",
    [{ type: "text_link", url: "http://a.b/?x=1&y=2", offset: 0, length: 1 }],
  ],
  ["<a>a.b</a>", "a.b", [{ type: "text_link", url: "http://a.b/", offset: 0, length: 3 }]],
  ['<a href="http://grafana:3000/x">x</a>', "x", []],
  ['<a href="ftp://a.b">x</a>', "x", []],
  [
    '<a href="tg://user?id=42">x</a>',
    "x",
    [{ type: "text_mention", user: { id: 42, is_bot: false, first_name: "" }, offset: 0, length: 1 }],
  ],
  ["<pre>x</pre>", "x", [{ type: "pre", offset: 0, length: 1 }]],
  ["<code>x</code>", "x", [{ type: "code", offset: 0, length: 1 }]],
  ['<code class="language-ts">x</code>', "x", [{ type: "code", offset: 0, length: 1 }]],
  ['<pre><code class="language-ts">x</code></pre>', "x", [{ type: "pre", language: "ts", offset: 0, length: 1 }]],
  ['<code class="language-ts"><pre>x</pre></code>', "x", [{ type: "pre", language: "ts", offset: 0, length: 1 }]],
  ["<blockquote>x</blockquote>", "x", [{ type: "blockquote", offset: 0, length: 1 }]],
  ["<blockquote expandable>x</blockquote>", "x", [{ type: "expandable_blockquote", offset: 0, length: 1 }]],
  ["<blockquote expandable=x>x</blockquote>", "x", [{ type: "expandable_blockquote", offset: 0, length: 1 }]],
  ['<tg-emoji emoji-id="5">x</tg-emoji>', "x", [{ type: "custom_emoji", custom_emoji_id: "5", offset: 0, length: 1 }]],
  [
    '<tg-time unix="5" format="r">x</tg-time>',
    "x",
    [{ type: "date_time", unix_time: 5, date_time_format: "r", offset: 0, length: 1 }],
  ],
  [
    "<b>x<i>y</i></b>",
    "xy",
    [
      { type: "bold", offset: 0, length: 2 },
      { type: "italic", offset: 1, length: 1 },
    ],
  ],
];
for (const [source, text, entities] of taken) {
  test(`${source} becomes ${JSON.stringify(text)}`, () => {
    assert.deepEqual(parseHtml(source), { text, entities });
  });
}
