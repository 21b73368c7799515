import assert from "node:assert/strict";
import { test } from "node:test";
import type { Incident, Told } from "../state/records.ts";
import { incidentOf, toldOf } from "./testing-records.ts";
import { decide, isAcked, type Overlays, repeatGapMs, type Say } from "./told.ts";

const HOUR = 3_600_000;
const FREE: Overlays = { acked: false, silenced: false, inhibited: false, flapping: false };
const now = { atMs: 10 * HOUR, wallMs: 10 * HOUR };

const firing = incidentOf({ state: "firing", free: { telegram: 1 } });
const worse = incidentOf({ state: "firing", severity: "critical", free: { telegram: 1 } });
const over = incidentOf({ state: "resolved", resolvedAtMs: now.atMs, free: { telegram: 1 } });
const quietly = incidentOf({ state: "resolved", resolvedAtMs: now.atMs, free: {} });
const recently = toldOf({ saidAtMs: now.atMs - HOUR + 1 });
const longAgo = toldOf({ saidAtMs: now.atMs - HOUR });
const done = toldOf({ state: "resolved" });

const CASES: [string, Incident, Told | undefined, Partial<Overlays>, Say | undefined][] = [
  ["firing, told nothing", firing, undefined, {}, "firing"],
  ["firing, told a while ago", firing, recently, {}, undefined],
  ["firing, told an hour ago", firing, longAgo, {}, "repeat"],
  ["firing more severely than told", worse, recently, {}, "worse"],
  ["firing and acknowledged", firing, longAgo, { acked: true }, undefined],
  ["firing and silenced", firing, undefined, { silenced: true }, undefined],
  ["firing and inhibited", firing, undefined, { inhibited: true }, undefined],
  ["firing and flapping", firing, longAgo, { flapping: true }, undefined],
  ["recovering, told nothing", incidentOf({ state: "recovering" }), undefined, {}, undefined],
  ["recovering, told an hour ago", incidentOf({ state: "recovering" }), longAgo, {}, undefined],
  ["resolved, told firing", over, longAgo, {}, "resolved"],
  ["resolved inside a silence, told firing", over, longAgo, { silenced: true }, "resolved"],
  ["resolved and flapping, told firing", over, longAgo, { flapping: true }, undefined],
  ["resolved, told nothing, once free to speak", over, undefined, {}, "missed"],
  ["resolved, told nothing, never free", quietly, undefined, {}, undefined],
  ["resolved, told so", over, done, {}, undefined],
];
for (const [title, incident, told, overlays, say] of CASES)
  test(`${title}: ${say ?? "nothing"}`, () => {
    assert.equal(decide(incident, told, { ...FREE, ...overlays }, true, now, "telegram"), say);
  });

test("a channel that is not wanted hears nothing new, and the end of what it heard", () => {
  assert.equal(decide(firing, undefined, FREE, false, now, "ntfy"), undefined);
  assert.equal(decide(over, longAgo, FREE, false, now, "ntfy"), "resolved");
});

test("reminders come after 1, 2, 4 and 8 hours, then every day", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 9].map((repeats) => repeatGapMs(repeats) / HOUR),
    [1, 2, 4, 8, 24, 24],
  );
});

test("an ack ends after a day", () => {
  assert.ok(isAcked(incidentOf({ ackedAtMs: now.atMs - 24 * HOUR + 1 }), now));
  assert.ok(!isAcked(incidentOf({ ackedAtMs: now.atMs - 24 * HOUR }), now));
  assert.ok(!isAcked(incidentOf({}), now));
});
