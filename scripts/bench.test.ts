import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deafnessIn } from "../bench/deafness.ts";
import { row, verdictOf } from "./bench/table.ts";

test("a figure over its goal is missed, over its must it fails; higher is better turns both round", () => {
  const lower = (ours: number) => verdictOf({ figure: "f", unit: "ms", ours, goal: 100, must: 200 });
  assert.deepEqual([100, 101, 200, 201].map(lower), ["ok", "missed", "missed", "FAILED"]);
  const higher = (ours: number) => verdictOf({ figure: "f", unit: "1/s", ours, goal: 100, must: 50, better: "higher" });
  assert.deepEqual([100, 99, 50, 49].map(higher), ["ok", "missed", "missed", "FAILED"]);
  assert.equal(verdictOf({ figure: "f", unit: "ms", ours: 1 }), "–");
});

test("a line of the table has the goal, ours, the peer of the same run and the ratio", () => {
  const line = row({ figure: "start", unit: "ms", ours: 150, goal: 250, peer: { name: "grammY alone", value: 100 } });
  assert.match(line, /^start +≤ 250 +150 ms +×1\.50 of 100 \(grammY alone\) +ok$/);
});

test("how long a deploy deafens is what the test of the compose file says", () => {
  const tap = `
    # while the bot was restarted nobody polled for 1712 ms
# during the update nobody polled for 4100 ms`;
  assert.deepEqual(
    deafnessIn(tap).map(({ figure, ours, unit }) => [figure, ours, unit]),
    [
      ["nobody polls while the bot is restarted", 1.712, "s"],
      ["nobody polls during scripts/update.sh", 4.1, "s"],
    ],
  );
  const source = readFileSync(join(import.meta.dirname, "compose.test.ts"), "utf8");
  const shown = source.replaceAll(/\$\{deafMs\([^)]*\)\}/g, "1").replaceAll("t.diagnostic(`", "# ");
  assert.equal(deafnessIn(shown).length, 2);
});

test("a bench that does not exist ends with 1 and the names of those that do", () => {
  const run = spawnSync(process.execPath, [join(import.meta.dirname, "bench.ts"), "speed"], { encoding: "utf8" });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /no bench speed; there are .*replay/);
});
