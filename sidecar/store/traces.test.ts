import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { SpanRecord } from "./records.ts";
import { createStore } from "./store.ts";
import { logRecord, ROOT_ID, spanRecord, TRACE_ID } from "./testing.ts";
import type { SpanNode } from "./tree.ts";

function open(t: TestContext) {
  const store = createStore({ dir: undefined, maxAgeMs: 1e12, maxBytes: 2 ** 30, wallMs: () => 10_000 });
  t.after(() => store.close());
  return store;
}
const id = (at: number, digits = 32) => at.toString(16).padStart(digits, "0");
const child = (over: Partial<SpanRecord> & { atMs?: number; tookMs?: number }) =>
  spanRecord({ parentId: ROOT_ID, name: "sendMessage", kind: 3, ...over });
const names = (nodes: SpanNode[]): unknown[] =>
  nodes.map(({ name, children }) => (children.length === 0 ? name : [name, names(children)]));

test("spans become a tree by their parents, siblings in the order of their start", (t) => {
  const store = open(t);
  store.addSpans([
    child({ spanId: id(3, 16), atMs: 1003, name: "later" }),
    child({ spanId: id(2, 16), atMs: 1001, name: "earlier" }),
    child({ spanId: id(4, 16), parentId: id(2, 16), atMs: 1002, name: "inner" }),
    spanRecord(),
  ]);
  assert.deepEqual(names(store.traces.get(TRACE_ID)?.spans ?? []), [
    ["process message", [["earlier", ["inner"]], "later"]],
  ]);
});

test("of two siblings that begin in one millisecond the one that ends first is the first", (t) => {
  const store = open(t);
  store.addSpans([
    child({ spanId: id(3, 16), atMs: 1001, tookMs: 2, name: "sendMessage" }),
    child({ spanId: id(2, 16), atMs: 1001, tookMs: 0.04, name: "SELECT tasks" }),
    spanRecord(),
  ]);
  assert.deepEqual(names(store.traces.get(TRACE_ID)?.spans ?? []), [
    ["process message", ["SELECT tasks", "sendMessage"]],
  ]);
});

test("a span whose parent never came is a root, and so are those of a ring of parents", (t) => {
  const store = open(t);
  store.addSpans([
    child({ spanId: id(1, 16), parentId: id(99, 16), name: "orphan" }),
    child({ spanId: id(2, 16), parentId: id(3, 16), name: "a" }),
    child({ spanId: id(3, 16), parentId: id(2, 16), name: "b" }),
    child({ spanId: id(4, 16), parentId: id(4, 16), name: "self" }),
  ]);
  const { spans = [] } = store.traces.get(TRACE_ID) ?? {};
  assert.deepEqual(new Set(names(spans)), new Set(["a", "b", "orphan", "self"]));
});

test("offsets and durations keep microseconds, times are ISO 8601", (t) => {
  const store = open(t);
  store.addSpans([
    spanRecord({ startNs: 1_795_270_331_482_123_456n, durationNs: 184_000_500n }),
    child({ spanId: id(2, 16), startNs: 1_795_270_331_490_124_456n, durationNs: 6_800_000n }),
  ]);
  const trace = store.traces.get(TRACE_ID);
  assert.equal(trace?.started_at, "2026-11-21T14:12:11.482123Z");
  assert.equal(trace?.duration_ms, 184.0005);
  assert.equal(trace?.spans[0]?.children[0]?.offset_ms, 8.001);
});

test("a span that comes twice counts once", (t) => {
  const store = open(t);
  store.addSpans([spanRecord({ status: 2 })]);
  store.addSpans([spanRecord({ status: 2 }), child({ spanId: id(2, 16) })]);
  const [summary] = store.traces.search({});
  assert.deepEqual([summary?.span_count, summary?.failed_count], [2, 1]);
});

test("a root that comes last names the trace, and an earlier child does not move its start", (t) => {
  const store = open(t);
  store.addSpans([
    child({
      spanId: id(2, 16),
      atMs: 990,
      tookMs: 90,
      service: "other",
      status: 2,
      attributes: { "error.type": "flood" },
    }),
  ]);
  assert.deepEqual(
    store.traces.search({}).map(({ name, service, duration_ms, error }) => [name, service, duration_ms, error]),
    [["sendMessage", "other", 90, "flood"]],
  );
  store.addSpans([
    spanRecord({
      atMs: 1000,
      tookMs: 5,
      status: 2,
      attributes: { "error.type": "handler", "telegram.handler": "add" },
    }),
  ]);
  const [summary] = store.traces.search({});
  assert.deepEqual(
    [summary?.name, summary?.service, summary?.duration_ms, summary?.error, summary?.handler],
    ["process message", "shopbot", 5, "handler", "add"],
  );
  assert.equal(summary?.started_at, "1970-01-01T00:00:01.000Z");
});

