import assert from "node:assert/strict";
import { test } from "node:test";
import { findEngines } from "../otel/collector/testing.ts";
import { SHORT } from "./night/acts.ts";
import { runNight } from "./night/night.ts";
import { startProcesses } from "./night/processes.ts";
import { tableOf } from "./night/table.ts";

const { bin, skip } = findEngines();
/** Another night: `NIGHT_SEED=8 npm test -- scripts/night.test.ts`. */
const seed = Number(process.env["NIGHT_SEED"] ?? 1);

test("a night with all that can go wrong balances", { skip, timeout: 600_000 }, async (t) => {
  const night = await runNight({ seed, form: SHORT, build: (around) => startProcesses(bin, around) });
  const table = tableOf(night);
  for (const line of table.split("\n")) t.diagnostic(line);
  assert.deepEqual(night.balance.wrong, [], table);
  for (const reason of night.skipped) await t.test("an act", { skip: reason }, () => {});
});
