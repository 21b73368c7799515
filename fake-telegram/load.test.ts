import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { manualClock, startFakeTelegram } from "./mod.ts";

async function start(t: TestContext) {
  const clock = manualClock();
  const telegram = await startFakeTelegram({ clock, bots: ["shop"] });
  t.after(() => telegram.close());
  const texts = (): unknown[] =>
    telegram.conversations().flatMap(({ messages }) => messages.map((message) => "text" in message && message.text));
  return { clock, telegram, texts };
}

test("a load says as much as it should, evenly, and then ends", async (t) => {
  const { clock, telegram } = await start(t);
  const load = telegram.load({ perSecond: 100, seconds: 2, people: 5 });
  clock.advance(500);
  assert.equal(telegram.pending(), 50);
  clock.advance(5000);
  assert.equal(await load, 200);
  assert.equal(telegram.pending(), 200);
  assert.equal(telegram.people().length, 5);
});

test("the same seed says the same", async (t) => {
  const [a, b] = [await start(t), await start(t)];
  for (const { clock, telegram } of [a, b]) {
    void telegram.load({ perSecond: 10, seconds: 1, seed: 5 });
    clock.advance(2000);
  }
  assert.deepEqual(a.texts(), b.texts());
});

test("a load of hours keeps a bounded number of messages", async (t) => {
  const { clock, telegram, texts } = await start(t);
  void telegram.load({ perSecond: 1000, seconds: 5, people: 1, texts: ["x"] });
  clock.advance(6000);
  assert.equal(telegram.pending(), 5000);
  assert.ok(texts().length <= 2000);
});
