import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog, metrics } from "@gramwatch/otel";
import type { Meter, ObservableResult } from "@opentelemetry/api";
import type { Incident } from "./state/records.ts";
import { createArrivals } from "./otlp/arrivals.ts";
import type { Sample } from "./probes/probe.ts";
import { logAlert, observeSidecar, type Readings, succeeded } from "./telemetry.ts";

/** A meter that reads every callback on demand, as one line per point. */
function readingMeter() {
  const callbacks = new Map<string, (result: ObservableResult) => void>();
  const create = (name: string) => ({
    addCallback: (call: (result: ObservableResult) => void) => callbacks.set(name, call),
  });
  const meter = {
    createObservableCounter: create,
    createObservableUpDownCounter: create,
    createObservableGauge: create,
  } as unknown as Meter;
  return {
    meter,
    names: () => [...callbacks.keys()],
    read: (name: string) => {
      const points: [number, unknown][] = [];
      callbacks.get(name)?.({ observe: (value, labels) => points.push([value, labels]) });
      return points;
    },
  };
}

const seen = (probe: string, target: string) => ({ probe, target, atMs: 0, wallMs: 0 });
const refused = { phase: "tcp" as const, code: "ECONNREFUSED", message: "" };
const samples: Sample[] = [
  { kind: "health", ...seen("health", "shop"), result: { ok: true, body: {} as never, durationMs: 20 } },
  { kind: "handling", ...seen("handling", "shop"), result: { ok: false, failure: refused } },
  {
    kind: "telegram",
    ...seen("telegram", "shop"),
    paths: [
      { family: 4, dnsMs: 1, tcpMs: 2, tlsMs: 3, ttfbMs: 4 },
      { family: 6, dnsMs: 1, failure: refused },
    ],
    getMe: { ok: true, id: 1, username: "x" },
    certExpiresAtMs: 5000,
  },
  { kind: "webhook", ...seen("webhook", "shop"), result: { ok: true, url: "", pending: 41 } },
  { kind: "control", ...seen("control:a", "a"), failure: refused },
  { kind: "dependency", ...seen("dependency:w", "w"), durationMs: 30, status: 500 },
  {
    kind: "disk",
    ...seen("disk:/d", "/d"),
    result: { ok: true, availableBytes: 1, sizeBytes: 2, inodesFree: 0, inodes: 0, readOnly: false, device: "1" },
  },
];

function readings(): Readings {
  const arrivals = createArrivals({ monotonicMs: () => 0, wallMs: () => 9000 });
  arrivals.count("logs", 5, 1);
  arrivals.heard("metrics", [{ service: "shop", instance: "i" }]);
  const standing = { target: "shop", severity: "critical" as const };
  return {
    samples: () => samples,
    standings: () => [
      { ...standing, rule: "TelegramBotDown", state: "ok", noDataForMs: null },
      { ...standing, rule: "TelegramBotDisconnected", state: "recovering", noDataForMs: null },
    ],
    notifications: () => [{ channel: "telegram", outcome: "sent", count: 3 }],
    pending: () => ({ telegram: 2 }),
    heartbeats: () => [{ heartbeat: "main", lastSuccessWallMs: null, ageSeconds: 7, lastError: null }],
    storeBytes: () => 4096,
    arrivals,
  };
}

test("every metric of the catalogue that only the sidecar has is registered, and no other", () => {
  const { meter, names } = readingMeter();
  observeSidecar(meter, readings());
  const own = Object.values(metrics).flatMap(({ name, by }) => (by.length === 1 && by[0] === "sidecar" ? [name] : []));
  assert.deepEqual(names().toSorted(), own.toSorted());
});

