import assert from "node:assert/strict";
import { test } from "node:test";
import { logsOf, pointsOf, spansOf } from "./records.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "a3ce929d0e0e4736";
const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const resource = { attributes: [attribute("service.name", "shopbot"), attribute("service.instance.id", "i1")] };
const spans = (...list: object[]) => spansOf({ resourceSpans: [{ resource, scopeSpans: [{ spans: list }] }] });
const logs = (...list: object[]) => logsOf({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: list }] }] }, 5n);
const ok = { traceId: TRACE, spanId: SPAN, startTimeUnixNano: 10n, endTimeUnixNano: 25n };

test("a span keeps its nanoseconds and gets the service of its resource", () => {
  const { items, sources } = spans({
    ...ok,
    startTimeUnixNano: 1795270331482123457n,
    endTimeUnixNano: 1795270331482123459n,
  });
  assert.equal(items[0]?.startNs, 1795270331482123457n);
  assert.equal(items[0]?.durationNs, 2n);
  assert.deepEqual(sources, [{ service: "shopbot", instance: "i1" }]);
});

test("a span that ends before it starts took no time, and one without an end neither", () => {
  assert.equal(spans({ ...ok, endTimeUnixNano: 1n }).items[0]?.durationNs, 0n);
  assert.equal(spans({ ...ok, endTimeUnixNano: undefined }).items[0]?.durationNs, 0n);
});

const BAD_SPANS: [string, object][] = [
  ["no trace id", { traceId: undefined }],
  ["a trace id of 15 bytes", { traceId: TRACE.slice(2) }],
  ["a trace id of zeros", { traceId: "0".repeat(32) }],
  ["no span id", { spanId: "" }],
  ["a span id of zeros", { spanId: "0".repeat(16) }],
  ["a parent id of 4 bytes", { parentSpanId: "aabbccdd" }],
  ["a time beyond 2^62", { startTimeUnixNano: 2n ** 63n }],
];
for (const [what, change] of BAD_SPANS) {
  test(`a span with ${what} is rejected, its neighbours are kept`, () => {
    const { items, rejected, reason } = spans(ok, { ...ok, ...change }, { ...ok, spanId: "00000000000000a1" });
    assert.equal(items.length, 2);
    assert.equal(rejected, 1);
    assert.notEqual(reason, "");
  });
}

test("a parent id of zeros is no parent", () => {
  assert.equal(spans({ ...ok, parentSpanId: "0".repeat(16) }).items[0]?.parentId, undefined);
});

test("attributes of every type become plain values, and what JSON cannot say becomes text", () => {
  const given = [
    attribute("text", "a"),
    { key: "flag", value: { boolValue: false } },
    { key: "integer", value: { intValue: 42n } },
    { key: "large", value: { intValue: 2n ** 60n } },
    { key: "nan", value: { doubleValue: Number.NaN } },
    { key: "bytes", value: { bytesValue: "AQI=" } },
    { key: "list", value: { arrayValue: { values: [{ intValue: 1n }, { stringValue: "b" }] } } },
    { key: "map", value: { kvlistValue: { values: [attribute("x", "y")] } } },
    { key: "nothing" },
  ];
  assert.deepEqual(spans({ ...ok, attributes: given }).items[0]?.attributes, {
    text: "a",
    flag: false,
    integer: 42,
    large: "1152921504606846976",
    nan: "NaN",
    bytes: "AQI=",
    list: [1, "b"],
    map: { x: "y" },
    nothing: null,
  });
});

test("an attribute called __proto__ is an attribute", () => {
  const attributes = spans({ ...ok, attributes: [attribute("__proto__", "x")] }).items[0]?.attributes;
  assert.deepEqual(Object.entries(attributes ?? {}), [["__proto__", "x"]]);
});

