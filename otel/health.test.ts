import assert from "node:assert/strict";
import { test } from "node:test";
import { GrammyError, HttpError } from "grammy";
import type { BotHealthOptions } from "./health.ts";
import { createBotHealth } from "./health.ts";
import { memoryLimit } from "./process-metrics.ts";
import { startTelemetry } from "./start.ts";
import type { TelemetryHealth } from "./telemetry-health.ts";

const WALL = Date.parse("2026-11-21T12:00:00.000Z");

/** Health of a bot with telemetry off and clocks that stand still until they are moved. */
function setUp(options: Partial<BotHealthOptions> = {}) {
  const clock = { ms: 1000 };
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: "1.0.0",
    env: { OTEL_SDK_DISABLED: "true" },
    now: () => WALL,
  });
  let sent: TelemetryHealth = {
    enabled: true,
    exporting: true,
    dropped: { spans: 0, logs: 0 },
    last_export_error: null,
  };
  const health = createBotHealth({
    telemetry: { ...telemetry, health: () => sent },
    now: () => WALL + clock.ms - 1000,
    monotonic: () => clock.ms,
    ...options,
  });
  telemetry.loop.close();
  return {
    health,
    telemetry,
    clock,
    export: (change: Partial<TelemetryHealth>) => void (sent = { ...sent, ...change }),
  };
}

const refused = (code: number, description: string) =>
  new GrammyError("Call failed!", { ok: false, error_code: code, description }, "getUpdates", {});

test("the body has the shape of the contract, from the first moment", () => {
  const { health, telemetry } = setUp();
  const body = health.snapshot();
  assert.deepEqual(
    { ...body, event_loop: 0, memory: 0, pid: 0 },
    {
      status: "ok",
      service: "bot",
      version: "1.0.0",
      instance: telemetry.instanceId,
      pid: 0,
      started_at: "2026-11-21T12:00:00.000Z",
      uptime_seconds: 0,
      telegram: {
        mode: "polling",
        username: null,
        connected: false,
        last_success_at: null,
        seconds_since_success: null,
        in_flight_since: null,
        last_error: null,
        next_retry_at: null,
        flood_until: null,
        stopped: false,
        allowed_updates: null,
      },
      updates: { received: 0, handled: 0, failed: 0, in_flight: 0, oldest_in_flight_seconds: null, inbox_pending: 0 },
      errors: {
        total: 0,
        last_at: null,
        by_reason: { handler: 0, reply: 0, dependency: 0, storage: 0, poll: 0, crash: 0, lost: 0 },
      },
      event_loop: 0,
      memory: 0,
      checks: {},
      backup: null,
      stopping: false,
      telemetry: { enabled: true, exporting: true, dropped: { spans: 0, logs: 0 }, last_export_error: null },
    },
  );
  assert.deepEqual(Object.keys(body.event_loop), ["delay_p99_ms", "utilization"]);
  assert.ok(body.memory.rss_bytes > 0 && body.memory.heap_limit_bytes > body.memory.heap_used_bytes);
});

test("only a poll that returned proves the connection", () => {
  const { health, clock } = setUp();
  health.poll.started();
  assert.equal(health.snapshot().telegram.in_flight_since, "2026-11-21T12:00:00.000Z");
  health.api.queued();
  health.api.dequeued();
  assert.equal(health.snapshot().telegram.connected, false);
  clock.ms += 30_000;
  health.poll.returned();
  clock.ms += 2500;
  const { telegram } = health.snapshot();
  assert.deepEqual(
    [telegram.connected, telegram.last_success_at, telegram.seconds_since_success, telegram.in_flight_since],
    [true, "2026-11-21T12:00:30.000Z", 2.5, null],
  );
});

