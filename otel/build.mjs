// Builds otel/dist: JavaScript with types and the manifest that npm packs. Node does not strip types under
// node_modules, so what is published is JavaScript.
//
//   node otel/build.mjs && npm pack ./otel/dist
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";

const here = import.meta.dirname;
const dist = join(here, "dist");
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

rmSync(dist, { recursive: true, force: true });
// Files and options on the command line: only what the doors import is built, and tests are not.
const options =
  "--ignoreConfig --strict --exactOptionalPropertyTypes --skipLibCheck --declaration --target es2024 --lib esnext " +
  "--module nodenext --types node --verbatimModuleSyntax --rewriteRelativeImportExtensions";
const doors = [...new Set(Object.values(manifest.exports))].map((file) => join(here, file));
const { status } = spawnSync(
  process.execPath,
  [compiler, ...options.split(" "), "--rootDir", here, "--outDir", dist, ...doors],
  { stdio: "inherit" },
);
if (status !== 0) process.exit(1);

delete manifest.devDependencies;
manifest.exports = Object.fromEntries(
  Object.entries(manifest.exports)
    .filter(([name]) => !name.endsWith(".ts"))
    .map(([name, file]) => [name, { types: file.replace(/\.ts$/, ".d.ts"), default: file.replace(/\.ts$/, ".js") }]),
);
writeFileSync(join(dist, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const page of ["README.md", "../LICENSE"]) cpSync(join(here, page), join(dist, basename(page)));
