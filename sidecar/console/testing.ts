import type { AlertJson } from "../alerts/engine.ts";
import type { ConsoleDeps, ConsoleOptions, Delivery } from "../api/deps.ts";
import { createStatus } from "../api/status.ts";
import type { Html } from "./html.ts";
import type { BotHealth, Sample } from "../probes/probe.ts";
import type { Attributes } from "../store/records.ts";
import { createStore } from "../store/store.ts";
import { logRecord, spanRecord, TRACE_ID } from "../store/testing.ts";

/** For tests: a bot called shopbot with a day behind it, in the store and around it. */

/** The text of a piece of a page. */
export const markup = (piece: Html): string => String.prototype.toString.call(piece); // Hono gives a String object

const MINUTE_MS = 60_000;

export const STACK = `TypeError: cannot read properties of undefined (reading 'trim')
    at handleAdd (bot/handlers/tasks.ts:41:9)
    at dispatch (bot/handlers/index.ts:18:5)
    at run (/app/node_modules/grammy/out/composer.js:10:1)`;

export const health = (over: Partial<BotHealth> = {}): BotHealth => ({
  status: "ok",
  service: "shopbot",
  version: "1.4.2",
  instance: "i1",
  pid: 7,
  started_at: "2026-11-18T10:00:00.000Z",
  uptime_seconds: 273_600,
  telegram: {
    mode: "polling",
    username: "shopbot",
    connected: true,
    last_success_at: null,
    seconds_since_success: 1.2,
    in_flight_since: null,
    last_error: null,
    next_retry_at: null,
    flood_until: null,
    stopped: false,
    allowed_updates: ["message"],
  },
  updates: { received: 10, handled: 9, failed: 1, in_flight: 0, oldest_in_flight_seconds: null, inbox_pending: 0 },
  errors: { total: 1, last_at: null, by_reason: { handler: 1 } },
  event_loop: { delay_p99_ms: 3, utilization: 0.02 },
  memory: { rss_bytes: 1, heap_used_bytes: 1, heap_limit_bytes: 1, limit_bytes: null },
  checks: { sqlite: { ok: true } },
  backup: { last_verified_at: "2026-11-21T03:00:00.000Z", last_error: null },
  stopping: false,
  telemetry: { enabled: true, exporting: true, dropped: { spans: 0, logs: 0 }, last_export_error: null },
  ...over,
});

export function alert(over: Partial<AlertJson> = {}, nowMs = Date.now()): AlertJson {
  return {
    id: "K7F2",
    rule: "TelegramBotDisconnected",
    target: "shopbot",
    severity: "critical",
    state: "firing",
    cause: "poll_stalled",
    cause_text:
      "poll stalled: the connection of the long poll is dead. Telegram is reachable from this host (dns 9 · tcp 31 · tls 64 · ttfb 88 ms), 41 updates waiting",
    summary: "shopbot: disconnected from Telegram. No getUpdates has returned for 6 min 12 s (limit 5 min).",
    started_at: new Date(nowMs - 372_000).toISOString(),
    fired_at: new Date(nowMs - 72_000).toISOString(),
    resolved_at: null,
    acked_by: null,
    silenced_until: null,
    inhibited_by: null,
    links: { dashboard: null, trace: null, runbook: null },
    trace_ids: [TRACE_ID],
    ...over,
  };
}

export function delivery(over: Partial<Delivery> = {}, nowMs = Date.now()): Delivery {
  return {
    id: 1,
    incident: "K7F2",
    channel: "telegram",
    kind: "firing",
    state: "sent",
    attempts: 1,
    created_at: new Date(nowMs - 72_000).toISOString(),
    next_at: null,
    sent_at: new Date(nowMs - 71_000).toISOString(),
    answer: null,
    ...over,
  };
}

