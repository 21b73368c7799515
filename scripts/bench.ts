/**
 * The figures: runs every bench, prints one table, and keeps what the full form measured in bench/results/.
 *
 *   npm run bench                      all
 *   npm run bench -- start replay      these
 *   npm run bench -- --short           seconds instead of minutes; keeps nothing
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { basename, join } from "node:path";
import type { Figure } from "../bench/figure.ts";
import { row, verdictOf } from "./bench/table.ts";

const root = join(import.meta.dirname, "..");
const short = process.argv.includes("--short");
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const all = globSync("bench/*.bench.ts", { cwd: root }).map((path) => basename(path, ".bench.ts"));
const unknown = chosen.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(", ")}; there are ${all.toSorted().join(", ")}\n`);
  process.exit(1);
}

bundle();
const results: Figure[] = [];
const failed: string[] = [];
for (const name of chosen.length > 0 ? chosen : all.toSorted()) {
  process.stdout.write(`\n${name} …\n`);
  const figures = await bench(name);
  results.push(...figures);
  if (!short && figures.length > 0) keep(name, figures);
}

process.stdout.write(`\n${row()}\n`);
for (const figure of results) process.stdout.write(`${row(figure)}\n`);
for (const figure of results) if (verdictOf(figure) === "FAILED") failed.push(figure.figure);
if (failed.length > 0) process.stdout.write(`\nFailed: ${failed.join("; ")}\n`);
process.exit(failed.length > 0 ? 1 : 0);

/** Runs one; its JSON lines are figures, everything else is passed on. */
async function bench(name: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  const child = spawn(process.execPath, [join(root, `bench/${name}.bench.ts`), ...(short ? ["--short"] : [])], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, BENCH_BUNDLED: "1" },
  });
  let rest = "";
  child.stdout.on("data", (chunk) => {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith('{"figure"')) figures.push(JSON.parse(line) as Figure);
      else process.stdout.write(`  ${line}\n`);
    }
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) failed.push(`${name} ended with ${code}`);
  return figures;
}

function keep(name: string, figures: Figure[]): void {
  const git = (...args: string[]): string => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim();
  const machine = {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 1e9),
    loadAverage: Number(loadavg()[1]?.toFixed(1)),
    node: process.version,
  };
  const revision = `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "-uno") === "" ? "" : "+"}`;
  const about = { date: new Date().toISOString().slice(0, 16), revision, ...machine };
  const folder = join(root, "bench", "results");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify({ ...about, figures }, null, 2)}\n`);
}

function bundle(): void {
  const { status } = spawnSync(process.execPath, [join(root, "scripts/bundle.mjs")], {
    stdio: ["ignore", "ignore", 2],
  });
  if (status !== 0) process.exit(1);
}
