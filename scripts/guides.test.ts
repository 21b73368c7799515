import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");

for (const file of globSync("docs/guide/*.md", { cwd: root })) {
  const text = readFileSync(join(root, file), "utf8");

  test(`${file}: every link leads to a file that is there`, () => {
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
      assert.ok(existsSync(join(root, dirname(file), target)), target);
  });

  test(`${file}: every program, script and npm command that it names is there`, () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const [, name = ""] of text.matchAll(/npm run ([\w:-]+)/g)) assert.ok(scripts[name], `npm run ${name}`);
    for (const [, name = ""] of text.matchAll(/\/app\/(\w+)\.mjs/g))
      assert.ok(existsSync(join(root, "scripts", `${name}.ts`)), name);
    for (const [path] of text.matchAll(/\b(scripts\/[\w.]+\.sh|docker-compose\.\w+\.yml|k8s\/[\w/-]+)/g))
      assert.ok(existsSync(join(root, path)), path);
  });
}

test("every guide says what was tried and what is yours to run", () => {
  for (const file of globSync("docs/guide/*.md", { cwd: root }))
    assert.match(readFileSync(join(root, file), "utf8"), /☐/, file);
});
