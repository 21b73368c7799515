import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { every, systemTimers, type Timers } from "./schedule.ts";

/** Timers that a test moves by hand. */
function handMoved() {
  let nowMs = 0;
  let pending: { at: number; call: () => void }[] = [];
  const timers: Timers = {
    now: () => nowMs,
    after(ms, call) {
      const timer = { at: nowMs + ms, call };
      pending.push(timer);
      return () => (pending = pending.filter((other) => other !== timer));
    },
  };
  return {
    timers,
    waiting: () => pending.map(({ at }) => at - nowMs),
    move: async (ms: number) => {
      nowMs += ms;
      const due = pending.filter(({ at }) => at <= nowMs);
      pending = pending.filter(({ at }) => at > nowMs);
      for (const { call } of due) call();
      await setImmediate();
    },
  };
}
const fail = (error: unknown) => assert.fail(String(error));

test("the task runs at once and then at every interval, start to start", async () => {
  const { timers, move, waiting } = handMoved();
  const end = new AbortController();
  const starts: number[] = [];
  const slow = Promise.withResolvers<void>();
  const done = every(() => (starts.push(timers.now()), starts.length === 2 ? slow.promise : undefined), {
    intervalMs: 100,
    signal: end.signal,
    timers,
    onError: fail,
  });
  await move(0);
  await move(100);
  await move(30); // the second run takes 30 of the next pause
  slow.resolve();
  await setImmediate();
  assert.deepEqual(waiting(), [70]);
  await move(70);
  assert.deepEqual(starts, [0, 100, 200]);
  end.abort();
  await done;
  assert.deepEqual(waiting(), []);
});

test("a run that takes longer than the interval delays the next one instead of overlapping it", async () => {
  const { timers, move } = handMoved();
  const end = new AbortController();
  const gate = Promise.withResolvers<void>();
  let running = 0;
  let runs = 0;
  const task = async () => {
    running += 1;
    runs += 1;
    assert.equal(running, 1);
    if (runs === 1) await gate.promise;
    running -= 1;
  };
  const done = every(task, { intervalMs: 10, signal: end.signal, timers, onError: fail });
  await move(1000);
  assert.equal(runs, 1);
  gate.resolve();
  await setImmediate();
  await move(0);
  assert.equal(runs, 2);
  end.abort();
  await done;
});

test("a run's signal aborts at its deadline, and the schedule goes on", async () => {
  const { timers, move } = handMoved();
  const end = new AbortController();
  const signals: AbortSignal[] = [];
  const task = (signal: AbortSignal) => {
    signals.push(signal);
    return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  };
  const done = every(task, { intervalMs: 50, timeoutMs: 20, signal: end.signal, timers, onError: fail });
  await move(20);
  assert.equal(signals[0]?.aborted, true);
  await move(30);
  assert.deepEqual([signals.length, signals[1]?.aborted], [2, false]);
  end.abort();
  await done;
  assert.equal(signals[1]?.aborted, true);
});

test("a run that rejects is reported and does not end the schedule", async () => {
  const { timers, move } = handMoved();
  const end = new AbortController();
  const errors: unknown[] = [];
  const task = () => Promise.reject(new Error("broken"));
  const done = every(task, { intervalMs: 10, signal: end.signal, timers, onError: (error) => errors.push(error) });
  await move(0);
  await move(10);
  assert.equal(errors.length, 2);
  end.abort();
  await done;
});

test("jitter makes pauses shorter, never longer", async () => {
  const { timers, move, waiting } = handMoved();
  const end = new AbortController();
  const done = every(() => {}, {
    intervalMs: 100,
    jitter: 0.2,
    random: () => 0.5,
    signal: end.signal,
    timers,
    onError: fail,
  });
  await move(0);
  assert.deepEqual(waiting(), [90]);
  end.abort();
  await done;
});

test("an aborted schedule runs nothing; the system's timers can be cancelled", async () => {
  await every(() => assert.fail("ran"), { intervalMs: 1, signal: AbortSignal.abort(), onError: fail });
  systemTimers.after(0, () => assert.fail("was cancelled"))();
  await new Promise<void>((resolve) => systemTimers.after(1, resolve));
  assert.ok(systemTimers.now() > 0);
});