test("a run of failed polls is one error and ends with the next success", () => {
  const { health } = setUp();
  for (let n = 0; n < 5; n++) {
    assert.equal(health.poll.failed(refused(409, "Conflict: terminated"), { nextRetryAt: WALL + 5000 }), "conflict");
  }
  let body = health.snapshot();
  assert.equal(body.status, "degraded");
  assert.equal(body.errors.by_reason["poll"], 1);
  assert.equal(body.telegram.next_retry_at, "2026-11-21T12:00:05.000Z");
  assert.deepEqual(body.telegram.last_error, {
    at: "2026-11-21T12:00:00.000Z",
    reason: "conflict",
    code: 409,
    description: "Conflict: terminated",
  });
  health.poll.returned();
  health.poll.failed(new HttpError("failed", Object.assign(new Error("x"), { code: "ECONNREFUSED" })));
  body = health.snapshot();
  assert.equal(body.errors.by_reason["poll"], 2);
  assert.deepEqual([body.telegram.last_error?.reason, body.telegram.last_error?.code], ["connect", null]);
  assert.equal(body.telegram.next_retry_at, null);
  health.poll.retryAt(WALL + 1000, WALL + 2000);
  assert.equal(health.snapshot().telegram.flood_until, "2026-11-21T12:00:02.000Z");
});

test("the description of an error is clean and short", () => {
  const { health } = setUp();
  health.poll.failed(refused(400, `bad 123456789:${"a".repeat(35)} ${"x".repeat(900)}`));
  const description = health.snapshot().telegram.last_error?.description ?? "";
  assert.match(description, /^bad \[token\] x/);
  assert.equal(description.length, 300);
  health.poll.failed(undefined);
  assert.equal(health.snapshot().telegram.last_error?.description, "");
});

test("a bot fails when its token is refused, its loop ended, or no poll succeeded for five minutes", () => {
  const refusedToken = setUp().health;
  refusedToken.poll.failed(refused(401, "Unauthorized"));
  assert.equal(refusedToken.snapshot().status, "fail");

  const ended = setUp().health;
  ended.poll.returned();
  ended.poll.stopped();
  assert.deepEqual([ended.snapshot().status, ended.snapshot().telegram.stopped], ["fail", true]);
  ended.poll.started();
  ended.poll.returned();
  assert.deepEqual([ended.snapshot().status, ended.snapshot().telegram.stopped], ["ok", false]);

  const { health: silent, clock } = setUp();
  clock.ms += 300_000;
  assert.equal(silent.snapshot().status, "ok");
  clock.ms += 1;
  assert.equal(silent.snapshot().status, "fail");
});

test("a loop that ended for the shutdown is no failure", () => {
  const { health } = setUp();
  health.poll.returned();
  health.stop();
  health.poll.stopped();
  const { status, stopping, telegram } = health.snapshot();
  assert.deepEqual([status, stopping, telegram.stopped], ["ok", true, true]);
});

test("a poll that we gave up is neither success nor failure", () => {
  const { health } = setUp();
  health.poll.returned();
  health.poll.started();
  health.poll.aborted();
  const { telegram, errors } = health.snapshot();
  assert.deepEqual([telegram.connected, telegram.in_flight_since, errors.total], [true, null, 0]);
});

test("updates are counted when received, in flight and ended; a shutdown is no error", () => {
  const { health, clock } = setUp({ inboxPending: () => 3 });
  health.update.received("message", 3);
  health.update.received("callback_query");
  const first = health.update.started();
  clock.ms += 400;
  const second = health.update.started();
  let { updates } = health.snapshot();
  assert.deepEqual(updates, {
    received: 4,
    handled: 0,
    failed: 0,
    in_flight: 2,
    oldest_in_flight_seconds: 0.4,
    inbox_pending: 3,
  });
  health.update.ended(first, "timeout");
  health.update.ended(first, "timeout");
  health.update.ended(second);
  health.update.ended(health.update.started(), "shutdown");
  const body = health.snapshot();
  ({ updates } = body);
  assert.deepEqual([updates.handled, updates.failed, updates.in_flight], [1, 1, 0]);
  assert.deepEqual([body.errors.total, body.errors.by_reason["handler"]], [1, 1]);
  assert.equal(body.errors.last_at, "2026-11-21T12:00:00.400Z");
  assert.equal(health.inFlight(), 0);
});