test("long text, many attributes and long stacks are cut, never refused", () => {
  const stack = Array.from({ length: 100 }, (_, at) => `    at f${at} (a.ts:1:1)`).join("\n");
  const attributes = [
    attribute("exception.stacktrace", stack),
    attribute("long", "😀".repeat(5000)),
    ...Array.from({ length: 200 }, (_, at) => attribute(`k${at}`, "v")),
  ];
  const { items, rejected } = spans({ ...ok, name: "n".repeat(1000), attributes });
  assert.equal(rejected, 0);
  assert.equal(items[0]?.name.length, 256);
  assert.equal(Object.keys(items[0]?.attributes ?? {}).length, 64);
  const { "exception.stacktrace": kept, long } = (items[0]?.attributes ?? {}) as Record<string, string>;
  assert.equal(kept?.split("\n").length, 21);
  assert.equal(long?.length, 4096);
  assert.ok(long?.isWellFormed(), "half an emoji was left");
});

test("a bot token in a peer's text is not stored", () => {
  const url = `https://api.telegram.org/bot123456789:${"AbCdEfGhIjKlMnOpQrStUvWxYz0123456789".slice(0, 35)}/getMe`;
  const { items } = spans({
    ...ok,
    name: url,
    status: { message: url },
    attributes: [attribute("url.full", url), attribute(url, "x")],
  });
  assert.doesNotMatch(JSON.stringify({ ...items[0], startNs: 0, durationNs: 0 }), /AbCdEf/);
  assert.doesNotMatch(JSON.stringify({ ...logs({ body: { stringValue: url } }).items[0], timeNs: 0 }), /AbCdEf/);
});

test("events and links come with the span; broken links are left out", () => {
  const { items } = spans({
    ...ok,
    events: [
      { name: "exception", timeUnixNano: 12n, attributes: [attribute("exception.type", "E")] },
      { name: "late" },
    ],
    links: [
      { traceId: TRACE, spanId: SPAN },
      { traceId: "aa", spanId: SPAN },
    ],
  });
  assert.deepEqual(items[0]?.events, [
    { name: "exception", timeNs: 12n, attributes: { "exception.type": "E" } },
    { name: "late", timeNs: 10n, attributes: {} },
  ]);
  assert.deepEqual(items[0]?.links, [{ traceId: TRACE, spanId: SPAN }]);
});

test("a log record without a time has the time when it was observed, else now", () => {
  assert.equal(logs({ timeUnixNano: 1n, observedTimeUnixNano: 2n }).items[0]?.timeNs, 1n);
  assert.equal(logs({ timeUnixNano: 0n, observedTimeUnixNano: 2n }).items[0]?.timeNs, 2n);
  assert.equal(logs({}).items[0]?.timeNs, 5n);
});

test("a log body that is no text is shown as JSON", () => {
  const body = { kvlistValue: { values: [{ key: "a", value: { intValue: 1n } }] } };
  assert.equal(logs({ body }).items[0]?.body, '{"a":1}');
});

test("a log record belongs to a trace or to none; an id of the wrong length is rejected", () => {
  const { items, rejected } = logs(
    { traceId: TRACE, spanId: SPAN },
    {},
    { traceId: "aa" },
    { spanId: "aa" },
    { timeUnixNano: 2n ** 63n },
  );
  assert.deepEqual(
    items.map(({ traceId }) => traceId),
    [TRACE, undefined],
  );
  assert.equal(rejected, 3);
});

test("data points of every kind of metric are counted; a metric without a name is rejected with its points", () => {
  const points = [{}, {}];
  const metrics = [
    { name: "a", gauge: { dataPoints: points } },
    { name: "b", sum: { dataPoints: points } },
    { name: "c", histogram: { dataPoints: points } },
    { name: "d", exponentialHistogram: { dataPoints: points } },
    { name: "e", summary: { dataPoints: points } },
    { name: "", gauge: { dataPoints: points } },
    { name: "f" },
  ];
  const taken = pointsOf({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] });
  assert.equal(taken.items.length, 10);
  assert.equal(taken.rejected, 2);
});

test("a resource without a name is an unknown service", () => {
  const { sources } = spansOf({ resourceSpans: [{ scopeSpans: [] }] });
  assert.deepEqual(sources, [{ service: "unknown_service", instance: "" }]);
});
