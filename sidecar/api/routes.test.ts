import assert from "node:assert/strict";
import { test } from "node:test";
import { createConsole } from "../console/app.ts";
import { addBusyDay, createWorld } from "../console/testing.ts";
import type { AlertJson } from "../alerts/engine.ts";
import type { ErrorGroup } from "../store/errors.ts";
import type { LogLine } from "../store/logs.ts";
import type { TraceSummary } from "../store/traces.ts";
import type { SpanNode } from "../store/tree.ts";
import type { Delivery } from "./deps.ts";
import type { BotState } from "./status.ts";
import { TRACE_ID } from "../store/testing.ts";

const NOW_MS = Date.parse("2026-11-21T14:14:11Z");

/** Whatever the routes answer. */
interface Body {
  bots: BotState[];
  alerts: AlertJson[];
  alert: AlertJson;
  error: { code: string; message: string };
  trace_id: string;
  spans: SpanNode[];
  logs: LogLine[];
  others: TraceSummary[];
  traces: TraceSummary[];
  errors: ErrorGroup[];
  deliveries: Delivery[];
}

function api(t: { after(run: () => void): void }, token?: string) {
  const world = createWorld({ nowMs: NOW_MS, token });
  t.after(() => world.store.close());
  addBusyDay(world);
  const app = createConsole(world.deps, world.options);
  const call = async (path: string, sent?: unknown, headers: Record<string, string> = {}) => {
    const answer = await app.request(path, {
      headers: { host: "127.0.0.1:8090", ...headers },
      ...(sent !== undefined && { method: "POST", body: typeof sent === "string" ? sent : JSON.stringify(sent) }),
    });
    const text = await answer.text();
    const body = (answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : {}) as Body;
    return { status: answer.status, text, body };
  };
  return { ...world, call };
}

test("status has bots, probes, disk, firing alerts, channels, heartbeats and the store", async (t) => {
  const { call } = api(t);
  const { status, body } = await call("/api/status");
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(body), [
    "service",
    "version",
    "bots",
    "probes",
    "disk",
    "alerts",
    "channels",
    "heartbeats",
    "store",
  ]);
  assert.equal(body.bots[0]?.state, "disconnected");
  assert.deepEqual(
    body.alerts.map(({ id }) => id),
    ["K7F2"],
  );
});

test("alerts are listed by state; another state is refused", async (t) => {
  const { call } = api(t);
  const ids = async (query: string) => (await call(`/api/alerts${query}`)).body.alerts.map(({ id }) => id);
  assert.deepEqual(await ids("?state=firing"), ["K7F2"]);
  assert.deepEqual(await ids("?state=resolved"), ["M3QD"]);
  assert.deepEqual(await ids(""), ["K7F2", "M3QD"]);
  assert.deepEqual((await call("/api/alerts?state=x")).body, {
    error: { code: "bad_request", message: "state is firing, resolved or all" },
  });
});

test("ack, silence and undo reach the engine with who did it", async (t) => {
  const { call, pressed } = api(t);
  assert.equal((await call("/api/alerts/K7F2/ack", { by: "@ada" })).body.alert.acked_by, "@ada");
  assert.equal((await call("/api/alerts/K7F2/silence", { for: "1h", by: " @bob " })).status, 200);
  assert.equal((await call("/api/alerts/K7F2/undo", "")).status, 200);
  assert.deepEqual(pressed, ["ack by @ada K7F2", "silence 3600000 by @bob K7F2", "undo by API K7F2"]);
});

test("an incident that is over or unknown is 404, a bad silence or body 400", async (t) => {
  const { call, pressed } = api(t);
  assert.equal((await call("/api/alerts/M3QD/ack", {})).status, 404);
  assert.equal((await call("/api/alerts/ZZZZ/silence", { for: "1h" })).status, 404);
  for (const body of [{}, { for: "forever" }, { for: "0s" }, { for: "8d" }, { for: 60 }, "{", "[", '"x"']) {
    assert.equal((await call("/api/alerts/K7F2/silence", body)).status, 400, JSON.stringify(body));
  }
  assert.deepEqual(pressed, []);
});

