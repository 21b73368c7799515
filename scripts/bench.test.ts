import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { figuresIn } from "../bench/diagnostics.ts";
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

test("the figures of the images are what their tests say, with the limits", () => {
  const tap = `
    # bot: 146.2 MB unpacked, 53.4 MB compressed (gzip -6)
    # bot: 92 MB resident, of it 55 MB its own
# while the bot was restarted nobody polled for 1712 ms
# during the update nobody polled for 4100 ms`;
  assert.deepEqual(
    figuresIn(tap).map(({ figure, ours, unit, must }) => [figure, Number(ours.toFixed(2)), unit, must]),
    [
      ["image of the bot, to pull", 53.4, "MB", 57],
      ["memory of the bot in its container, after some use", 92, "MB", undefined],
      ["nobody polls while the bot is restarted", 1.71, "s", undefined],
      ["nobody polls during scripts/update.sh", 4.1, "s", undefined],
    ],
  );
  const tests = ["scripts/images.test.ts", "scripts/compose.test.ts"].map((file) =>
    readFileSync(join(import.meta.dirname, "..", file), "utf8"),
  );
  for (const said of ["MB compressed", " resident", "was restarted nobody polled for", "the update nobody polled for"])
    assert.ok(
      tests.some((source) => source.includes(said)),
      said,
    );
});

test("a bench that does not exist ends with 1 and the names of those that do", () => {
  const run = spawnSync(process.execPath, [join(import.meta.dirname, "bench.ts"), "speed"], { encoding: "utf8" });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /no bench speed; there are .*replay/);
});
