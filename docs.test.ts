import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { Setting } from "@gramwatch/otel";
import { settings as bot } from "./bot/config.ts";
import { SIDECAR_SETTINGS as sidecar } from "./sidecar/settings.ts";

/** The README's tables are what the programs really read; `UPDATE=1 node --test docs.test.ts` writes them anew. */
for (const [process, settings] of Object.entries({ bot, sidecar }))
  test(`the README's table of the ${process}'s settings is the ${process}'s own`, () => {
    const readme = readFileSync("README.md", "utf8");
    const [begin, end] = [`<!-- settings:${process} -->\n`, `<!-- /settings:${process} -->`];
    const from = readme.indexOf(begin) + begin.length;
    const to = readme.indexOf(end);
    assert.ok(to >= from, `README.md has ${begin.trim()} … ${end}`);
    const wanted = `\n${tableOf(settings)}\n\n`;
    if (globalThis.process.env["UPDATE"]) writeFileSync("README.md", readme.slice(0, from) + wanted + readme.slice(to));
    else assert.equal(readme.slice(from, to), wanted);
  });

function tableOf(settings: Record<string, Setting<unknown>>): string {
  const rows = Object.entries(settings).map(([name, { fallback, secret, doc }]) => {
    const names = secret ? `\`${name}\`, \`${name}_FILE\`` : `\`${name}\``;
    return `| ${names} | ${fallback ? `\`${fallback}\`` : "–"} | ${doc.replaceAll("|", "\\|")} |`;
  });
  return ["| variable | default | meaning |", "|---|---|---|", ...rows].join("\n");
}

test("every runbook, document and file that the README links to is there", () => {
  for (const [, target] of readFileSync("README.md", "utf8").matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g))
    assert.doesNotThrow(() => readFileSync(target ?? ""), target);
});
