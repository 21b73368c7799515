import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { run, sequentialize } from "@grammyjs/runner";
import { attributes, spans } from "./names.ts";
import { correlationIdOf } from "./scope.ts";
import { seeded, startRig } from "./testing/rig.ts";

const UPDATES = 3000;

test("3,000 concurrent updates: every call, log line and link belongs to its own update", async (t) => {
  const { telegram, capture, bot, observed } = await startRig(t, {
    env: { OTEL_BSP_MAX_QUEUE_SIZE: "20000", OTEL_BLRP_MAX_QUEUE_SIZE: "20000" },
  });
  const random = seeded(7);
  const correlations = new Map<number, string | undefined>();
  const { promise: allHandled, resolve } = Promise.withResolvers<void>();
  bot.use(sequentialize((ctx) => String(ctx.chat?.id)));
  bot.on("message", async (ctx) => {
    await delay(random() * 4);
    await ctx.replyWithChatAction("typing");
    observed.log.info({ [attributes.updateId]: ctx.update.update_id }, "in the middle");
    await delay(random() * 4);
    await ctx.reply("answer");
    correlations.set(ctx.update.update_id, correlationIdOf(ctx));
    if (correlations.size === UPDATES) resolve();
  });
  for (let n = 0; n < UPDATES; n++) telegram.say(`message ${n}`, { user: 1000 + (n % 100) });

  const runner = run(bot, { runner: { silent: true } });
  await allHandled;
  await runner.stop();
  await observed.shutdown(5000);

  const roots = capture.spans.filter(({ name }) => name === "process message");
  const polls = new Map(capture.spans.filter(({ name }) => name === "getUpdates").map((span) => [span.spanId, span]));
  const calls = Map.groupBy(
    capture.spans.filter(({ name }) => name === "sendMessage" || name === "sendChatAction"),
    ({ parentSpanId }) => parentSpanId,
  );
  const lines = new Map(
    capture.logs
      .filter(({ body }) => body === "in the middle")
      .map((log) => [log.attributes[attributes.updateId], log]),
  );
  const ends = Map.groupBy(
    capture.logs.filter(({ body }) => body === "update handled"),
    ({ spanId }) => spanId,
  );

  for (const { name, attributes: carried } of capture.spans) {
    const { attributes: allowed } = name.startsWith("process ")
      ? spans.process
      : name === "getUpdates"
        ? spans.poll
        : spans.call;
    assert.deepEqual(
      Object.keys(carried).filter((key) => !(allowed as readonly string[]).includes(key)),
      [],
      name,
    );
  }
  assert.ok(telegram.calls().every(({ headers }) => !("traceparent" in headers)));
  assert.equal(roots.length, UPDATES);
  assert.equal(new Set(roots.map(({ traceId }) => traceId)).size, UPDATES);
  for (const root of roots) {
    const id = root.attributes[attributes.updateId] as number;
    assert.equal(root.parentSpanId, "");
    assert.equal(root.traceId, correlations.get(id));
    assert.equal(root.spanId, root.traceId.slice(16));
    assert.deepEqual(
      calls.get(root.spanId)?.map(({ name, traceId }) => [name, traceId]),
      [
        ["sendChatAction", root.traceId],
        ["sendMessage", root.traceId],
      ],
    );
    const line = lines.get(id);
    assert.deepEqual([line?.traceId, line?.spanId], [root.traceId, root.spanId]);
    assert.equal(ends.get(root.spanId)?.length, 1);
    assert.equal(root.links.length, 1);
    const poll = polls.get(root.links[0]?.spanId ?? "");
    assert.equal(poll?.traceId, root.links[0]?.traceId);
  }
  const carried = [...polls.values()].reduce((sum, poll) => sum + Number(poll.attributes[attributes.batchCount]), 0);
  assert.equal(carried, UPDATES);
  assert.deepEqual(observed.telemetry.health().dropped, { spans: 0, logs: 0 });

  const { updates, errors } = observed.health.snapshot();
  assert.deepEqual([updates.received, updates.handled, updates.in_flight, errors.total], [UPDATES, UPDATES, 0, 0]);
});
