import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instance, Severity } from "../state/records.ts";
import type { Reading } from "./rule.ts";
import { holds, newInstance, step } from "./step.ts";

const MINUTE = 60_000;
const WAITS = { forMs: 2 * MINUTE, clearMs: MINUTE };

/** Plays readings, one a minute; the effects of each with the state after it. */
function play(readings: (Reading["value"] | `breach ${Severity}`)[], waits = WAITS) {
  let state: Instance = newInstance("R", "t", "warning", 0);
  const told: string[] = [];
  for (const [minute, reading] of readings.entries()) {
    const [value, severity = "warning"] = reading.split(" ") as [Reading["value"], Severity?];
    const now = { atMs: minute * MINUTE, wallMs: minute * MINUTE };
    const after = step(state, { reading: { value }, severity, waits, suspect: false }, now);
    state = after.state;
    told.push([state.state, ...after.effects.map(({ effect }) => effect)].join(" "));
  }
  return { told, state };
}

test("a breach fires when it has held", () => {
  assert.deepEqual(play(["clear", "breach", "breach", "breach"]).told, ["ok", "pending", "pending", "firing fire"]);
});

test("a breach without a wait fires at once", () => {
  assert.deepEqual(play(["breach"], { forMs: 0, clearMs: 0 }).told, ["firing fire"]);
});

test("a blip is counted and fires nothing", () => {
  const { told, state } = play(["breach", "breach", "clear"]);
  assert.deepEqual(told, ["pending", "pending", "ok"]);
  assert.equal(state.blips, 1);
});

test("a firing recovers when the clear has held, and a dip inside it is the same incident", () => {
  const { told } = play(["breach", "breach", "breach", "clear", "breach", "clear", "clear"]);
  assert.deepEqual(told.slice(2), [
    "firing fire",
    "recovering clearing",
    "firing dip",
    "recovering clearing",
    "ok resolve",
  ]);
});

test("unknown neither fires nor resolves, and its time does not make a breach of it", () => {
  assert.deepEqual(play(["breach", "unknown", "unknown", "unknown", "clear"]).told.at(-1), "ok");
  assert.deepEqual(play(["breach", "breach", "breach", "unknown", "unknown"]).told.slice(2), [
    "firing fire",
    "firing",
    "firing",
  ]);
  assert.deepEqual(play(["breach", "breach", "breach", "clear", "unknown", "unknown", "clear"]).told.slice(3), [
    "recovering clearing",
    "recovering",
    "recovering",
    "ok resolve",
  ]);
});

test("the severity rises inside an incident and does not fall", () => {
  const { told, state } = play(["breach", "breach", "breach", "breach critical", "breach warning"]);
  assert.deepEqual(told.slice(2), ["firing fire", "firing worse", "firing"]);
  assert.equal(state.severity, "critical");
});

test("readings that know since when count from there", () => {
  const reading: Reading = { value: "breach", sinceAtMs: 0 };
  const now = { atMs: 2 * MINUTE, wallMs: 100 * MINUTE };
  const { effects } = step(
    newInstance("R", "t", "warning", 0),
    { reading, severity: "warning", waits: WAITS, suspect: false },
    now,
  );
  assert.deepEqual(effects, [{ effect: "fire", startedAtMs: 0, startedWallMs: 98 * MINUTE }]);
});

test("the third incident within an hour flaps until one state has held for half an hour", () => {
  const cycle = ["breach", "breach", "breach", "clear", "clear"] as const;
  const flapping = play([...cycle, ...cycle, ...cycle]);
  assert.equal(flapping.state.flappingSinceAtMs, 12 * MINUTE);
  const settled = play([...cycle, ...cycle, ...cycle, ...Array.from({ length: 31 }, () => "clear" as const)]);
  assert.equal(settled.state.flappingSinceAtMs, null);
});

test("a rule that may be about to fire holds others, at most for its own wait", () => {
  const suspect = (atMs: number, before: Instance) =>
    step(
      before,
      { reading: { value: "clear" }, severity: "warning", waits: WAITS, suspect: true },
      { atMs, wallMs: atMs },
    ).state;
  const first = suspect(0, newInstance("R", "t", "warning", 0));
  assert.ok(holds(first, 5 * MINUTE, { atMs: 5 * MINUTE, wallMs: 0 }));
  assert.ok(!holds(first, 5 * MINUTE, { atMs: 6 * MINUTE, wallMs: 0 }));
  assert.ok(!holds(newInstance("R", "t", "warning", 0), 5 * MINUTE, { atMs: 0, wallMs: 0 }));
});

test("nothing changed is the same object", () => {
  const before = newInstance("R", "t", "warning", 0);
  const after = step(
    before,
    { reading: { value: "clear" }, severity: "warning", waits: WAITS, suspect: false },
    { atMs: 9, wallMs: 9 },
  );
  assert.equal(after.state, before);
});
