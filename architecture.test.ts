import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

/** Who may import whom (the table in CONTRIBUTING.md). A test file may also import what is listed under "test". */
const MAY_IMPORT: Record<string, string[]> = {
  otel: [],
  bot: ["otel"],
  sidecar: ["otel"],
  "fake-telegram": [],
  grafana: ["otel"],
};
/** Nothing of these is in an image or a package: what they declare for development is theirs to use. */
const DEVELOPMENT_ONLY = ["grafana"];
const TESTS_MAY_IMPORT = ["otel", "fake-telegram"];

/** Inside a folder: the left part never imports the right ones. Types of samples are the one thing that rules share. */
const INSIDE: [string, string[]][] = [
  ["sidecar/probes", ["sidecar/alerts", "sidecar/outbox", "sidecar/channels", "sidecar/state", "sidecar/store"]],
  ["sidecar/alerts", ["sidecar/channels", "sidecar/probes", "sidecar/store", "sidecar/otlp", "sidecar/console"]],
  ["sidecar/channels", ["sidecar/probes", "sidecar/alerts", "sidecar/outbox", "sidecar/store"]],
  ["sidecar/state", ["sidecar/probes", "sidecar/alerts", "sidecar/outbox", "sidecar/channels", "sidecar/store"]],
  ["sidecar/store", ["sidecar/probes", "sidecar/alerts", "sidecar/outbox", "sidecar/channels", "sidecar/state"]],
  ["bot/handlers", ["bot/telegram"]],
  ["bot/telegram", ["bot/handlers"]],
  ["bot/inbox", ["bot/handlers", "bot/telegram"]],
];

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)";?|\bimport\("([^"]+)"\)/gm;
interface Import {
  file: string;
  to: string;
  typeOnly: boolean;
}

const importsOf = (folder: string): Import[] =>
  globSync("**/*.ts", { cwd: folder, exclude: ["**/node_modules/**", "**/dist/**"] }).flatMap((name) => {
    const file = join(folder, name);
    return [...readFileSync(file, "utf8").matchAll(IMPORT)].map(([, typeOnly, from, dynamic]) => {
      const to = from ?? dynamic ?? "";
      return { file, to: to.startsWith(".") ? join(dirname(file), to) : to, typeOnly: typeOnly !== undefined };
    });
  });

for (const [folder, allowed] of Object.entries(MAY_IMPORT)) {
  const imports = importsOf(folder);

  test(`${folder} imports only itself, ${[...allowed, "what its package.json declares"].join(", ")}`, () => {
    assert.ok(imports.length > 0, `${folder} is empty`);
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const root = JSON.parse(readFileSync("package.json", "utf8"));
    const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
    const development = new Set(Object.keys({ ...manifest.devDependencies, ...root.devDependencies }));
    const wrong = imports.filter(({ file, to, typeOnly }) => {
      const isTest = file.endsWith(".test.ts") || file.includes("/testing");
      const ours = workspaceOf(to);
      if (ours !== undefined)
        return ours !== folder && !allowed.includes(ours) && !(isTest && TESTS_MAY_IMPORT.includes(ours));
      const name = to
        .split("/")
        .slice(0, to.startsWith("@") ? 2 : 1)
        .join("/");
      if (to.startsWith("node:")) return !builtinModules.includes(to.slice(5)) && !builtinModules.includes(to);
      const mayDevelop = isTest || typeOnly || DEVELOPMENT_ONLY.includes(folder);
      return !declared.has(name) && !(mayDevelop && development.has(name));
    });
    assert.deepEqual(wrong, []);
  });
}

for (const [from, never] of INSIDE)
  test(`${from} does not import ${never.join(", ")}`, () => {
    const wrong = importsOf(from).filter(
      ({ file, to, typeOnly }) =>
        !file.endsWith(".test.ts") &&
        never.some((folder) => to.startsWith(`${folder}/`)) &&
        !(typeOnly && to === "sidecar/probes/probe.ts"),
    );
    assert.deepEqual(wrong, []);
  });

function workspaceOf(to: string): string | undefined {
  if (to.startsWith("@gramwatch/")) return to.split("/")[1];
  const path = relative(".", to);
  return Object.keys(MAY_IMPORT).find((folder) => path.startsWith(`${folder}/`));
}
