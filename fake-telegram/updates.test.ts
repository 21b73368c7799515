import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "./clock.ts";
import { startWithClient as start } from "./testing.ts";
import { createUpdateQueue, type UpdateQueueOptions } from "./updates.ts";

// Client::do_get_updates, process_get_updates_query and long_poll_wakeup; TQueue::get of tddb/td/db/TQueue.cpp.

function queue(options: UpdateQueueOptions = {}) {
  const clock = manualClock();
  const updates = createUpdateQueue(clock, options);
  const signal = new AbortController();
  const say = (count: number): void => {
    for (let i = 0; i < count; i++) updates.push("message", { text: `${i}` } as never);
  };
  const poll = (request: { offset?: number; limit?: number; timeoutSeconds?: number } = {}) =>
    updates
      .poll({ offset: 0, limit: 100, timeoutSeconds: 0, ...request }, signal.signal)
      .then((list) => list.map(({ update_id }) => update_id));
  return { clock, updates, say, poll, signal };
}

/** What a promise has come to by now, without waiting. */
async function now<T>(promise: Promise<T>): Promise<T | string> {
  return Promise.race([
    promise.catch((error: Error) => error.message),
    new Promise<string>((resolve) => setImmediate(resolve, "waiting")),
  ]);
}
const displaced = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";

test("an update comes again until a higher offset confirms it", async () => {
  const { say, poll, updates } = queue();
  say(3);
  assert.deepEqual(await poll(), [1, 2, 3]);
  assert.deepEqual(await poll({ offset: 1 }), [1, 2, 3]);
  assert.deepEqual(await poll({ offset: 3 }), [3]);
  assert.deepEqual(await poll(), [3]);
  assert.equal(updates.pending(), 1);
  assert.deepEqual(await poll({ offset: 4 }), []);
  assert.equal(updates.pending(), 0);
});

test("a negative offset keeps the last ones and forgets the rest", async () => {
  const { say, poll, updates } = queue();
  say(5);
  assert.deepEqual(await poll({ offset: -2 }), [4, 5]);
  assert.equal(updates.pending(), 2);
});

test("an offset more than 10 beyond the tail is ignored", async () => {
  const { say, poll, updates } = queue();
  say(2);
  assert.deepEqual(await poll({ offset: 3 + 11 }), [1, 2]);
  assert.equal(updates.pending(), 2);
  assert.deepEqual(await poll({ offset: 3 + 10 }), []);
  assert.equal(updates.pending(), 0);
});

test("a waiting poll wakes one millisecond after an update, with what came meanwhile", async () => {
  const { clock, say, poll } = queue();
  const waiting = poll({ timeoutSeconds: 30 });
  say(1);
  assert.equal(await now(waiting), "waiting");
  say(1);
  clock.advance(1);
  assert.deepEqual(await now(waiting), [1, 2]);
});

test("a waiting poll ends with nothing at its timeout", async () => {
  const { clock, poll } = queue();
  const waiting = poll({ timeoutSeconds: 30 });
  clock.advance(29_999);
  assert.equal(await now(waiting), "waiting");
  clock.advance(1);
  assert.deepEqual(await now(waiting), []);
});

test("the older of two pollers dies with 409", async () => {
  const { poll } = queue();
  const older = poll({ timeoutSeconds: 30 });
  const newer = poll({ timeoutSeconds: 30 });
  assert.equal(await now(older), displaced);
  assert.equal(await now(newer), "waiting");
});

test("a newcomer that need not wait displaces nobody", async () => {
  const { clock, say, poll } = queue();
  const older = poll({ timeoutSeconds: 30 });
  assert.deepEqual(await poll(), []);
  assert.equal(await now(older), "waiting");
  say(1);
  assert.deepEqual(await poll({ timeoutSeconds: 30 }), [1]);
  clock.advance(1);
  assert.deepEqual(await now(older), [1]);
});

test("a second 409 within 3 s is held back 3 s", async () => {
  const { clock, poll } = queue();
  const [first, second] = [poll({ timeoutSeconds: 30 }), poll({ timeoutSeconds: 30 })];
  void poll({ timeoutSeconds: 30 });
  assert.equal(await now(first), displaced);
  clock.advance(2999);
  assert.equal(await now(second), "waiting");
  clock.advance(1);
  assert.equal(await now(second), displaced);
});

