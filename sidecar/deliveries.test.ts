import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attributes, Link, SpanOptions, Tracer } from "@opentelemetry/api";
import { createDeliveries } from "./deliveries.ts";
import { newRow } from "./alerts/plan.ts";
import { noStatus } from "./outbox/ledger.ts";
import type { ChannelStatus, Composed, OutboxRow } from "./state/records.ts";
import { openState } from "./state/state.ts";

const NOW = { atMs: 500_000, wallMs: Date.parse("2026-01-01T12:00:00Z") };

function setUp() {
  const state = openState(undefined);
  const spans: { name: string; attributes: Attributes | undefined; links: Link[] | undefined; endMs?: number }[] = [];
  const tracer = {
    startSpan(name: string, { attributes, links }: SpanOptions) {
      spans.push({ name, attributes, links });
      return { end() {} };
    },
  } as unknown as Tracer;
  const channels = [{ name: "telegram" }, { name: "ntfy" }];
  const deliveries = createDeliveries(state, channels, { now: () => NOW }, tracer);
  return {
    deliveries,
    spans,
    row: (over: Partial<OutboxRow>) => {
      const row = { ...newRow(state.all("outbox").length + 1, "K7F2", "telegram", "firing", NOW), ...over };
      state.commit([{ table: "outbox", key: String(row.id), value: row }]);
    },
    status: (over: Partial<ChannelStatus>) => {
      state.commit([{ table: "channel", key: "telegram", value: { ...noStatus("telegram"), ...over } }]);
    },
  };
}
const composed = {
  message: {
    rule: "TelegramBotDown",
    target: "shop",
    incident: "K7F2",
    traceIds: ["4bf92f3577b34da6a3ce929d0e0e4736"],
  },
} as Composed;

test("the ledger shows every row, newest first, and what is planned only for those that wait", () => {
  const { deliveries, row } = setUp();
  row({ state: "sent", sentWallMs: NOW.wallMs, attempts: 1 });
  row({ nextAtMs: NOW.atMs + 5000, answer: { class: "not_sent", description: "ECONNREFUSED" } });
  const [waiting, sent] = deliveries.ledger();
  assert.deepEqual(sent, {
    id: 1,
    incident: "K7F2",
    channel: "telegram",
    kind: "firing",
    state: "sent",
    attempts: 1,
    answer: null,
    created_at: "2026-01-01T12:00:00.000Z",
    next_at: null,
    sent_at: "2026-01-01T12:00:00.000Z",
  });
  assert.deepEqual([waiting?.id, waiting?.next_at], [2, "2026-01-01T12:00:05.000Z"]);
  assert.deepEqual(waiting?.answer, { class: "not_sent", description: "ECONNREFUSED" });
});

test("a channel is ok, waits, or is parked with the other side's words", () => {
  const { deliveries, row, status } = setUp();
  const state = () => {
    const [telegram] = deliveries.channels();
    return [telegram?.state, telegram?.detail, telegram?.pending];
  };
  assert.deepEqual(state(), ["ok", null, 0]);
  status({ lastSentWallMs: NOW.wallMs, warning: "the chat is now -200: set ALERT_CHAT_ID" });
  assert.deepEqual(state(), ["ok", "the chat is now -200: set ALERT_CHAT_ID", 0]);
  assert.equal(deliveries.channels()[0]?.last_sent_at, "2026-01-01T12:00:00.000Z");
  row({});
  assert.deepEqual(state().slice(0, 1), ["waiting"]);
  status({ floodUntilAtMs: NOW.atMs + 1 });
  assert.deepEqual(state(), ["waiting", "flood wait", 1]);
  status({ parked: { class: "token", description: "Unauthorized", sinceWallMs: 0, probeAtMs: 0 } });
  assert.deepEqual(state(), ["parked", "Unauthorized", 1]);
  assert.equal(deliveries.channels()[1]?.state, "ok");
});

test("every outcome of every channel is counted from zero; whatever the other side refused is one outcome", () => {
  const { deliveries } = setUp();
  assert.equal(deliveries.counts().length, 16);
  assert.ok(deliveries.counts().every(({ count }) => count === 0));
  for (const verdict of ["sent", "sent", "flood", "render", "token", "ambiguous"] as const) {
    deliveries.onAttempt({ channel: "telegram", verdict, durationMs: 5, composed });
  }
  deliveries.onRow("ntfy", "collapsed");
  assert.deepEqual(
    deliveries.counts().flatMap(({ channel, outcome, count }) => (count > 0 ? [`${channel} ${outcome} ${count}`] : [])),
    ["telegram sent 2", "telegram flood 1", "telegram refused 2", "telegram ambiguous 1", "ntfy collapsed 1"],
  );
});

test("an attempt is a span that is linked to the traces of the incident", () => {
  const { deliveries, spans } = setUp();
  deliveries.onAttempt({ channel: "telegram", verdict: "sent", durationMs: 5, composed });
  assert.deepEqual(spans, [
    {
      name: "notify telegram",
      attributes: { rule: "TelegramBotDown", target: "shop", outcome: "sent", incident: "K7F2" },
      links: [{ context: { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "a3ce929d0e0e4736", traceFlags: 1 } }],
    },
  ]);
});

test("what waits is counted by channel, and the oldest of it has an age", () => {
  const { deliveries, row } = setUp();
  assert.deepEqual([deliveries.pending(), deliveries.oldestMs()], [{ telegram: 0, ntfy: 0 }, undefined]);
  row({ state: "sent", createdAtMs: 0 });
  row({ state: "parked", createdAtMs: NOW.atMs - 7000 });
  row({ channel: "ntfy", createdAtMs: NOW.atMs - 3000 });
  assert.deepEqual([deliveries.pending(), deliveries.oldestMs()], [{ telegram: 1, ntfy: 1 }, 7000]);
});
