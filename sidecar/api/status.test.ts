import assert from "node:assert/strict";
import { test } from "node:test";
import { health } from "../console/testing.ts";
import type { HealthSample, Sample } from "../probes/probe.ts";
import type { Point } from "../store/records.ts";
import { createStatus } from "./status.ts";

function book() {
  const points: Point[] = [];
  const status = createStatus({ addPoint: (point) => points.push(point) });
  const values = (series: string) => points.filter((point) => point.series === series).map(({ value }) => value);
  return { ...status, values };
}
const seen = { atMs: 0, wallMs: 1000, target: "shopbot" };
const failure = { phase: "tcp" as const, code: "ECONNREFUSED", message: "connect ECONNREFUSED" };
const healthy = (over: Parameters<typeof health>[0] = {}): HealthSample => ({
  ...seen,
  kind: "health",
  probe: "health",
  result: { ok: true, durationMs: 3, body: health(over) },
});
const dead: HealthSample = { ...seen, kind: "health", probe: "health", result: { ok: false, failure } };
const telegram = health().telegram;

const STATES: [string, Sample[], string][] = [
  ["one that polls is connected", [healthy()], "connected"],
  ["one with a dependency down is degraded", [healthy({ status: "degraded" })], "degraded"],
  [
    "one that does not poll is disconnected",
    [healthy({ telegram: { ...telegram, connected: false } })],
    "disconnected",
  ],
  ["one that does not answer is down", [healthy(), dead], "down"],
  [
    "one watched by its token alone is unknown",
    [{ ...seen, kind: "telegram", probe: "telegram", paths: [] }],
    "unknown",
  ],
];
for (const [what, samples, expected] of STATES) {
  test(`of bots, ${what}`, () => {
    const { observe, bots } = book();
    for (const sample of samples) observe(sample);
    assert.deepEqual(
      bots().map(({ name, state }) => [name, state]),
      [["shopbot", expected]],
    );
  });
}

test("a bot that gets its name later is not there twice", () => {
  const { observe, bots } = book();
  observe({ ...dead, target: "127.0.0.1:8080" });
  observe(healthy());
  assert.deepEqual(
    bots().map(({ name }) => name),
    ["shopbot"],
  );
});

test("a bot whose name is read after the first look at Telegram is not there twice", () => {
  const { observe, bots } = book();
  observe({ ...dead, target: "bot" });
  observe({ ...seen, target: "shop_bot", kind: "telegram", probe: "telegram", paths: [] });
  observe({
    ...seen,
    target: "shop_bot",
    kind: "webhook",
    probe: "webhook",
    result: { ok: true, url: "", pending: 4 },
  });
  observe(healthy());
  assert.deepEqual(
    bots().map(({ name, state, pending_updates }) => [name, state, pending_updates]),
    [["shopbot", "connected", 4]],
  );
});

test("a page without a counter gives no points of it, and the others all the same", () => {
  const { observe, values } = book();
  const without = healthy({ updates: { handled: 1 } as never });
  for (const sample of [without, without]) observe(sample);
  assert.deepEqual([values("updates"), values("errors"), values("up")], [[], [0], [1, 1]]);
});

test("counters become increments: the first look gives none, a new process its own value", () => {
  const { observe, values } = book();
  const at = (received: number, total: number, started_at = "a") =>
    healthy({ started_at, updates: { ...health().updates, received }, errors: { ...health().errors, total } });
  for (const sample of [at(100, 5), at(107, 6), dead, at(107, 6), at(3, 1, "b"), at(2, 0, "b")]) observe(sample);
  assert.deepEqual(values("updates"), [7, 0, 3, 2]);
  assert.deepEqual(values("errors"), [1, 0, 1, 0]);
  assert.deepEqual(values("up"), [1, 1, 0, 1, 1, 1]);
});

