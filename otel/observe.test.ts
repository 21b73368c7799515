import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { run } from "@grammyjs/runner";
import { Bot, webhookCallback } from "grammy";
import { observe } from "./observe.ts";
import { ConfigError } from "./settings.ts";
import type { Rig } from "./testing/rig.ts";
import { startRig } from "./testing/rig.ts";

/** The bot answers a message; resolves when it has been handled. */
async function answered({ telegram, bot, logged }: Rig, start: () => void): Promise<void> {
  bot.on("message", (ctx) => ctx.reply("answer"));
  telegram.say("hello");
  const handled = logged("update handled");
  start();
  await handled;
}

function assertObserved({ capture, observed }: Rig, mode: string): void {
  const names = capture.spans.map(({ name }) => name);
  assert.ok(names.includes("process message") && names.includes("sendMessage"), names.join());
  const root = capture.spans.find(({ name }) => name === "process message");
  const call = capture.spans.find(({ name }) => name === "sendMessage");
  assert.deepEqual([call?.traceId, call?.parentSpanId], [root?.traceId, root?.spanId]);
  const { telegram, updates } = observed.health.snapshot();
  assert.deepEqual([telegram.mode, updates.received, updates.handled], [mode, 1, 1]);
  assert.ok(telegram.last_success_at !== null);
}

for (const plainClient of [false, true]) {
  const client = plainClient ? "grammY's own client" : "our transport";
  test(`bot.start() on ${client} is observed`, async (t) => {
    const rig = await startRig(t, { plainClient });
    let polling = Promise.resolve();
    await answered(rig, () => void (polling = rig.bot.start()));
    await rig.bot.stop();
    await polling;
    await rig.observed.telemetry.shutdown(2000);
    assertObserved(rig, "polling");
    assert.equal(rig.observed.health.snapshot().telegram.username, "canary_bot");
  });
}

test("run(bot) is observed, with a link to the poll", async (t) => {
  const rig = await startRig(t);
  let stop = async (): Promise<void> => {};
  await answered(rig, () => (stop = run(rig.bot, { runner: { silent: true } }).stop));
  await stop();
  await rig.observed.telemetry.shutdown(2000);
  assertObserved(rig, "polling");
  assert.equal(rig.capture.spans.find(({ name }) => name === "process message")?.links.length, 1);
});

test("webhookCallback is observed, and health does not wait for polls", async (t) => {
  const rig = await startRig(t);
  rig.bot.on("message", (ctx) => ctx.reply("answer"));
  const server = createServer((request, response) => void webhookCallback(rig.bot, "http")(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const message = rig.telegram.say("hello");
  await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ update_id: 1, message }),
  });
  assert.doesNotMatch(await rig.observed.telemetry.metricsPage(), /last_poll_success/, "its age would be an alert");
  await rig.observed.telemetry.shutdown(2000);
  assertObserved(rig, "webhook");
  assert.equal(rig.observed.health.snapshot().status, "ok");
});

test("a bot that sets its webhook is known as one before the first update", async (t) => {
  const { bot, observed } = await startRig(t);
  const mode = (): string => observed.health.snapshot().telegram.mode;
  await bot.api.setWebhook("");
  assert.equal(mode(), "polling", "that takes it away");
  await bot.api.setWebhook("https://bots.example/hook");
  assert.equal(mode(), "webhook");
});

test("a bot whose webhook is set elsewhere says so, and is ready before the first update", async (t) => {
  const { observed } = await startRig(t, { observe: { mode: "webhook" } });
  const { status, telegram } = observed.health.snapshot();
  assert.deepEqual([status, telegram.mode, telegram.connected], ["ok", "webhook", true]);
});

test("with OTEL_SDK_DISABLED the bot runs, health is read and nothing is sent", async (t) => {
  const rig = await startRig(t, { env: { OTEL_SDK_DISABLED: "true" } });
  let stop = async (): Promise<void> => {};
  await answered(rig, () => (stop = run(rig.bot, { runner: { silent: true } }).stop));
  await stop();
  const { telegram, updates, telemetry } = rig.observed.health.snapshot();
  assert.deepEqual([telegram.connected, updates.handled, telemetry.enabled], [true, 1, false]);
  await rig.observed.shutdown(100);
  assert.equal(rig.capture.requests(), 0);
});

