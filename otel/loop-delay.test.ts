import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { watchEventLoop } from "./loop-delay.ts";

test("a blocked event loop is seen by every reader, without the sampling interval", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const loop = watchEventLoop();
  t.after(() => loop.close());
  assert.deepEqual(loop.delayMs(), { p50: 0, p99: 0, max: 0 });
  // The histogram samples every 250 ms by itself; a block must cover one sample.
  await delay(300);
  const until = performance.now() + 700;
  while (performance.now() < until);
  await delay(300);
  const seen = loop.delayMs();
  assert.ok(seen.max > 300 && seen.max < 5000, String(seen.max));
  assert.ok(seen.p50 <= seen.p99 && seen.p99 <= seen.max);
  assert.deepEqual(loop.delayMs(), seen);
  assert.ok(loop.utilization() > 0 && loop.utilization() <= 1);

  t.mock.timers.tick(30_000);
  assert.equal(loop.delayMs().max, seen.max, "half a minute later it is still known");
  t.mock.timers.tick(30_000);
  assert.ok(loop.delayMs().max < seen.max, "a minute later it is over");
});