const LOOKS: [string, Sample, [string, number | null, string]][] = [
  ["health", healthy(), ["ok", 3, "ok"]],
  ["dead health", dead, ["failed", null, "tcp: connect ECONNREFUSED"]],
  [
    "handling",
    { ...seen, kind: "handling", probe: "h", result: { ok: true, p95Seconds: 0.4, updates: 9 } },
    ["ok", null, "9 updates in 10 min"],
  ],
  [
    "handling that fails",
    { ...seen, kind: "handling", probe: "h", result: { ok: false, failure } },
    ["failed", null, "tcp: connect ECONNREFUSED"],
  ],
  [
    "Telegram over one of two families",
    {
      ...seen,
      kind: "telegram",
      probe: "t",
      paths: [
        { family: 6, failure },
        { family: 4, dnsMs: 1, tcpMs: 2, tlsMs: 3, ttfbMs: 4 },
      ],
      getMe: { ok: true, id: 1, username: "shopbot" },
    },
    ["ok", 10, "getMe: @shopbot"],
  ],
  [
    "Telegram that refuses the token",
    {
      ...seen,
      kind: "telegram",
      probe: "t",
      paths: [{ family: 4, ttfbMs: 4 }],
      getMe: { ok: false, description: "Unauthorized" },
    },
    ["failed", 4, "getMe: Unauthorized"],
  ],
  [
    "Telegram without a token",
    { ...seen, kind: "telegram", probe: "t", paths: [{ family: 4, ttfbMs: 2500 }] },
    ["slow", 2500, "answers"],
  ],
  [
    "Telegram that nobody reaches",
    { ...seen, kind: "telegram", probe: "t", paths: [{ family: 4, failure }] },
    ["failed", null, "tcp: connect ECONNREFUSED"],
  ],
  [
    "webhook",
    { ...seen, kind: "webhook", probe: "w", result: { ok: true, url: "", pending: 41 } },
    ["ok", null, "41 waiting"],
  ],
  [
    "webhook refused",
    { ...seen, kind: "webhook", probe: "w", result: { ok: false, description: "no" } },
    ["failed", null, "no"],
  ],
  ["control", { ...seen, kind: "control", probe: "c" }, ["ok", null, "answers"]],
  [
    "control that fails",
    { ...seen, kind: "control", probe: "c", failure },
    ["failed", null, "tcp: connect ECONNREFUSED"],
  ],
  ["dependency", { ...seen, kind: "dependency", probe: "d", durationMs: 5, status: 200 }, ["ok", 5, "HTTP 200"]],
  [
    "slow dependency",
    { ...seen, kind: "dependency", probe: "d", durationMs: 2100, status: 200 },
    ["slow", 2100, "HTTP 200"],
  ],
  [
    "dependency with 500",
    { ...seen, kind: "dependency", probe: "d", durationMs: 5, status: 500 },
    ["failed", 5, "HTTP 500"],
  ],
  [
    "dependency without an answer",
    { ...seen, kind: "dependency", probe: "d", durationMs: 9, failure },
    ["failed", 9, "tcp: connect ECONNREFUSED"],
  ],
  [
    "disk that cannot be read",
    { ...seen, kind: "disk", probe: "x", result: { ok: false, code: "ENOENT" } },
    ["failed", null, "ENOENT"],
  ],
  [
    "own database",
    { ...seen, kind: "own", probe: "o", sqlite: { ok: true }, lastMetricsAtMs: {} },
    ["ok", null, "SQLite ok"],
  ],
  [
    "own broken database",
    { ...seen, kind: "own", probe: "o", sqlite: { ok: false }, lastMetricsAtMs: {} },
    ["failed", null, "SQLite: unusable"],
  ],
];
for (const [what, sample, expected] of LOOKS) {
  test(`the look of ${what} is ${expected[0]} in words`, () => {
    const { observe, probes } = book();
    observe(sample);
    assert.deepEqual(
      probes().map(({ state, duration_ms, detail }) => [state, duration_ms, detail]),
      [expected],
    );
  });
}

test("a bot has its waiting updates and p95, a mount its sizes", () => {
  const { observe, bots, mounts, values } = book();
  observe(healthy());
  observe({ ...seen, kind: "webhook", probe: "w", result: { ok: true, url: "", pending: 41 } });
  observe({ ...seen, kind: "handling", probe: "h", result: { ok: true, p95Seconds: 0.4, updates: 9 } });
  const disk = {
    ok: true as const,
    availableBytes: 10,
    sizeBytes: 40,
    inodesFree: 1,
    inodes: 2,
    readOnly: true,
    device: "1",
  };
  observe({ ...seen, target: "/data", kind: "disk", probe: "disk", result: disk });
  assert.deepEqual([bots()[0]?.pending_updates, bots()[0]?.p95_seconds], [41, 0.4]);
  assert.deepEqual(mounts()[0], {
    path: "/data",
    available_bytes: 10,
    size_bytes: 40,
    read_only: true,
    seen_at: "1970-01-01T00:00:01.000Z",
  });
  assert.deepEqual([values("pending"), values("p95_seconds"), values("disk_used_bytes")], [[41], [0.4], [30]]);
});
