import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { test } from "node:test";
import type { Fault } from "../fake-telegram/mod.ts";
import type { RigOptions } from "./testing/rig.ts";
import { startRig } from "./testing/rig.ts";

async function start(t: TestContext, options: RigOptions = {}) {
  const rig = await startRig(t, options);
  rig.telegram.say("hello");
  const end = async () => {
    await rig.observed.telemetry.shutdown(2000);
    return rig.capture;
  };
  return { ...rig, end };
}

test("a call leaves a span with method, status and server, and a duration", async (t) => {
  const { telegram, bot, end } = await start(t);
  await bot.api.sendMessage(4242, "hi");
  const { spans, metrics } = await end();
  const [span] = spans;
  assert.deepEqual([span?.name, span?.kind, span?.status], ["sendMessage", 3, 0]);
  assert.deepEqual(span?.attributes, {
    "rpc.system.name": "telegram",
    "rpc.method": "sendMessage",
    "rpc.status_code": "200",
    "server.address": "127.0.0.1",
    "server.port": telegram.port,
  });
  assert.ok((span?.endMs ?? 0) >= (span?.startMs ?? 1));
  const [point] = metrics.get("rpc.client.call.duration")?.points ?? [];
  assert.deepEqual(point?.attributes, {
    "rpc.system.name": "telegram",
    "rpc.method": "sendMessage",
    "rpc.status_code": "200",
  });
  assert.ok(telegram.calls().every(({ headers }) => !("traceparent" in headers)));
});

test("a failed call says who failed, in span and metric alike", async (t) => {
  const table: [Fault, string, string | undefined][] = [
    [{ kind: "error", code: 400, description: "Bad Request: x" }, "bad_request", "400"],
    [{ kind: "flood", retryAfterSeconds: 17 }, "flood", "429"],
    [{ kind: "html" }, "server", "502"],
    [{ kind: "reset" }, "reset", undefined],
  ];
  const { telegram, bot, end } = await start(t);
  for (const [fault] of table) {
    telegram.faults.add({ fault, times: 1 });
    await assert.rejects(bot.api.sendMessage(4242, "hi"));
  }
  const { spans, metrics } = await end();
  assert.deepEqual(
    spans.map(({ status, attributes: a }) => [
      status,
      a["error.type"],
      a["rpc.status_code"],
      a["telegram.retry_after"],
    ]),
    table.map(([, reason, status]) => [2, reason, status, reason === "flood" ? 17 : undefined]),
  );
  assert.deepEqual(
    metrics.get("rpc.client.call.duration")?.points.map(({ attributes: a }) => [a["error.type"], a["rpc.status_code"]]),
    table.map(([, reason, status]) => [reason, status]),
  );
});

test("a retrying transformer sits outside: each attempt is a span of its own", async (t) => {
  const { telegram, bot, end } = await start(t);
  bot.api.config.use(async (prev, method, payload, signal) => {
    const answer = await prev(method, payload, signal);
    return answer.ok ? answer : prev(method, payload, signal);
  });
  telegram.faults.add({ fault: { kind: "flood", retryAfterSeconds: 1 }, times: 1 });
  await bot.api.sendMessage(4242, "hi");
  const { spans } = await end();
  assert.deepEqual(
    spans.map(({ attributes: a }) => a["rpc.status_code"]),
    ["429", "200"],
  );
});

test("a method that the Bot API does not have yet is _OTHER", async (t) => {
  const { bot, end } = await start(t);
  await assert.rejects(
    (bot.api.raw as unknown as Record<string, () => Promise<unknown>>)["brandNew"]?.() ?? Promise.resolve(),
  );
  const { spans } = await end();
  assert.equal(spans[0]?.name, "_OTHER");
});

test("an empty poll is no trace; one with updates or a failure is", async (t) => {
  const { telegram, bot, observed, end } = await start(t);
  const [update] = await bot.api.getUpdates();
  assert.deepEqual(await bot.api.getUpdates({ offset: (update?.update_id ?? 0) + 1 }), []);
  telegram.faults.add({
    method: "getUpdates",
    fault: { kind: "error", code: 409, description: "Conflict: x" },
    times: 1,
  });
  await assert.rejects(bot.api.getUpdates());
  const { spans, metrics } = await end();
  assert.deepEqual(
    spans.map(({ name, parentSpanId, attributes: a }) => [
      name,
      parentSpanId,
      a["messaging.batch.message_count"],
      a["error.type"],
    ]),
    [
      ["getUpdates", "", 1, undefined],
      ["getUpdates", "", 0, "conflict"],
    ],
  );
  const counts = metrics.get("rpc.client.call.duration")?.points.map(({ count }) => count);
  assert.deepEqual(counts, [2, 1]);
  const { telegram: health, updates, errors } = observed.health.snapshot();
  assert.deepEqual(
    [health.connected, health.last_error?.reason, updates.received, errors.total],
    [false, "conflict", 1, 1],
  );
});