test("the readings become points with the labels of the catalogue", () => {
  const { meter, read } = readingMeter();
  observeSidecar(meter, readings());
  assert.deepEqual(read("probe.success"), [
    [1, { probe: "health", kind: "health", target: "shop" }],
    [1, { probe: "telegram", kind: "telegram", target: "shop" }],
    [1, { probe: "webhook", kind: "webhook", target: "shop" }],
    [0, { probe: "control:a", kind: "control", target: "a" }],
    [0, { probe: "dependency:w", kind: "dependency", target: "w" }],
  ]);
  const v4 = { probe: "telegram", target: "shop", "network.type": "ipv4" };
  assert.deepEqual(read("probe.duration"), [
    [0.02, { probe: "health", target: "shop", phase: "total" }],
    [0.001, { ...v4, phase: "dns" }],
    [0.002, { ...v4, phase: "tcp" }],
    [0.003, { ...v4, phase: "tls" }],
    [0.004, { ...v4, phase: "ttfb" }],
    [0.001, { ...v4, "network.type": "ipv6", phase: "dns" }],
    [0.03, { probe: "dependency:w", target: "w", phase: "total" }],
  ]);
  assert.deepEqual(read("probe.ssl.earliest_cert_expiry"), [[5, { probe: "telegram", target: "shop" }]]);
  assert.deepEqual(read("telegram.bot.pending_updates"), [[41, { target: "shop" }]]);
  assert.deepEqual(read("sidecar.disk.available"), [[1, { path: "/d" }]]);
  assert.deepEqual(read("sidecar.disk.size"), [[2, { path: "/d" }]]);
  assert.deepEqual(read("sidecar.alerts.firing"), [
    [0, { rule: "TelegramBotDown", target: "shop", severity: "warning" }],
    [0, { rule: "TelegramBotDown", target: "shop", severity: "critical" }],
    [0, { rule: "TelegramBotDisconnected", target: "shop", severity: "warning" }],
    [1, { rule: "TelegramBotDisconnected", target: "shop", severity: "critical" }],
  ]);
  assert.deepEqual(read("sidecar.notifications"), [[3, { channel: "telegram", outcome: "sent" }]]);
  assert.deepEqual(read("sidecar.outbox.pending"), [[2, { channel: "telegram" }]]);
  assert.deepEqual(read("sidecar.heartbeat.age"), [[7, { heartbeat: "main" }]]);
  assert.deepEqual(read("sidecar.store.size"), [[4096, {}]]);
  assert.deepEqual(read("sidecar.otlp.items").slice(-2), [
    [5, { signal: "logs", outcome: "accepted" }],
    [1, { signal: "logs", outcome: "rejected" }],
  ]);
  assert.deepEqual(read("sidecar.otlp.last_arrival.timestamp"), [[9, { target: "shop", signal: "metrics" }]]);
});

test("a look succeeds by what it saw, whatever the bot says of itself", () => {
  const of = (sample: object) => succeeded({ ...seen("p", "t"), ...sample } as Sample);
  const good = { family: 4 };
  const bad = { family: 6, failure: refused };
  assert.equal(of({ kind: "telegram", paths: [good, bad] }), true);
  assert.equal(of({ kind: "telegram", paths: [good], getMe: { ok: false, description: "" } }), false);
  assert.equal(of({ kind: "telegram", paths: [bad] }), false);
  assert.equal(of({ kind: "dependency", durationMs: 1, status: 302 }), true);
  assert.equal(of({ kind: "own", sqlite: { ok: false }, lastMetricsAtMs: {} }), false);
  assert.equal(of({ kind: "health", result: { ok: true, body: { status: "fail" }, durationMs: 1 } }), true);
});

test("an alert is one log record when it fires and one when it is over", () => {
  const written: Record<string, unknown>[] = [];
  const log = createLog({ destination: { write: (line) => void written.push(JSON.parse(line)) } });
  const incident = { id: "K7F2", rule: "TelegramBotDown", target: "shop", severity: "critical" };
  logAlert(log, { ...incident, state: "firing", cause: "process_down" } as Incident);
  logAlert(log, { ...incident, state: "resolved", cause: null } as Incident);
  const common = {
    event: "gramwatch.alert",
    rule: "TelegramBotDown",
    target: "shop",
    severity: "critical",
    incident: "K7F2",
  };
  const { time: _, ...first } = written[0] ?? {};
  assert.deepEqual(first, { ...common, level: 40, state: "firing", cause: "process_down", msg: "an alert fires" });
  const { time: __, ...second } = written[1] ?? {};
  assert.deepEqual(second, { ...common, level: 30, state: "resolved", msg: "an alert is over" });
});