test("a poll whose client has gone ends, so that a stopped bot is no second poller", async () => {
  const { poll, signal, updates } = queue();
  const waiting = poll({ timeoutSeconds: 30 });
  signal.abort();
  assert.deepEqual(await now(waiting), []);
  assert.equal(updates.isPolled(), false);
});

test("allowed updates count when an update is created", async () => {
  const { updates, poll } = queue();
  const types = ["message", "callback_query", "chat_member", "message_reaction", "message_reaction_count"] as const;
  const taken = (): string[] => types.filter((type) => updates.push(type, {} as never) !== undefined);
  assert.deepEqual(taken(), ["message", "callback_query"]);
  updates.setAllowed(["Message", "message_reaction", "nonsense"]);
  assert.deepEqual(updates.allowed(), ["message", "message_reaction"]);
  assert.deepEqual(taken(), ["message", "message_reaction"]);
  for (const kept of [undefined, "message", [1]]) updates.setAllowed(kept);
  assert.deepEqual(taken(), ["message", "message_reaction"]);
  for (const restoring of [["nonsense"], []]) {
    updates.setAllowed(["message"]);
    updates.setAllowed(restoring);
    assert.equal(updates.allowed(), undefined);
  }
  assert.equal((await poll()).length, 6);
});

test("ids begin where they are told to", async () => {
  const { say, poll } = queue({ firstUpdateId: 700 });
  say(2);
  assert.deepEqual(await poll(), [700, 701]);
});

test("with pacing the same offset soon again waits up to 3 s, and gets one update within half a second", async () => {
  const { clock, say, poll } = queue({ pacing: true });
  say(2);
  assert.deepEqual(await poll({ offset: 1 }), [1, 2]);
  clock.advance(499);
  assert.deepEqual(await poll({ offset: 1 }), [1]);
  await poll({ offset: 3 });
  const waiting = poll({ offset: 3 });
  clock.advance(2999);
  assert.equal(await now(waiting), "waiting");
  clock.advance(1);
  assert.deepEqual(await now(waiting), []);
  clock.advance(3000);
  assert.deepEqual(await now(poll({ offset: 3 })), []);
});

test("limit is clamped to 1–100, timeout to 0–50, and junk counts as 0 before that", async (t) => {
  const clock = manualClock();
  const { telegram, ok } = await start(t, { clock });
  for (let i = 0; i < 120; i++) telegram.say("x");
  for (const [limit, count] of [
    [0, 1],
    ["junk", 1],
    [-5, 1],
    [3, 3],
    [1000, 100],
    ["", 100],
  ]) {
    assert.equal((await ok("getUpdates", { limit })).length, count, `limit ${limit}`);
  }
  await ok("getUpdates", { offset: -1 });
  for (const timeout of ["junk", -3]) assert.deepEqual(await ok("getUpdates", { offset: 121, timeout }), []);
  const waiting = ok("getUpdates", { offset: 121, timeout: 900 });
  await telegram.called("getUpdates", { where: ({ state }) => state === "waiting" });
  clock.advance(50_000);
  assert.deepEqual(await waiting, []);
});

test("allowed_updates that cannot be parsed keeps the setting, as does leaving it out", async (t) => {
  const { ok } = await start(t);
  await ok("getUpdates", { allowed_updates: ["message"] });
  for (const allowed_updates of ["[junk", undefined]) await ok("getUpdates", { allowed_updates });
  assert.deepEqual((await ok("getWebhookInfo")).allowed_updates, ["message"]);
  await ok("getUpdates", { allowed_updates: [] });
  assert.equal((await ok("getWebhookInfo")).allowed_updates, undefined);
});

test("a bot that hangs up is no longer polled", async (t) => {
  const { telegram, call } = await start(t);
  const waiting = call("getUpdates", { timeout: 30 }, { timeoutMs: 100 });
  await telegram.called("getUpdates");
  await assert.rejects(waiting);
  await telegram.called("getUpdates", { where: ({ state }) => state === "gone" });
  assert.equal(telegram.bot().updates.isPolled(), false);
});