/** Everything the console needs, with knobs: push into `alerts` and `deliveries`, read `pressed`. */
export function createWorld({ nowMs = Date.now(), token }: { nowMs?: number; token?: string | undefined } = {}) {
  const store = createStore({ dir: undefined, maxAgeMs: 30 * 86_400_000, maxBytes: 2 ** 30, wallMs: () => nowMs });
  const status = createStatus(store);
  const alerts: AlertJson[] = [];
  const deliveries: Delivery[] = [];
  const pressed: string[] = [];
  const press = (action: string, id: string, change: Partial<AlertJson>): AlertJson | undefined => {
    const at = alerts.findIndex((one) => one.id === id && one.state === "firing");
    if (at === -1) return undefined;
    pressed.push(`${action} ${id}`);
    return (alerts[at] = { ...(alerts[at] as AlertJson), ...change });
  };
  const deps: ConsoleDeps = {
    store,
    status,
    alerts: {
      alerts: (filter) => alerts.filter(({ state }) => filter === "all" || state === filter),
      ack: (id, by) => press(`ack by ${by}`, id, { acked_by: by }),
      silence: (id, forMs, by) =>
        press(`silence ${forMs} by ${by}`, id, { silenced_until: new Date(nowMs + forMs).toISOString() }),
      undo: (id, by) => press(`undo by ${by}`, id, { acked_by: null, silenced_until: null }),
    },
    deliveries: () => deliveries,
    channels: () => [{ channel: "telegram", state: "ok", detail: null, last_sent_at: null, pending: 0 }],
    heartbeats: () => [
      { heartbeat: "main", ok: true, last_sent_at: new Date(nowMs - 21_000).toISOString(), error: null },
    ],
    testAlert: () => Promise.resolve([{ channel: "telegram", ok: true, answer: "sent" }]),
    metricsPage: () => Promise.resolve("up 1\n"),
    wallMs: () => nowMs,
  };
  const options: ConsoleOptions = { version: "1.0.0", token, errors: { max: 10, windowMs: 60 * MINUTE_MS } };
  return { deps, options, store, status, alerts, deliveries, pressed, nowMs };
}

export type World = ReturnType<typeof createWorld>;

/** A failed request with a database call, an exception, a refused and a repeated answer. */
export function addFailedRequest({ store, nowMs }: Pick<World, "store" | "nowMs">, over: Attributes = {}): void {
  const atMs = nowMs - 12 * MINUTE_MS;
  const root: Attributes = {
    "telegram.update.id": 884_213_907,
    "telegram.handler": "add",
    "telegram.chat.type": "private",
    "user.hash": "9f2c11d07ab3e480",
    "telegram.correlation_id": TRACE_ID,
    "error.type": "handler",
    ...over,
  };
  const call = { "rpc.system.name": "telegram", "rpc.method": "sendMessage" };
  const child = { parentId: "a3ce929d0e0e4736", kind: 3 };
  store.addSpans([
    spanRecord({ atMs, tookMs: 184, status: 2, attributes: root }),
    spanRecord({
      ...child,
      spanId: "00000000000000a1",
      name: "INSERT tasks",
      atMs: atMs + 8,
      tookMs: 6.8,
      attributes: { "db.system.name": "sqlite" },
    }),
    spanRecord({
      ...child,
      spanId: "00000000000000a2",
      name: "sendMessage",
      atMs: atMs + 18,
      tookMs: 34,
      status: 2,
      attributes: { ...call, "rpc.status_code": "429", "error.type": "flood", "telegram.retry_after": 0.1 },
    }),
    spanRecord({
      ...child,
      spanId: "00000000000000a3",
      name: "sendMessage",
      atMs: atMs + 152,
      tookMs: 31,
      attributes: { ...call, "rpc.status_code": "200" },
    }),
  ]);
  const within = { traceId: TRACE_ID, spanId: "a3ce929d0e0e4736" };
  const message = "cannot read properties of undefined (reading 'trim')";
  store.addLogs([
    logRecord({
      ...within,
      atMs: atMs + 15,
      severity: 17,
      severityText: "ERROR",
      body: "update failed",
      attributes: { "exception.type": "TypeError", "exception.message": message, "exception.stacktrace": STACK },
    }),
    logRecord({ ...within, atMs: atMs + 184, attributes: { outcome: "error", duration_ms: 184 } }),
  ]);
}

