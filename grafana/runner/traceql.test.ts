import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceQl, read } from "./traceql.ts";
import type { Span } from "./traceql.ts";

const span: Span = {
  traceId: "a".repeat(32),
  spanId: "1",
  parentId: undefined,
  name: "process message",
  kind: "consumer",
  status: "error",
  startMs: 0,
  durationMs: 700,
  traceDurationMs: 900,
  attributes: { "telegram.handler": "start", "telegram.update.id": 7 },
  resource: { "service.name": "bot" },
};
const matches = (conditions: string): boolean => parseTraceQl(`{ ${conditions} }`).matches(span);

test("each kind of condition holds and fails", () => {
  for (const [holds, fails] of [
    ['resource.service.name=~".+"', 'resource.service.name=~"sidecar"'],
    ["span:kind=consumer", "span:kind=client"],
    ["span:status = error", "span:status = ok"],
    ["span:duration > 500ms", "span:duration > 1s"],
    ["trace:duration >= 0.9s", "trace:duration < 900ms"],
    [`trace:id="${span.traceId}"`, 'trace:id="0"'],
    ["span.telegram.update.id = 7", 'span.telegram.update.id = "7"'],
    ['span.telegram.handler != "help"', 'span.telegram.handler != "start"'],
    ["span:duration <= 700ms", "span:duration <= 699ms"],
  ] as const) {
    assert.ok(matches(holds), holds);
    assert.ok(!matches(fails), fails);
    assert.ok(!matches(`${holds} && ${fails}`), "all conditions count");
  }
});

test("a search for nothing finds nothing", () => {
  assert.ok(!matches("false"));
});

test("a regular expression is anchored, and an attribute that is missing never matches", () => {
  assert.ok(!matches('span.telegram.handler=~"sta"'));
  assert.ok(!matches('span.rpc.method=~".*"'));
  assert.ok(!matches('span.rpc.method != "x"'));
});

test("selected attributes and metrics functions are read", () => {
  const query = parseTraceQl("{ span:kind=client } | select(span.rpc.method, span:status) with (most_recent=true)");
  assert.deepEqual(query.selected, ["rpc.method", "span:status"]);
  assert.equal(query.metrics, false);
  assert.equal(read(span, "span:status"), "error");
  assert.equal(parseTraceQl("{ span:kind=client } | quantile_over_time(duration, 0.5)").metrics, true);
});

test("what it does not understand is an error and not an empty answer", () => {
  assert.throws(() => parseTraceQl("{ span:kind=client"), /not understood/);
  assert.throws(() => parseTraceQl("{ span:kind=client || span:kind=server }"), /not understood/);
});