test("an outage is seen in health and ends with it", async (t) => {
  const { telegram, bot, observed } = await startRig(t);
  telegram.faults.add({ method: "getUpdates", fault: { kind: "error", code: 500, description: "Internal" }, times: 1 });
  await assert.rejects(bot.api.getUpdates());
  assert.deepEqual(
    [observed.health.snapshot().status, observed.health.snapshot().telegram.last_error?.reason],
    ["degraded", "server"],
  );
  await bot.api.getUpdates();
  assert.equal(observed.health.snapshot().status, "ok");
});

test("the pages are served, and a busy port is a warning, not an error", async (t) => {
  const first = await startRig(t, { observe: { port: 0 } });
  const server = await first.observed.server;
  const page = await fetch(`http://127.0.0.1:${server?.port}/livez`);
  assert.equal(await page.text(), "ok\n");
  await first.observed.telemetry.shutdown(100);
  const second = await startRig(t, { observe: { port: server?.port ?? 0 } });
  assert.equal(await second.observed.server, undefined);
  assert.match(second.lines.join(""), /EADDRINUSE/);
  assert.match(second.lines.join(""), /the bot goes on without them/);
});

test("it takes its settings from the process and has its own defaults", async (t) => {
  process.env["OTEL_SDK_DISABLED"] = "true";
  t.after(() => delete process.env["OTEL_SDK_DISABLED"]);
  const bot = new Bot("1:x", { botInfo: { id: 1, is_bot: true, first_name: "b", username: "b_bot" } as never });
  const observed = observe(bot, { port: false });
  t.after(() => observed.shutdown(10));
  assert.throws(
    () => observe(bot, { env: { BOT_HTTP_PORT: "many", LOG_LEVEL: "loud", OTEL_SDK_DISABLED: "maybe" } }),
    (error) => error instanceof ConfigError && error.problems.length === 3,
  );
  const { service, version, telegram } = observed.health.snapshot();
  assert.deepEqual([service, version, telegram.username], ["bot", "0.0.0", "b_bot"]);
  assert.equal(await observed.server, undefined);
});

test("two bots in one process: each has its own telemetry, and its references lead to its traces", async (t) => {
  const rigs = [
    await startRig(t, { observe: { name: "alpha" } }),
    await startRig(t, { observe: { name: "beta" } }),
  ] as const;
  for (const rig of rigs) {
    rig.bot.botInfo = { id: 7_000_001, is_bot: true, first_name: "canary", username: "canary_bot" } as never;
    rig.bot.on("message", (ctx) => ctx.reply("answer"));
    rig.bot.catch(() => {});
  }
  const [alpha, beta] = rigs;
  const handle = async ({ bot, telegram }: Rig, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await bot.handleUpdate({ update_id: n + 1, message: telegram.say("hi") } as never);
  };
  await handle(alpha, 1);
  await handle(beta, 2);
  const received = async ({ observed }: Rig): Promise<string | undefined> =>
    /consumed_messages_total\{[^}]*"message"[^}]*\} (\d+)/.exec(await observed.telemetry.metricsPage())?.[1];
  assert.deepEqual([await received(alpha), await received(beta)], ["1", "2"]);
  await alpha.observed.shutdown(2000);
  await handle(beta, 1);
  await beta.observed.shutdown(2000);
  for (const [rig, name, count] of [
    [alpha, "alpha", 1],
    [beta, "beta", 3],
  ] as const) {
    const { spans, logs } = rig.capture;
    const roots = spans.filter((span) => span.name === "process message");
    assert.deepEqual([roots.length, logs.filter(({ body }) => body === "update handled").length], [count, count]);
    for (const { traceId, attributes } of roots) assert.equal(attributes["telegram.correlation_id"], traceId);
    for (const { resource } of [...spans, ...logs]) assert.equal(resource["service.name"], name);
    for (const span of spans)
      if (span.name === "sendMessage") assert.ok(roots.some((r) => r.spanId === span.parentSpanId));
    assert.doesNotMatch(rig.lines.join(""), /duplicate/);
  }
});
