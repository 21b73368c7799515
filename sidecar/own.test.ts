import assert from "node:assert/strict";
import { test } from "node:test";
import { ownProbe } from "./own.ts";
import type { OwnSample } from "./probes/probe.ts";

const HOUR_MS = 3_600_000;

function setUp() {
  let nowMs = 0;
  let checks = 0;
  const state = { trouble: undefined as string | undefined, damage: undefined as string | undefined };
  const probe = ownProbe(
    {
      state: { problem: () => state.trouble, quickCheck: () => ((checks += 1), state.damage) },
      backup: () => ({ lastVerifiedAtMs: 5, lastError: null }),
      lastMetrics: () => ({ shop: { instance: "i", atMs: 7 } }),
      clocks: { now: () => nowMs, wall: () => 9 },
    },
    5000,
  );
  const look = async (atMs: number) => {
    nowMs = atMs;
    return (await probe.run(AbortSignal.timeout(1000))) as OwnSample;
  };
  return { state, look, checks: () => checks };
}

test("it says how the database, the backups and the arrivals are", async () => {
  const { look } = setUp();
  assert.deepEqual(await look(1), {
    kind: "own",
    probe: "own",
    target: "sidecar",
    atMs: 1,
    wallMs: 9,
    sqlite: { ok: true },
    backup: { lastVerifiedAtMs: 5, lastError: null },
    lastMetricsAtMs: { shop: { instance: "i", atMs: 7 } },
  });
});

test("the whole file is checked at the start and once a day, and damage stays known between", async () => {
  const { look, state, checks } = setUp();
  state.damage = "row 3 missing from index";
  await look(0);
  assert.deepEqual((await look(HOUR_MS)).sqlite, { ok: false, error: "row 3 missing from index" });
  assert.equal(checks(), 1);
  state.damage = undefined;
  assert.deepEqual((await look(24 * HOUR_MS)).sqlite, { ok: true });
  assert.equal(checks(), 2);
});

test("a state that is not saved is not ok, from the first look after it", async () => {
  const { look, state } = setUp();
  await look(0);
  state.trouble = "state not saved: no space left";
  assert.deepEqual((await look(1)).sqlite, { ok: false, error: "state not saved: no space left" });
});
