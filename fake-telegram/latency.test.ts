import assert from "node:assert/strict";
import { test } from "node:test";
import { createLatency } from "./latency.ts";

const draw = (count: number, profile: Parameters<ReturnType<typeof createLatency>["set"]>[0]): number[] => {
  const latency = createLatency();
  latency.set(profile);
  return Array.from({ length: count }, () => latency.nextMs("getMe"));
};

test("without sigma and jitter every answer takes the median", () => {
  assert.deepEqual(draw(3, { medianMs: 80 }), [80, 80, 80]);
});

test("half of a lognormal profile is slower than its median", () => {
  const slower = draw(2000, { medianMs: 80, sigma: 0.5, seed: 7 }).filter((ms) => ms > 80).length;
  assert.ok(slower > 900 && slower < 1100, `${slower} of 2000`);
});

test("the same seed gives the same delays, another one others", () => {
  const profile = { medianMs: 80, sigma: 0.5, jitterMs: 10 };
  assert.deepEqual(draw(5, { ...profile, seed: 3 }), draw(5, { ...profile, seed: 3 }));
  assert.notDeepEqual(draw(5, { ...profile, seed: 3 }), draw(5, { ...profile, seed: 4 }));
});

test("jitter adds at most what it says", () => {
  for (const ms of draw(200, { medianMs: 10, jitterMs: 5 })) assert.ok(ms >= 10 && ms < 15, `${ms}`);
});

test("a profile of one method wins over the general one, until all are taken back", () => {
  const latency = createLatency();
  latency.set({ medianMs: 1 });
  latency.set({ medianMs: 2, method: "sendMessage" });
  assert.equal(latency.nextMs("sendmessage"), 2);
  assert.equal(latency.nextMs("getMe"), 1);
  latency.set(undefined);
  assert.equal(latency.nextMs("getMe"), 0);
});
