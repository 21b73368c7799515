import assert from "node:assert/strict";
import { test } from "node:test";
import { runJob } from "./job.ts";
import { observeSql } from "./sql-span.ts";
import { startRig } from "./testing/rig.ts";

const ID = "0af7651916cd43dd8448eb211c80319c";

test("a job is a trace of its own, linked to the update and with its correlation id", async (t) => {
  const { bot, capture, observed, telegram } = await startRig(t);
  telegram.say("hello");
  const result = await runJob(observed.telemetry, { name: "transcribe", correlationId: ID }, async () => {
    observed.log.info("working");
    return (await bot.api.sendMessage(4242, "done")).text;
  });
  assert.equal(result, "done");
  await observed.telemetry.shutdown(2000);
  const job = capture.spans.find(({ name }) => name === "job transcribe");
  const call = capture.spans.find(({ name }) => name === "sendMessage");
  assert.deepEqual([job?.kind, job?.parentSpanId, job?.status], [5, "", 0]);
  assert.notEqual(job?.traceId, ID);
  assert.deepEqual(
    job?.links.map(({ traceId, spanId }) => [traceId, spanId]),
    [[ID, "8448eb211c80319c"]],
  );
  assert.deepEqual([call?.traceId, call?.parentSpanId], [job?.traceId, job?.spanId]);
  const [line] = capture.logs;
  assert.deepEqual([line?.spanId, line?.attributes["telegram.correlation_id"]], [job?.spanId, ID]);
});

test("a job that fails says how and rejects", async (t) => {
  const { capture, observed } = await startRig(t);
  const failing = runJob(observed.telemetry, { name: "x", correlationId: ID }, () => Promise.reject(new Error("bug")));
  await assert.rejects(failing, /bug/);
  await observed.telemetry.shutdown(2000);
  assert.deepEqual([capture.spans[0]?.status, capture.spans[0]?.attributes["error.type"]], [2, "handler"]);
});

test("a fast database call leaves no span, a slow or failed one does", async (t) => {
  const { capture, observed } = await startRig(t);
  let clockMs = 0;
  const call = (ms: number, work = (): number => 7): number =>
    observeSql(
      observed.telemetry,
      { operation: "INSERT", table: "inbox" },
      () => {
        clockMs += ms;
        return work();
      },
      () => clockMs,
    );
  assert.equal(call(5), 7);
  assert.equal(call(6), 7);
  assert.throws(() => call(0, () => assert.fail("locked")), /locked/);
  await observed.telemetry.shutdown(2000);
  const [slow, failed, ...rest] = capture.spans;
  assert.deepEqual([slow?.name, slow?.kind, rest.length], ["INSERT inbox", 3, 0]);
  assert.deepEqual(slow?.attributes, {
    "db.system.name": "sqlite",
    "db.operation.name": "INSERT",
    "db.collection.name": "inbox",
  });
  assert.equal(Math.round((slow?.endMs ?? 0) - (slow?.startMs ?? 0)), 6);
  assert.deepEqual([failed?.status, failed?.attributes["error.type"]], [2, "storage"]);
});