test("a failed call inside a request that went well does not make it failed, but counts", (t) => {
  const store = open(t);
  store.addSpans([spanRecord(), child({ spanId: id(2, 16), status: 2, attributes: { "error.type": "flood" } })]);
  const [summary] = store.traces.search({ error: true });
  assert.deepEqual([summary?.failed_count, summary?.error], [1, null]);
});

test("a reference finds traces by id and by correlation id, newest first", (t) => {
  const store = open(t);
  const replay = `ffff${TRACE_ID.slice(4)}`;
  store.addSpans([
    spanRecord({ attributes: { "telegram.correlation_id": TRACE_ID } }),
    spanRecord({ traceId: replay, atMs: 2000, attributes: { "telegram.correlation_id": TRACE_ID } }),
    spanRecord({ traceId: id(7), atMs: 3000 }),
  ]);
  const found = (ref: string) => store.traces.find(ref).map(({ trace_id }) => trace_id);
  assert.deepEqual(found("4bf92f35"), [replay, TRACE_ID]);
  assert.deepEqual(found("4BF92F3577"), [replay, TRACE_ID]);
  assert.deepEqual(found(TRACE_ID), [TRACE_ID, replay]);
  assert.deepEqual(found(replay), [replay]);
  assert.equal(store.traces.find("ffff2f35")[0]?.reference, "4bf92f35");
});

test("what is no reference finds nothing", (t) => {
  const store = open(t);
  store.addSpans([spanRecord()]);
  for (const ref of ["", "4bf92f3", "zzzzzzzz", `${TRACE_ID}0`, "%", "4bf92f36"])
    assert.deepEqual(store.traces.find(ref), [], ref);
  assert.equal(store.traces.get(id(5)), undefined);
});

test("a search narrows by service, duration, outcome, user, time and number", (t) => {
  const store = open(t);
  store.addSpans([
    spanRecord({ traceId: id(1), atMs: 1000, tookMs: 10, service: "a" }),
    spanRecord({ traceId: id(2), atMs: 2000, tookMs: 700, status: 2, attributes: { "user.hash": "u1" } }),
    spanRecord({ traceId: id(3), atMs: 3000, tookMs: 500, attributes: { "user.hash": "u1" } }),
  ]);
  const found = (filter: Parameters<typeof store.traces.search>[0]) =>
    store.traces.search(filter).map(({ trace_id }) => Number(trace_id));
  assert.deepEqual(found({}), [3, 2, 1]);
  assert.deepEqual(found({ service: "a" }), [1]);
  assert.deepEqual(found({ minDurationMs: 500 }), [3, 2]);
  assert.deepEqual(found({ error: true }), [2]);
  assert.deepEqual(found({ error: false }), [3, 1]);
  assert.deepEqual(found({ userHash: "u1", minDurationMs: 600 }), [2]);
  assert.deepEqual(found({ sinceMs: 2000 }), [3, 2]);
  assert.deepEqual(found({ limit: 1 }), [3]);
  assert.deepEqual(store.traces.services(), ["a", "shopbot"]);
});

test("polls and other traces that nobody asked for can be left out; what has no root yet stays", (t) => {
  const store = open(t);
  store.addSpans([
    spanRecord({ traceId: id(1), atMs: 1000 }),
    spanRecord({ traceId: id(2), atMs: 2000, name: "getUpdates", kind: 3 }),
    child({ traceId: id(3), atMs: 3000 }),
    spanRecord({ traceId: id(4), atMs: 4000, name: "GET /", kind: 2 }),
  ]);
  const found = (requests: boolean) => store.traces.search({ requests }).map(({ trace_id }) => Number(trace_id));
  assert.deepEqual(found(true), [4, 3, 1]);
  assert.deepEqual(found(false), [4, 3, 2, 1]);
});

test("text is found in names, handlers, errors, ids and in the logs of a trace; % and _ are only characters", (t) => {
  const store = open(t);
  store.addSpans([
    spanRecord({
      traceId: id(1),
      name: "process callback_query",
      attributes: { "telegram.handler": "add", "telegram.update.id": 884_213 },
    }),
    spanRecord({ traceId: id(2), attributes: { "user.hash": "9f2c" } }),
  ]);
  store.addLogs([
    logRecord({ traceId: id(2), body: "50% done" }),
    logRecord({ traceId: id(1), attributes: { "exception.message": "cannot trim" } }),
  ]);
  const found = (q: string) => store.traces.search({ q }).map(({ trace_id }) => Number(trace_id));
  assert.deepEqual(found("CALLBACK_q"), [1]);
  assert.deepEqual(found("884213"), [1]);
  assert.deepEqual(found("9f2c"), [2]);
  assert.deepEqual(found("50%"), [2]);
  assert.deepEqual(found("%"), [2]);
  assert.deepEqual(found("cannot trim"), [1]);
  assert.deepEqual(found("d_ne"), []);
  assert.deepEqual(found("' OR 1 --"), []);
});

