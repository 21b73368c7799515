import assert from "node:assert/strict";
import { test } from "node:test";
import { refresh } from "./incidents.ts";
import { incidentOf } from "./testing-records.ts";

const unreachable = incidentOf({
  cause: "telegram_unreachable",
  facts: { ageMs: 1000, way: "from this host too: tcp ETIMEDOUT (v4)", back: false },
});
const reachable = { ageMs: 2000, way: "Telegram is reachable from this host (ttfb 1 ms)", back: false };

test("a known cause keeps the way it was read from while nothing better is known", () => {
  const { cause, facts } = refresh(unreachable, { value: "breach", cause: "unknown", facts: reachable });
  assert.equal(cause, "telegram_unreachable");
  assert.deepEqual(facts, { ageMs: 2000, way: "from this host too: tcp ETIMEDOUT (v4)", back: false });
});

test("a better cause comes with its own readings, and unknown is better than none", () => {
  const better = refresh(unreachable, { value: "breach", cause: "bot_egress", facts: reachable });
  assert.deepEqual([better.cause, better.facts], ["bot_egress", reachable]);
  const first = refresh(incidentOf({ cause: null }), { value: "breach", cause: "unknown", facts: reachable });
  assert.deepEqual([first.cause, first.facts], ["unknown", reachable]);
});

test("a rule without causes shows what is read now, and a reading that is no breach changes nothing", () => {
  const disk = incidentOf({ cause: null, facts: { availableBytes: 1 } });
  assert.deepEqual(refresh(disk, { value: "breach", facts: { availableBytes: 2 } }).facts, { availableBytes: 2 });
  assert.equal(refresh(disk, { value: "clear" }), disk);
});