test("a flood on getUpdates says until when", async (t) => {
  const { telegram, bot, observed } = await start(t);
  telegram.faults.add({ method: "getUpdates", fault: { kind: "flood", retryAfterSeconds: 30 } });
  await assert.rejects(bot.api.getUpdates());
  assert.ok(Date.parse(observed.health.snapshot().telegram.flood_until ?? "") > Date.now());
});

test("which update types the newest poll asked for is known, and that it named none", async (t) => {
  const { bot, observed } = await start(t);
  const asked = () => observed.health.snapshot().telegram.allowed_updates;
  await bot.api.getUpdates({ allowed_updates: ["message", "poll"] });
  assert.deepEqual(asked(), ["message", "poll"]);
  await bot.api.getUpdates();
  assert.equal(asked(), null);
  await bot.api.raw.getUpdates(undefined as never); // grammY passes on what it is given
  assert.equal(asked(), null);
});

test("a poll that its owner aborts is no error and no trace", async (t) => {
  const { telegram, bot, observed, end } = await start(t);
  telegram.faults.add({ method: "getUpdates", fault: { kind: "hang" } });
  const controller = new AbortController();
  const poll = bot.api.getUpdates({ timeout: 30 }, controller.signal as never).catch(() => "ended");
  assert.notEqual(observed.health.snapshot().telegram.in_flight_since, null);
  controller.abort();
  assert.equal(await poll, "ended");
  const { telegram: health, errors } = observed.health.snapshot();
  assert.deepEqual([health.in_flight_since, health.last_error, errors.total], [null, null, 0]);
  assert.equal((await end()).spans.length, 0);
});

test("the queue depth counts calls under way, long polls excluded", async (t) => {
  const { telegram, bot, observed } = await start(t);
  telegram.faults.add({ fault: { kind: "hang" } });
  const depth = async () => /telegram_api_queue_depth\{[^}]*\} (\d+)/.exec(await observed.telemetry.metricsPage())?.[1];
  const controller = new AbortController();
  const signal = controller.signal as never;
  const calls = [
    bot.api.sendMessage(4242, "a", {}, signal),
    bot.api.sendMessage(4242, "b", {}, signal),
    bot.api.getUpdates({}, signal),
  ];
  assert.equal(await depth(), "2");
  controller.abort();
  await Promise.allSettled(calls);
  assert.equal(await depth(), "0");
});

test("retries are counted, and every wait that Telegram asks for, whoever keeps it", async (t) => {
  const { telegram, bot, observed } = await start(t);
  for (const retryAfterSeconds of [17, 6775])
    telegram.faults.add({ fault: { kind: "flood", retryAfterSeconds }, times: 1 });
  for (let n = 0; n < 2; n++) await assert.rejects(bot.api.sendMessage(4242, "hi"));
  telegram.faults.add({ fault: { kind: "flood", retryAfterSeconds: 30 }, times: 1 });
  await assert.rejects(bot.api.getUpdates());
  observed.health.api.retried("sendMessage", "flood");
  observed.health.api.retried("sendMessage", "flood");
  observed.health.api.retried("sendMessage", "reset");
  const page = await observed.telemetry.metricsPage();
  assert.match(page, /telegram_api_retries_total\{rpc_method="sendMessage",error_type="flood",[^}]*\} 2\n/);
  assert.match(page, /telegram_api_retries_total\{rpc_method="sendMessage",error_type="reset",[^}]*\} 1\n/);
  assert.match(page, /telegram_api_retry_after_seconds_total\{rpc_method="sendMessage",[^}]*\} 6792\n/);
  assert.match(page, /telegram_api_retry_after_seconds_total\{rpc_method="getUpdates",[^}]*\} 30\n/);
});

test("before the first wait and the first retry of a method both are there with a zero", async (t) => {
  const { bot, observed } = await start(t);
  await bot.api.sendMessage(4242, "hi");
  const page = await observed.telemetry.metricsPage();
  assert.match(page, /telegram_api_retry_after_seconds_total\{rpc_method="sendMessage",[^}]*\} 0\n/);
  for (const reason of ["flood", "connect", "reset", "server"])
    assert.match(
      page,
      new RegExp(`telegram_api_retries_total\\{rpc_method="sendMessage",error_type="${reason}",[^}]*\\} 0\n`),
    );
});

test("getMe tells the bot's name", async (t) => {
  const { bot, observed } = await start(t);
  await bot.api.getMe();
  assert.equal(observed.health.snapshot().telegram.username, "canary_bot");
});