test("text with quotes or backslashes is found as it is shown", (t) => {
  const store = open(t);
  store.addSpans([spanRecord({ traceId: id(1) }), spanRecord({ traceId: id(2) })]);
  store.addLogs([
    logRecord({ traceId: id(1), attributes: { "exception.message": 'Unsupported start tag "x" in C:\\tasks' } }),
    logRecord({ traceId: id(2), attributes: { outcome: "error" } }),
  ]);
  const found = (q: string) => [
    store.traces.search({ q }).map(({ trace_id }) => Number(trace_id)),
    store.logs.search({ q }).map(({ trace_id }) => Number(trace_id)),
  ];
  assert.deepEqual(found('start tag "x"'), [[1], [1]]);
  assert.deepEqual(found("C:\\TASKS"), [[1], [1]]);
  assert.deepEqual(found('"outcome":"error"'), [[2], [2]]);
});

test("the logs of a trace come with it, in order", (t) => {
  const store = open(t);
  store.addSpans([spanRecord()]);
  store.addLogs([
    logRecord({ traceId: TRACE_ID, spanId: ROOT_ID, atMs: 1005, body: "second", severityText: "", severity: 18 }),
    logRecord({ traceId: TRACE_ID, atMs: 1001, body: "first", severityText: "", severity: 0 }),
    logRecord({ atMs: 1002, body: "another's" }),
  ]);
  assert.deepEqual(
    store.traces.get(TRACE_ID)?.logs.map(({ body, severity, span_id }) => [body, severity, span_id]),
    [
      ["first", "", null],
      ["second", "ERROR", ROOT_ID],
    ],
  );
});

test("events, links, kind and error of a span are kept", (t) => {
  const store = open(t);
  store.addSpans([
    spanRecord({
      status: 2,
      statusMessage: "gone",
      links: [{ traceId: id(9), spanId: id(9, 16) }],
      events: [{ name: "exception", timeNs: 1_000_500_000n, attributes: { "exception.type": "E" } }],
    }),
  ]);
  const span = store.traces.get(TRACE_ID)?.spans[0];
  assert.deepEqual([span?.kind, span?.status, span?.error], ["consumer", "error", "gone"]);
  assert.deepEqual(span?.links, [{ traceId: id(9), spanId: id(9, 16) }]);
  assert.deepEqual(span?.events, [
    { name: "exception", time: "1970-01-01T00:00:01.000500Z", attributes: { "exception.type": "E" } },
  ]);
  assert.deepEqual(store.errors.groups({ windowMs: 1e9 })[0]?.title, "E");
});

test("a huge trace is shown in part and says so", (t) => {
  const store = open(t);
  store.addSpans([
    spanRecord(),
    ...Array.from({ length: 2100 }, (_, at) => child({ spanId: id(at + 1, 16), atMs: 1000 + at })),
  ]);
  const trace = store.traces.get(TRACE_ID);
  assert.equal(trace?.truncated, true);
  assert.equal(trace?.span_count, 2101);
  assert.equal(trace?.spans[0]?.children.length, 1999);
});

test("what the slowest updates spent their time on has a name and a share", (t) => {
  const store = open(t);
  const slow = (at: number, ...calls: Partial<SpanRecord & { tookMs: number }>[]) =>
    store.addSpans([
      spanRecord({
        traceId: id(at),
        spanId: id(at, 16),
        atMs: 1000 + at,
        tookMs: 3000,
        attributes: { "telegram.handler": "voice" },
      }),
      ...calls.map((call, nth) =>
        child({ traceId: id(at), spanId: id(100 * at + nth, 16), parentId: id(at, 16), ...call }),
      ),
    ]);
  const whisper = { "server.address": "whisper", "server.port": 9000 };
  assert.equal(store.traces.slowest("shopbot", 0), undefined);
  slow(1, { name: "sendMessage", tookMs: 100, attributes: { "rpc.method": "sendMessage" } });
  assert.deepEqual(store.traces.slowest("shopbot", 0), { kind: "handler", name: "voice", share: 0.97, traceId: id(1) });
  slow(2, { name: "POST", tookMs: 2900, attributes: whisper });
  slow(
    3,
    { name: "POST", tookMs: 2900, attributes: whisper },
    { name: "INSERT tasks", tookMs: 50, attributes: { "db.system.name": "sqlite" } },
  );
  assert.deepEqual(store.traces.slowest("shopbot", 0), {
    kind: "dependency",
    name: "POST whisper:9000",
    share: 0.64,
    traceId: id(2),
  });
  slow(4, { name: "INSERT tasks", tookMs: 60_000, attributes: { "db.system.name": "sqlite" } });
  assert.deepEqual(
    [store.traces.slowest("shopbot", 1004)?.name, store.traces.slowest("shopbot", 1004)?.share],
    ["INSERT tasks", 1],
  );
  assert.equal(store.traces.slowest("other", 0), undefined);
});
