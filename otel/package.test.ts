import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import * as door from "./mod.ts";

const here = import.meta.dirname;
const modules = join(here, "../node_modules");
const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

const consumer = `
  import { Bot } from "grammy";
  import { observe, type Observed } from "@gramwatch/otel";
  import { promName } from "@gramwatch/otel/prom-name";
  import { startOtlpCapture } from "@gramwatch/otel/testing";
  const bot = new Bot("1:x");
  const observed: Observed = observe(bot, { name: "mine", port: 0 });
  const status: "ok" | "degraded" | "fail" = observed.health.snapshot().status;
  // @ts-expect-error a port is a number
  observe(bot, { port: "80" });
  export { status, promName, startOtlpCapture };
`;

test("the packed library is typed ECMAScript, complete, and has no test in it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gramwatch-pack-"));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync(process.execPath, [join(here, "build.mjs")], { stdio: "pipe" });
  const packed = execFileSync("npm", ["pack", join(here, "dist"), "--pack-destination", folder, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  assert.ok(!/rig|tables|fill-readme|\.test\./.test(packed));
  const target = join(folder, "node_modules/@gramwatch/otel");
  mkdirSync(target, { recursive: true });
  const [archive] = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
  execFileSync("tar", ["-xzf", join(folder, archive ?? ""), "-C", target, "--strip-components=1"]);
  for (const name of readdirSync(modules)) {
    if (name !== "@gramwatch" && !name.startsWith("."))
      symlinkSync(join(modules, name), join(folder, "node_modules", name));
  }

  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "consumer.ts"), consumer);
  const options = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "nodenext",
    "--target",
    "esnext",
    "--types",
    "node",
  ];
  const types = spawnSync(process.execPath, [compiler, ...options, "consumer.ts"], { cwd: folder, encoding: "utf8" });
  assert.equal(types.stdout, "");

  const names = execFileSync(
    process.execPath,
    ["--input-type=module", "-e", `console.log(Object.keys(await import("@gramwatch/otel")).join(" "))`],
    { cwd: folder, encoding: "utf8" },
  );
  assert.deepEqual(names.trim().split(" ").sort(), Object.keys(door).sort());
});