test("a test alert answers per channel, deliveries are the ledger", async (t) => {
  const { call } = api(t);
  assert.deepEqual((await call("/api/test-alert", {})).body, {
    channels: [{ channel: "telegram", ok: true, answer: "sent" }],
  });
  assert.equal((await call("/api/deliveries")).body.deliveries.length, 3);
});

test("a trace is found by its short reference, with its spans as a tree and its logs", async (t) => {
  const { call } = api(t);
  const { status, body } = await call("/api/traces/4bf92f35");
  assert.equal(status, 200);
  assert.equal(body.trace_id, TRACE_ID);
  assert.equal(body.spans[0]?.name, "process message");
  assert.deepEqual(
    body.spans[0]?.children.map(({ name, error }) => [name, error]),
    [
      ["INSERT tasks", null],
      ["sendMessage", "flood"],
      ["sendMessage", null],
    ],
  );
  assert.deepEqual(
    body.logs.map((log) => log.body),
    ["update failed", "update handled"],
  );
  assert.deepEqual(body.others, []);
});

test("an unknown reference is 404, what is no reference 400", async (t) => {
  const { call } = api(t);
  assert.equal((await call("/api/traces/00000000")).body.error.code, "not_found");
  assert.equal((await call("/api/traces/hello")).status, 400);
  assert.equal((await call("/api/traces/4bf")).status, 400);
});

test("traces are searched by every parameter of the contract", async (t) => {
  const { call } = api(t);
  const count = async (query: string) => (await call(`/api/traces?${query}`)).body.traces.length;
  assert.equal(await count(""), 13);
  assert.equal(await count("service=shopbot&error=true"), 1);
  assert.equal(await count("error=false"), 12);
  assert.equal(await count("min_duration=400ms"), 1);
  assert.equal(await count("min_duration=400"), 1);
  assert.equal(await count("q=trim&limit=5"), 1);
  assert.equal(await count("limit=5"), 5);
  assert.equal(await count("service=other"), 0);
  for (const bad of ["min_duration=soon", "error=maybe", "limit=0", "limit=x"]) {
    assert.equal((await call(`/api/traces?${bad}`)).body.error.code, "bad_request", bad);
  }
});

test("errors are groups in a window", async (t) => {
  const { call } = api(t);
  const { body } = await call("/api/errors?window=20m");
  assert.deepEqual(
    body.errors.map(({ title, count, trace_id }) => [title, count, trace_id]),
    [["TypeError: cannot read properties of undefined (reading 'trim')", 1, TRACE_ID]],
  );
  assert.equal((await call("/api/errors")).body.errors.length, 2);
});

test("/livez, /readyz and /metrics answer; another route of the API is 404 as JSON", async (t) => {
  const { call } = api(t, "secret");
  assert.equal((await call("/livez")).text, "ok");
  assert.deepEqual((await call("/readyz")).body, { status: "ok", checks: { store: { ok: true } } });
  assert.equal((await call("/metrics")).text, "up 1\n");
  const auth = { authorization: "Bearer secret" };
  assert.deepEqual((await call("/api/nothing", undefined, auth)).body, {
    error: { code: "not_found", message: "no such route" },
  });
});

test("a body over 64 KiB is 413", async (t) => {
  const { call } = api(t);
  assert.equal((await call("/api/alerts/K7F2/ack", { by: "x".repeat(70_000) })).status, 413);
});

test("something that breaks is 500 without its reason", async (t) => {
  const { call, deps } = api(t);
  deps.deliveries = () => {
    throw new Error("secret reason");
  };
  const { status, body } = await call("/api/deliveries");
  assert.equal(status, 500);
  assert.doesNotMatch(JSON.stringify(body), /secret reason/);
});
