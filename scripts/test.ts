/**
 * Everything that can be tested on this machine, in the order of cost. Says at the end what was skipped and why;
 * with CI=true a skipped test is a failure unless its reason starts with "user side:".
 *
 *   npm test              all
 *   npm test -- FILE …    only these test files, without coverage thresholds
 *   npm run check         formatting, lint, types, dead code
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const files = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const bin = (name: string): string => join(root, "node_modules", ".bin", name);

const failed: string[] = [];
if (files.length === 0) {
  step("format", bin("oxfmt"), ["--check", "."]);
  step("lint", bin("oxlint"), ["--type-aware"]);
  step("types", bin("tsc"), ["-p", "."]);
  for (const project of ["sidecar/console/client", "fake-telegram/chat/client"])
    step(`types of ${project}`, bin("tsc"), ["-p", project]);
  step("dead code", bin("knip"), []);
}
if (!process.argv.includes("--static")) tests();

process.stdout.write(failed.length === 0 ? "\nAll good.\n" : `\nFailed: ${failed.join(", ")}\n`);
process.exit(failed.length === 0 ? 0 : 1);

function step(name: string, command: string, args: string[], env: NodeJS.ProcessEnv = process.env): void {
  const begun = performance.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", env });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(`${status === 0 ? "✓" : "✗"} ${name} (${seconds} s)\n`);
  if (status !== 0) failed.push(name);
}

function tests(): void {
  const scratch = mkdtempSync(join(tmpdir(), "gramwatch-test-"));
  const skips = join(scratch, "skips");
  const reporters = ["spec", "stdout", join(root, "scripts", "skips.mjs"), skips];
  const coverage = [
    "--experimental-test-coverage",
    "--test-coverage-lines=90",
    "--test-coverage-branches=80",
    ...["**/*.test.ts", "**/testing/**", "bench/**", "scripts/**"].map((glob) => `--test-coverage-exclude=${glob}`),
  ];
  step("tests", process.execPath, [
    "--test",
    "--test-timeout=600000",
    ...["--test-reporter", "--test-reporter-destination", "--test-reporter", "--test-reporter-destination"].map(
      (option, index) => `${option}=${reporters[index]}`,
    ),
    ...(files.length === 0 ? [...coverage, "**/*.test.ts"] : files),
  ]);
  const skipped = readFileSync(skips, "utf8").split("\n").filter(Boolean);
  rmSync(scratch, { recursive: true });
  for (const line of skipped) process.stdout.write(`skipped ${line}\n`);
  const excused = (line: string): boolean => line.includes(": user side:");
  if (process.env["CI"] === "true" && !skipped.every(excused)) failed.push("skipped tests that CI must run");
}