/** The picture of `Now`: a disconnected bot with a day of charts behind it. */
export function addBusyDay(world: World): void {
  const { store, status, nowMs } = world;
  const point = (target: string, series: string, minutesAgo: number, value: number): void =>
    store.addPoint({ target, series, atMs: nowMs - minutesAgo * MINUTE_MS, value });
  for (let minutes = 1440; minutes >= 0; minutes -= 5)
    point("shopbot", "up", minutes, minutes < 7 || (minutes > 973 && minutes < 980) ? 0 : 1);
  for (let minutes = 60; minutes >= 0; minutes -= 1) {
    point("shopbot", "updates", minutes, minutes < 7 ? 0 : 6 + Math.round(4 * Math.sin(minutes / 5)));
    if (minutes > 6) point("shopbot", "p95_seconds", minutes, 0.42 + 0.1 * Math.sin(minutes / 9));
    point("shopbot", "pending", minutes, minutes < 7 ? (7 - minutes) * 6 : 0);
    point("shopbot", "errors", minutes, [12, 33, 46].includes(minutes) ? 1 : 0);
  }
  for (let hours = 72; hours >= 0; hours -= 1) point("/data", "disk_used_bytes", hours * 60, 31.2e9 - hours * 7.9e6);
  const seen = { atMs: 0, wallMs: nowMs - 2000 };
  const samples: Sample[] = [
    {
      ...seen,
      kind: "health",
      probe: "health",
      target: "shopbot",
      result: { ok: true, durationMs: 3, body: health({ telegram: { ...health().telegram, connected: false } }) },
    },
    {
      ...seen,
      kind: "handling",
      probe: "handling",
      target: "shopbot",
      result: { ok: true, p95Seconds: 0.42, updates: 240 },
    },
    {
      ...seen,
      kind: "telegram",
      probe: "telegram",
      target: "shopbot",
      paths: [{ family: 4, dnsMs: 3, tcpMs: 20, tlsMs: 35, ttfbMs: 30 }],
      getMe: { ok: true, id: 1, username: "shopbot" },
    },
    { ...seen, kind: "webhook", probe: "webhook", target: "shopbot", result: { ok: true, url: "", pending: 41 } },
    { ...seen, kind: "control", probe: "control:1", target: "1.1.1.1:443" },
    { ...seen, kind: "control", probe: "control:2", target: "8.8.8.8:443" },
    { ...seen, kind: "dependency", probe: "dependency:whisper", target: "whisper", durationMs: 2100, status: 200 },
    {
      ...seen,
      kind: "disk",
      probe: "disk:/data",
      target: "/data",
      result: {
        ok: true,
        availableBytes: 8.8e9,
        sizeBytes: 40e9,
        inodesFree: 1,
        inodes: 2,
        readOnly: false,
        device: "1",
      },
    },
  ];
  for (const sample of samples) status.observe(sample);
  addFailedRequest(world);
  store.addLogs([
    logRecord({
      atMs: nowMs - 52 * MINUTE_MS,
      severity: 17,
      severityText: "ERROR",
      body: "whisper: connect timed out",
    }),
    logRecord({
      atMs: nowMs - 14 * MINUTE_MS,
      severity: 13,
      severityText: "WARN",
      body: "poll failed, retried in 4 s",
    }),
  ]);
  for (let at = 0; at < 12; at += 1) {
    const traceId = (at + 1).toString(16).padStart(32, "c");
    store.addSpans([
      spanRecord({
        traceId,
        atMs: nowMs - (8 + at) * MINUTE_MS,
        tookMs: 20 + at * 37,
        attributes: {
          "telegram.handler": ["start", "list", "add", "voice"][at % 4] as string,
          "user.hash": "9f2c11d07ab3e480",
        },
      }),
    ]);
  }
  world.alerts.push(
    alert({}, nowMs),
    alert(
      {
        id: "M3QD",
        rule: "DependencyUnhealthy",
        target: "whisper",
        severity: "warning",
        state: "resolved",
        cause: null,
        summary: "whisper: healthy again. The check failed (ttfb: timeout); seen by sidecar.",
        started_at: new Date(nowMs - 9e6).toISOString(),
        fired_at: new Date(nowMs - 8.9e6).toISOString(),
        resolved_at: new Date(nowMs - 8.1e6).toISOString(),
      },
      nowMs,
    ),
  );
  world.deliveries.push(
    delivery({}, nowMs),
    delivery({ id: 2, channel: "ntfy" }, nowMs),
    delivery(
      {
        id: 3,
        channel: "webhook",
        state: "parked",
        sent_at: null,
        answer: { class: "address", description: "403 Forbidden" },
      },
      nowMs,
    ),
  );
}
