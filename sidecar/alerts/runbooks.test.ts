import assert from "node:assert/strict";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { kebab, RULES } from "./rules.ts";

const ROOT = join(import.meta.dirname, "../..");
const DIR = join(ROOT, "docs/runbooks");

const scripts = (): string[] => Object.keys(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).scripts);
const services = (): string[] => {
  const compose = readFileSync(join(ROOT, "docker-compose.prod.yml"), "utf8");
  const section = /^services:\n([^]*?)^\S/m.exec(`${compose}\nend:`)?.[1] ?? "";
  return [...section.matchAll(/^ {2}([a-z-]+):/gm)].map(([, name]) => name ?? "");
};
const sources = (): string =>
  globSync("{sidecar/api,sidecar/console,otel,bot}/**/*.ts", { cwd: ROOT, exclude: ["**/node_modules/**"] })
    .filter((name) => !name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(ROOT, name), "utf8"))
    .join("\n");

/** Programs of the system that a runbook may name. */
const SYSTEM = /^(df|ip|find|docker (system|stats))( |$)/;

for (const { name } of RULES)
  test(`the runbook of ${name} names its rule and only commands that exist`, () => {
    const path = join(DIR, `${kebab(name)}.md`);
    assert.ok(existsSync(path), path);
    const text = readFileSync(path, "utf8");
    assert.ok(text.startsWith(`# ${name}\n`));
    const commands = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block]) =>
      (block ?? "").trim().split("\n"),
    );
    assert.ok(commands.length > 0);
    for (const command of commands) checkCommand(command);
    for (const [, link] of text.matchAll(/\]\(([a-z-]+\.md)\)/g))
      assert.ok(existsSync(join(DIR, link ?? "")), String(link));
  });

function checkCommand(command: string): void {
  const [, script] = /^npm run ([\w:-]+)/.exec(command) ?? [];
  if (script !== undefined) return assert.ok(scripts().includes(script), command);
  if (command.startsWith("docker compose")) {
    const [, , , file, verb, ...rest] = command.split(" ");
    assert.ok(existsSync(join(ROOT, file ?? "")), command);
    assert.match(verb ?? "", /^(up|down|ps|logs|restart|stop)$/, command);
    const named = rest.filter((word) => /^[a-z][a-z-]*$/.test(word));
    return assert.deepEqual(
      named.filter((word) => !services().includes(word)),
      [],
      command,
    );
  }
  const [, path] = /^curl .*http:\/\/127\.0\.0\.1:80[89]0(\/[\w/]*)/.exec(command) ?? [];
  if (path !== undefined) return assert.ok(sources().includes(`"${path.replace(/^\/api/, "")}"`), command);
  return assert.match(command, SYSTEM);
}

test("no runbook is without its rule", () => {
  assert.deepEqual(readdirSync(DIR).sort(), RULES.map(({ name }) => `${kebab(name)}.md`).sort());
});
