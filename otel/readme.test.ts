import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as door from "./mod.ts";
import { fill, tables } from "./testing/tables.ts";

const page = readFileSync(new URL("README.md", import.meta.url), "utf8");

/** Spaces that align a table are the formatter's. */
const plain = (text: string): string => text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");

test("the page lists every span, metric, attribute, event and variable, and no other", () => {
  for (const name of Object.keys(tables)) assert.ok(page.includes(`<!-- ${name} -->`), name);
  assert.equal(plain(page), plain(fill(page)));
});

test("every function that the page calls is behind the door", () => {
  const called = [...page.matchAll(/`([a-z]\w+)\(\)/gi)].map(([, name]) => name ?? "");
  assert.ok(called.length > 10);
  assert.deepEqual(
    called.filter((name) => !(name in door)),
    [],
  );
});
