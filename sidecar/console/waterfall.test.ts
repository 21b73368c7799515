import assert from "node:assert/strict";
import { test } from "node:test";
import { createStore } from "../store/store.ts";
import { logRecord, ROOT_ID, spanRecord, TRACE_ID } from "../store/testing.ts";
import type { LogRecord, SpanRecord } from "../store/records.ts";
import { markup } from "./testing.ts";
import { rowsOf, ticksOf, waterfall, type Row } from "./waterfall.ts";

function traceOf(t: { after(run: () => void): void }, spans: SpanRecord[], logs: LogRecord[] = []) {
  const store = createStore({ dir: undefined, maxAgeMs: 1e12, maxBytes: 1e9 });
  t.after(() => store.close());
  store.addSpans(spans);
  store.addLogs(logs);
  const trace = store.traces.get(TRACE_ID);
  assert.ok(trace);
  return trace;
}
const call = (at: number, over: Parameters<typeof spanRecord>[0] = {}) =>
  spanRecord({
    parentId: ROOT_ID,
    spanId: at.toString(16).padStart(16, "0"),
    name: "sendMessage",
    atMs: 1000 + at,
    ...over,
  });
const words = (row: Row): string =>
  row.is === "span"
    ? `${row.depth} ${row.node.name}`
    : row.is === "log"
      ? `${row.depth} "${row.log.body}"`
      : `${row.depth} (${row.why})`;
const log = (at: number, body: string, over: Partial<LogRecord> = {}) =>
  logRecord({ traceId: TRACE_ID, spanId: ROOT_ID, atMs: 1000 + at, body, ...over });

test("each log line stands at its moment inside its span; one without a span before or behind everything", (t) => {
  const trace = traceOf(
    t,
    [spanRecord({ atMs: 1000, tookMs: 100 }), call(10), call(50, { name: "editMessageText" })],
    [
      log(5, "early"),
      log(30, "between"),
      log(90, "late"),
      log(-5, "before", { spanId: undefined }),
      log(200, "after", { spanId: "ffffffffffffffff" }),
    ],
  );
  assert.deepEqual(rowsOf(trace).map(words), [
    '0 "before"',
    "0 process message",
    '1 "early"',
    "1 sendMessage",
    '1 "between"',
    "1 editMessageText",
    '1 "late"',
    '0 "after"',
  ]);
});

test("the wait between two attempts of one call is a row of its own", (t) => {
  const flood = { status: 2, tookMs: 30, attributes: { "telegram.retry_after": 3 } };
  const rows = (...spans: SpanRecord[]) => rowsOf(traceOf(t, [spanRecord({ tookMs: 9000 }), ...spans])).map(words);
  assert.deepEqual(rows(call(10, flood), call(3050)).at(2), "1 (waited, retry after 3 s)");
  assert.deepEqual(rows(call(10, { status: 2, tookMs: 30 }), call(3050)).at(2), "1 (waited before the next attempt)");
  assert.equal(rows(call(10, flood), call(45)).length, 3);
  assert.equal(rows(call(10), call(3050)).length, 3);
  assert.equal(rows(call(10, flood), call(3050, { name: "answerCallbackQuery" })).length, 3);
});

const TICKS: [number, number[]][] = [
  [184, [0, 50, 100, 150, 200]],
  [6.4, [0, 2, 4, 6, 8]],
  [100, [0, 25, 50, 75, 100]],
  [0.001, [0, 0.00025, 0.0005, 0.00075, 0.001]],
  [3050, [0, 1000, 2000, 3000, 4000]],
];
for (const [total, expected] of TICKS) {
  test(`an axis for ${total} ms has the ticks ${expected.join(", ")}`, () => {
    assert.deepEqual(
      ticksOf(total).map((tick) => Number(tick.toPrecision(6))),
      expected,
    );
  });
}

test("every bar lies within the picture, however the clocks of two services differ", (t) => {
  const spans = [spanRecord({ atMs: 1000, tookMs: 10 }), call(-500, { tookMs: 0 }), call(9000, { tookMs: 1e6 })];
  const page = markup(waterfall(traceOf(t, spans)));
  const bars = [...page.matchAll(/x="([\d.]+)%"\s+width="([\d.]+)%"/g)].map(([, x, width]) => [
    Number(x),
    Number(width),
  ]);
  assert.equal(bars.length, 3);
  for (const [x = -1, width = -1] of bars) assert.ok(x >= 0 && width > 0 && x + width <= 100.01, `${x} + ${width}`);
});

test("of a stack only our own frames are shown, and of a path its last three parts", (t) => {
  const stack = (...frames: string[]) => ({
    "exception.type": "E",
    "exception.stacktrace": ["E: x", ...frames.map((frame) => `    at ${frame}`)].join("\n"),
  });
  const shown = (...frames: string[]) => {
    const page = markup(waterfall(traceOf(t, [spanRecord()], [log(1, "x", { attributes: stack(...frames) })])));
    return /<pre[^>]*>([^<]*)<\/pre/.exec(page)?.[1]?.trim().split("\n");
  };
  assert.deepEqual(
    shown(
      "run (file:///srv/app/bot/handlers/boom.ts:11:11)",
      "next (/srv/node_modules/grammy/a.js:1:1)",
      "node:internal/x:1:1",
    ),
    ["at run (bot/handlers/boom.ts:11:11)"],
  );
  assert.deepEqual(shown("next (/srv/node_modules/grammy/out/a.js:1:1)"), ["at next (grammy/out/a.js:1:1)"]);
});
