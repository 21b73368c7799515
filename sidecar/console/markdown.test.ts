import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { markdown } from "./markdown.ts";
import { markup } from "./testing.ts";
import { runbookIndex, runbookPage } from "./runbooks.ts";

/** Without the blanks between tags, which mean nothing. */
const rendered = (source: string): string =>
  markup(markdown(source))
    .replaceAll(/\s*\n\s*/g, "")
    .replaceAll(/>\s+</g, "><");

const RENDERED: [string, string, string][] = [
  ["headings", "# One\n## Two\n#### Four", "<h1>One</h1><h2>Two</h2><h3>Four</h3>"],
  ["paragraphs over several lines", "a\nb\n\nc", "<p>a b</p><p>c</p>"],
  ["bullets with lines that go on", "- a\n  b\n* c", "<ul><li>a b</li><li>c</li></ul>"],
  ["numbered lists", "1. a\n2. b\ntext", '<ol start="1"><li>a</li><li>b</li></ol><p>text</p>'],
  [
    "fenced code as it is",
    "```sh\nnpm run <x>\n# no heading\n```\nafter",
    '<pre tabindex="0"><code>npm run &lt;x&gt;# no heading</code></pre><p>after</p>',
  ],
  ["code that is never closed", "```\na", '<pre tabindex="0"><code>a</code></pre>'],
  [
    "tables",
    "| a | b |\n|---|:-:|\n| 1 | `x` |",
    "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td><code>x</code></td></tr></tbody></table>",
  ],
  [
    "a list that goes on after code",
    "1. a\n\n```\nx\n```\n\n2. b",
    '<ol start="1"><li>a</li></ol><pre tabindex="0"><code>x</code></pre><ol start="2"><li>b</li></ol>',
  ],
  ["emphasis", "*a b* 2 * 3 * 4", "<p><em>a b</em> 2 * 3 * 4</p>"],
  ["bold and code, which hold nothing else", "**a** `**b**`", "<p><strong>a</strong><code>**b**</code></p>"],
  [
    "links to the web",
    "[w](https://example.org/?a=1&b)",
    '<p><a href="https://example.org/?a=1&amp;b" rel="noreferrer">w</a></p>',
  ],
  ["links to a neighbouring runbook", "[w](disk-space-low.md)", '<p><a href="/runbooks/disk-space-low">w</a></p>'],
  ["links within the console", "[w](/alerts)", '<p><a href="/alerts">w</a></p>'],
  ["a link that is no address as its words", "[w](javascript:alert%281%29) [x](//evil.example)", "<p>w x</p>"],
  [
    "HTML as text",
    '<script>alert(1)</script> <b onclick="x">',
    "<p>&lt;script&gt;alert(1)&lt;/script&gt; &lt;b onclick=&quot;x&quot;&gt;</p>",
  ],
  ["nothing from nothing", "\n\n", ""],
];
for (const [what, source, expected] of RENDERED) {
  test(`it renders ${what}`, () => assert.equal(rendered(source), expected));
}

test("a runbook is found by its file's name and by its rule's, and no name is a path", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-runbooks-"));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, "disk-space-low.md"), "# Disk space low\n\ntext");
  writeFileSync(join(dir, "README.txt"), "no runbook");
  assert.equal(runbookPage(dir, "disk-space-low")?.title, "Disk space low");
  assert.equal(runbookPage(dir, "DiskSpaceLow")?.title, "Disk space low");
  for (const wrong of ["../disk-space-low", "disk-space-low.md", "README", "", "/etc/passwd"]) {
    assert.equal(runbookPage(dir, wrong), undefined, wrong);
  }
  assert.match(markup(runbookIndex(dir).body), /href="\/runbooks\/disk-space-low"/);
  assert.equal(runbookPage(join(dir, "absent"), "disk-space-low"), undefined);
});
