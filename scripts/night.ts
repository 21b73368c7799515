/**
 * One night with everything in it: bot, sidecar, Collector, Prometheus, Loki, Jaeger and fake-telegram as separate
 * processes, and all that can go wrong. At the end one table, and whether the books balance; exit code 1 if not.
 *
 *   npm run test:night                    a few minutes; the seed is printed
 *   npm run test:night -- --seed 7        the same night again
 *   npm run test:night -- --short         as `npm test` plays it
 *   npm run test:night -- --containers    the images and the shipped compose file, in a Docker Engine
 *   npm run test:night -- --soak 2h       night after night, each with a new seed, until the time is over or one fails
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { findEngines } from "../otel/collector/testing.ts";
import { findEngine } from "./images/engine.ts";
import { FULL, SHORT } from "./night/acts.ts";
import { hostOf, startContainers } from "./night/containers.ts";
import { runNight, type NightOptions } from "./night/night.ts";
import { startProcesses } from "./night/processes.ts";
import { tableOf } from "./night/table.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    short: { type: "boolean" },
    containers: { type: "boolean" },
    soak: { type: "string" },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const soakMs = values.soak === undefined ? 0 : durationMs(values.soak);
const where = values.containers ? await inContainers() : asProcesses();
if (typeof where === "string") {
  say(`skipped: ${where}`);
  process.exit(0);
}

const end = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end.abort());
const begun = performance.now();
let seed = values.seed === undefined ? randomInt(1_000_000) : Number(values.seed);
const memory: string[] = [];
for (; ; seed++) {
  const night = await runNight({
    seed,
    form: values.short ? SHORT : FULL,
    ...where,
    say,
    signal: end.signal,
  }).catch((error: unknown) => {
    say(`\nNo night: ${(error as Error).message}`);
    process.exit(1);
  });
  say(`\n${tableOf(night)}`);
  if (night.balance.wrong.length > 0) process.exit(1);
  memory.push(`${night.memory.bot[1].toFixed(0)}/${night.memory.sidecar[1].toFixed(0)}`);
  if (performance.now() - begun > soakMs) break;
  say(`\nmemory at dawn, bot/sidecar, MiB, night by night: ${memory.join(" ")}\n`);
}
if (memory.length > 1) say(`\n${memory.length} nights; memory at dawn, bot/sidecar, MiB: ${memory.join(" ")}`);

function asProcesses(): Pick<NightOptions, "build"> | string {
  const { bin, skip } = findEngines();
  return skip === false ? { build: (around) => startProcesses(bin, around) } : skip;
}

async function inContainers(): Promise<Pick<NightOptions, "build" | "host"> | string> {
  const engine = await findEngine();
  if (typeof engine === "string") return engine;
  return { build: (around) => startContainers(engine, around), host: await hostOf(engine) };
}

function durationMs(text: string): number {
  const [, amount, unit = ""] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
  if (amount === undefined) throw new Error(`--soak ${text}: write it like 90s, 30m or 2h`);
  return Number(amount) * { s: 1000, m: 60_000, h: 3_600_000 }[unit]!;
}