test("a failing check degrades, a failing critical one fails, a throwing one fails alone", () => {
  const { health } = setUp();
  health.poll.returned();
  let whisper = true;
  let sqlite = true;
  health.addCheck("whisper", () => (whisper ? { ok: true } : { ok: false, error: "no answer from +491701234567" }));
  health.addCheck("sqlite", () => ({ ok: sqlite }), { critical: true });
  assert.equal(health.snapshot().status, "ok");
  whisper = false;
  assert.equal(health.snapshot().status, "degraded");
  assert.deepEqual(health.snapshot().checks, {
    whisper: { ok: false, error: "no answer from [phone]" },
    sqlite: { ok: true },
  });
  sqlite = false;
  assert.equal(health.snapshot().status, "fail");
  sqlite = whisper = true;
  health.addCheck("odd", () => {
    throw new Error("bug");
  });
  assert.deepEqual([health.snapshot().status, health.snapshot().checks["odd"]?.ok], ["degraded", false]);
});

test("an inbox that cannot be read leaves the page, with the last number", () => {
  let readable = true;
  const { health } = setUp({
    inboxPending: () => {
      if (readable) return 3;
      throw new Error("database disk image is malformed");
    },
  });
  health.addCheck("sqlite", () => ({ ok: readable }), { critical: true });
  assert.equal(health.snapshot().updates.inbox_pending, 3);
  readable = false;
  const { status, updates } = health.snapshot();
  assert.deepEqual([status, updates.inbox_pending], ["fail", 3]);
});

test("telemetry that is lost degrades for a minute; exporters that the user turned off do not", () => {
  const { health, clock, export: exporting } = setUp();
  health.poll.returned();
  exporting({ exporting: false });
  assert.equal(health.snapshot().status, "ok");
  exporting({ last_export_error: { at: "x", signal: "traces", reason: "ECONNREFUSED" } });
  assert.equal(health.snapshot().status, "degraded");
  exporting({ exporting: true, dropped: { spans: 5, logs: 0 } });
  assert.equal(health.snapshot().status, "degraded");
  clock.ms += 59_999;
  assert.equal(health.snapshot().status, "degraded");
  clock.ms += 1;
  assert.equal(health.snapshot().status, "ok");
});

test("a webhook bot lives by the calls that Telegram answers", () => {
  const { health, clock } = setUp();
  health.webhook.called(undefined, {});
  assert.equal(health.snapshot().telegram.connected, false, "not known to be a webhook bot yet");
  health.webhook.on();
  assert.deepEqual([health.snapshot().telegram.mode, health.snapshot().telegram.connected], ["webhook", true]);
  health.webhook.called("connect", Object.assign(new Error("x"), { code: "ECONNREFUSED" }));
  assert.deepEqual([health.snapshot().telegram.connected, health.snapshot().status], [false, "degraded"]);
  health.webhook.called("forbidden", {});
  health.webhook.called("aborted", new DOMException("x", "AbortError"));
  assert.equal(health.snapshot().telegram.connected, true, "a call that we gave up says nothing of Telegram");
  clock.ms += 3_600_000;
  assert.equal(health.snapshot().status, "ok");
});

test("a bot that polls stays a polling bot, whatever else it handles", () => {
  const { health } = setUp();
  health.poll.returned();
  health.webhook.on();
  assert.equal(health.snapshot().telegram.mode, "polling");
});

test("what the bot is called and how its backups went is told as given", () => {
  const { health } = setUp({ backup: () => ({ last_verified_at: null, last_error: "disk full" }) });
  health.identify("shop_bot");
  const { telegram, backup } = health.snapshot();
  assert.deepEqual([telegram.username, backup?.last_error], ["shop_bot", "disk full"]);
});

test("a memory limit of 0 or beyond the machine is none", () => {
  assert.equal(memoryLimit(0, 8e9), null);
  assert.equal(memoryLimit(2 ** 64, 8e9), null);
  assert.equal(memoryLimit(1e8, 8e9), 1e8);
});
