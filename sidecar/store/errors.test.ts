import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createStore } from "./store.ts";
import { logRecord, spanRecord, TRACE_ID } from "./testing.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW_MS = 1000 * HOUR_MS;

function open(t: TestContext) {
  const store = createStore({ dir: undefined, maxAgeMs: 1e12, maxBytes: 2 ** 30, wallMs: () => NOW_MS });
  t.after(() => store.close());
  return store;
}
const failure = (minutesAgo: number, message: string, over: object = {}) =>
  logRecord({
    atMs: NOW_MS - minutesAgo * MINUTE_MS,
    severity: 17,
    attributes: { "exception.type": "TypeError", "exception.message": message },
    ...over,
  });

test("a group counts in the window, and remembers the first, the last and the newest trace", (t) => {
  const store = open(t);
  store.addLogs([
    failure(90, "user 1 gone"),
    failure(10, "user 3 gone", { traceId: TRACE_ID }),
    failure(30, "user 2 gone", { traceId: "0".repeat(31) + "1" }),
    failure(5, "other trouble", { service: "other" }),
    logRecord({ atMs: NOW_MS, severity: 13, body: "no error" }),
  ]);
  const groups = store.errors.groups({ windowMs: HOUR_MS });
  assert.deepEqual(
    groups.map(({ title, count, service }) => [title, count, service]),
    [
      ["TypeError: user 3 gone", 2, "shopbot"],
      ["TypeError: other trouble", 1, "other"],
    ],
  );
  assert.equal(groups[0]?.first_seen, new Date(NOW_MS - 90 * MINUTE_MS).toISOString());
  assert.equal(groups[0]?.last_seen, new Date(NOW_MS - 10 * MINUTE_MS).toISOString());
  assert.equal(groups[0]?.trace_id, TRACE_ID);
  assert.deepEqual(
    store.errors.groups({ windowMs: HOUR_MS, service: "other" }).map(({ count }) => count),
    [1],
  );
  assert.equal(store.errors.groups({ windowMs: 2 * HOUR_MS })[0]?.count, 3);
});

test("an exception on a span counts once; one that a call met is its caller's to tell", (t) => {
  const store = open(t);
  const met = (kind: number, spanId: string, type: string) =>
    spanRecord({
      kind,
      spanId,
      events: [{ name: "exception", timeNs: BigInt(NOW_MS) * 1_000_000n, attributes: { "exception.type": type } }],
    });
  store.addSpans([met(3, "1".repeat(16), "ECONNREFUSED"), met(5, "2".repeat(16), "TypeError")]);
  store.addSpans([met(5, "2".repeat(16), "TypeError")]);
  assert.deepEqual(
    store.errors.groups({ windowMs: HOUR_MS }).map(({ title, count }) => [title, count]),
    [["TypeError", 1]],
  );
});

test("at most 50 new groups an hour and service, the rest is one group", (t) => {
  const store = open(t);
  const word = (at: number) => String.fromCodePoint(97 + Math.floor(at / 26), 97 + (at % 26));
  store.addLogs(Array.from({ length: 80 }, (_, at) => failure(1, `trouble ${word(at)}`)));
  const groups = store.errors.groups({ windowMs: HOUR_MS, limit: 500 });
  assert.equal(groups.length, 51);
  assert.deepEqual([groups[0]?.title, groups[0]?.count], ["other errors", 30]);
});

test("a timeline has the occurrences of each step", (t) => {
  const store = open(t);
  store.addLogs([failure(119, "x"), failure(61, "x"), failure(59, "x"), failure(0, "x")]);
  const [group] = store.errors.groups({ windowMs: 9 * HOUR_MS });
  const range = { sinceMs: NOW_MS - 2 * HOUR_MS, untilMs: NOW_MS + 1, stepMs: HOUR_MS };
  assert.deepEqual(store.errors.timeline("shopbot", group?.fingerprint ?? "", range), [2, 1, 1]);
});

test("steps of a chart have count, sum and maximum, and empty steps are there", (t) => {
  const store = open(t);
  const add = (minutesAgo: number, value: number) =>
    store.addPoint({ target: "shopbot", series: "updates", atMs: NOW_MS - minutesAgo * MINUTE_MS + 7, value });
  for (const [minutesAgo, value] of [
    [10, 1],
    [10, 5],
    [9, 2],
    [1, 4],
  ] as const)
    add(minutesAgo, value);
  const range = { sinceMs: NOW_MS - 10 * MINUTE_MS, untilMs: NOW_MS, stepMs: 5 * MINUTE_MS };
  assert.deepEqual(store.points.read("shopbot", "updates", range), [
    { atMs: NOW_MS - 10 * MINUTE_MS, n: 3, sum: 8, max: 5 },
    { atMs: NOW_MS - 5 * MINUTE_MS, n: 1, sum: 4, max: 4 },
  ]);
  assert.equal(store.points.mean("shopbot", "updates", 0), 3);
  assert.equal(store.points.mean("shopbot", "other", 0), undefined);
});

test("logs are searched by service, severity and text, newest first", (t) => {
  const store = open(t);
  store.addLogs([
    logRecord({ atMs: 1000, body: "one" }),
    logRecord({ atMs: 3000, body: "three", severity: 17, traceId: TRACE_ID }),
    logRecord({ atMs: 2000, body: "two", service: "other", attributes: { reason: "flood" } }),
  ]);
  const found = (filter: Parameters<typeof store.logs.search>[0]) => store.logs.search(filter).map(({ body }) => body);
  assert.deepEqual(found({}), ["three", "two", "one"]);
  assert.deepEqual(found({ service: "other" }), ["two"]);
  assert.deepEqual(found({ minSeverity: 13 }), ["three"]);
  assert.deepEqual(found({ q: "FLOOD" }), ["two"]);
  assert.deepEqual(found({ q: "4bf92f35" }), ["three"]);
  assert.deepEqual(found({ limit: 1 }), ["three"]);
});
