import assert from "node:assert/strict";
import { test } from "node:test";
import { GrammyError } from "grammy";
import type { Update } from "grammy/types";
import { attributes } from "./names.ts";
import { updateTypeOf } from "./middleware.ts";
import { HandlingError } from "./reason.ts";
import { aboutUpdate, correlationIdOf, handledBy, handlingFailed, referenceOf } from "./scope.ts";
import { observeSql } from "./sql-span.ts";
import { startRig } from "./testing/rig.ts";

const person = { id: 5_551_234_567, is_bot: false, first_name: "Secret Name", username: "secretname" };
const chat = { id: 5_551_234_567, type: "private", first_name: "Secret Name" };
let lastId = 0;
const message = (text = "a private text"): Update =>
  ({ update_id: ++lastId, message: { message_id: 9, date: 1_700_000_000, chat, from: person, text } }) as Update;
const me = { id: 7_000_001, is_bot: true, first_name: "canary", username: "canary_bot" };

async function start(t: Parameters<typeof startRig>[0], options: Parameters<typeof startRig>[1] = {}) {
  const rig = await startRig(t, options);
  rig.bot.botInfo = me as never;
  rig.bot.catch(() => {});
  /** Handles one update and gives back its root span and its last log record. */
  const handle = async (update: Update) => {
    await rig.bot.handleUpdate(update).catch(() => {});
    await rig.observed.telemetry.shutdown(2000);
    const { spans, logs, metrics } = rig.capture;
    return { span: spans.findLast(({ name }) => name.startsWith("process ")), log: logs.at(-1), spans, metrics };
  };
  return { ...rig, handle };
}

test("an update leaves one root span, one line, a duration and a lag, and nothing private", async (t) => {
  const { bot, handle, capture, lines } = await start(t);
  bot.on("message", (ctx) => handledBy(ctx, "echo"));
  const { span, log, metrics } = await handle(message());

  assert.equal(span?.name, "process message");
  assert.deepEqual([span?.kind, span?.parentSpanId, span?.status, span?.links.length], [5, "", 0, 0]);
  const { [attributes.userHash]: hash, ...described } = span?.attributes ?? {};
  assert.match(String(hash), /^[0-9a-f]{16}$/);
  assert.deepEqual(described, {
    "messaging.system.name": "telegram",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.destination.name": "message",
    "messaging.message.id": String(lastId),
    "telegram.update.id": lastId,
    "telegram.correlation_id": span?.traceId,
    "telegram.chat.type": "private",
    "telegram.handler": "echo",
  });
  assert.equal(span?.spanId, span?.traceId.slice(16));

  assert.deepEqual(
    [log?.body, log?.eventName, log?.severityText],
    ["update handled", "telegram.update.handled", "INFO"],
  );
  assert.deepEqual([log?.traceId, log?.spanId], [span?.traceId, span?.spanId]);
  assert.deepEqual(
    [log?.attributes["telegram.handler"], log?.attributes["outcome"], typeof log?.attributes["duration_ms"]],
    ["echo", "ok", "number"],
  );
  const [duration] = metrics.get("messaging.process.duration")?.points ?? [];
  assert.deepEqual(duration?.attributes, {
    "messaging.system.name": "telegram",
    "messaging.operation.name": "process",
    "messaging.destination.name": "message",
    "telegram.handler": "echo",
  });
  assert.equal(metrics.get("telegram.bot.update.lag")?.points[0]?.count, 1);
  const all = [...lines, ...capture.raw.map(String)].join("");
  for (const secret of ["private text", "Secret Name", "secretname", "5551234567"])
    assert.ok(!all.includes(secret), secret);
});

test("what a handler throws is recorded once, at ERROR inside the span, and thrown on", async (t) => {
  const { bot, observed, handle } = await start(t);
  const caught: unknown[] = [];
  bot.catch((error) => void caught.push(error.error));
  const bug = new Error("a bug");
  bot.on("message", () => Promise.reject(bug));
  await assert.rejects(bot.handleUpdate(message()));
  const { span, log, spans } = await handle(message());
  assert.equal(spans.length, 2);
  assert.deepEqual([span?.status, span?.attributes["error.type"], span?.events.length], [2, "handler", 0]);
  assert.deepEqual(
    [log?.body, log?.severityText, log?.eventName],
    ["update failed", "ERROR", "telegram.update.failed"],
  );
  assert.deepEqual([log?.spanId, log?.attributes["exception.message"]], [span?.spanId, "a bug"]);
  assert.equal(observed.health.snapshot().errors.by_reason["handler"], 2);
});

test("a failure is named by what was thrown, and a caught one by who caught it", async (t) => {
  const table: [() => void, string, string | undefined][] = [
    [() => assert.fail("bug"), "handler", "handler"],
    [
      () => {
        throw new GrammyError("x", { ok: false, error_code: 403, description: "no" }, "sendMessage", {});
      },
      "reply",
      "reply",
    ],
    [
      () => {
        throw new HandlingError("dependency", "whisper is down");
      },
      "dependency",
      "dependency",
    ],
    [
      () => {
        throw Object.assign(new Error("x"), { code: "ERR_SQLITE_ERROR" });
      },
      "storage",
      "storage",
    ],
    [
      () => {
        throw new DOMException("late", "TimeoutError");
      },
      "timeout",
      "handler",
    ],
    [
      () => {
        throw new HandlingError("shutdown", "cut off");
      },
      "shutdown",
      undefined,
    ],
  ];
  const { bot, observed, capture } = await start(t);
  let run = (): void => {};
  bot.on("message", () => run());
  for (const [thrower] of table) {
    run = thrower;
    await bot.handleUpdate(message()).catch(() => {});
  }
  const { errors } = observed.health.snapshot();
  await observed.telemetry.shutdown(2000);
  assert.deepEqual(
    capture.spans.map(({ attributes: a }) => a["error.type"]),
    table.map(([, reason]) => reason),
  );
  for (const [reason, count] of Object.entries(errors.by_reason)) {
    assert.equal(count, table.filter(([, , counted]) => counted === reason).length, reason);
  }
  assert.equal(capture.logs.at(-1)?.severityText, "INFO", "a shutdown is no error");
});

test("an error boundary that replied says that the handling failed", async (t) => {
  const { bot, observed, handle } = await start(t);
  const bug = new Error("first");
  bot.use(async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      handlingFailed(ctx, "handler", error);
      handlingFailed(ctx, "reply", new Error("the reply failed as well"));
    }
  });
  bot.on("message", () => Promise.reject(bug));
  const { span, log } = await handle(message());
  assert.deepEqual([span?.attributes["error.type"], log?.attributes["exception.message"]], ["handler", "first"]);
  assert.equal(observed.health.snapshot().updates.failed, 1);
});

test("the correlation id drawn at the commit is the trace id; the user sees its first 8 digits", async (t) => {
  const { bot, handle } = await start(t);
  const id = "0af7651916cd43dd8448eb211c80319c";
  const seen: (string | undefined)[] = [];
  bot.on("message", (ctx) => void seen.push(correlationIdOf(ctx), referenceOf(ctx)));
  const update = message();
  aboutUpdate(update, { correlationId: id });
  const { span } = await handle(update);
  assert.deepEqual([span?.traceId, span?.spanId, seen], [id, "8448eb211c80319c", [id, "0af76519"]]);
  assert.equal(referenceOf({ update: {} }), "--------");
  handledBy({ update: {} }, "nobody");
});

test("a replay is a trace of its own with the same correlation id and a link to the first root", async (t) => {
  const { bot, handle } = await start(t);
  bot.on("message", () => {});
  const id = "0af7651916cd43dd8448eb211c80319c";
  const update = message();
  aboutUpdate(update, { correlationId: id, replayed: true });
  const { span, log } = await handle(update);
  assert.notEqual(span?.traceId, id);
  assert.deepEqual(
    span?.links.map(({ traceId, spanId }) => [traceId, spanId]),
    [[id, "8448eb211c80319c"]],
  );
  assert.equal(span?.attributes["telegram.correlation_id"], id);
  assert.equal(span?.attributes["telegram.update.replayed"], true);
  assert.equal(log?.attributes["telegram.correlation_id"], id);
});

test("the same user has the same hash under the same key and another under another", async (t) => {
  const hashes: unknown[] = [];
  for (const key of ["a", "a", "b"]) {
    const { bot, handle, observed } = await start(t, { observe: { userHashKey: Buffer.from(key) } });
    bot.on("message", () => {});
    hashes.push((await handle(message())).span?.attributes[attributes.userHash]);
    await observed.shutdown(100);
  }
  assert.equal(hashes[0], hashes[1]);
  assert.notEqual(hashes[0], hashes[2]);
});

test("text is recorded only where a developer asks for it", async (t) => {
  const { bot, handle } = await start(t, { observe: { recordText: true } });
  bot.on("message", () => {});
  assert.equal((await handle(message())).span?.attributes["telegram.message.text"], "a private text");
});

test("an end of a business connection is not as late as the connection is old", async (t) => {
  const { handle } = await start(t);
  const { metrics } = await handle({
    update_id: 1,
    business_connection: { id: "x", user: person, user_chat_id: person.id, date: 1_700_000_000, is_enabled: false },
  });
  assert.equal(metrics.get("telegram.bot.update.lag"), undefined);
});

test("an update of an unknown kind, without chat or user, is handled as well", async (t) => {
  const { handle } = await start(t);
  const { span } = await handle({ update_id: 1, hologram: {} } as never);
  assert.equal(span?.name, "process unknown");
  assert.equal(span?.attributes[attributes.chatType], undefined);
  assert.equal(updateTypeOf({ update_id: 1, callback_query: {} }), "callback_query");
});

test("telemetry that breaks does not break the bot", async (t) => {
  const { bot, observed } = await start(t);
  let handled = 0;
  bot.on("message", () => void handled++);
  observed.telemetry.tracer.startSpan = () => {
    throw new Error("no spans today");
  };
  await bot.handleUpdate(message());
  observed.health.update.started = () => {
    throw new Error("no health today");
  };
  await bot.handleUpdate(message());
  assert.equal(handled, 2);
});

test("with telemetry off a handler sees the same: reference, errors, health, log line", async (t) => {
  const { bot, observed, lines, capture } = await start(t, { env: { OTEL_SDK_DISABLED: "true" } });
  const seen: string[] = [];
  bot.on("message", (ctx) => {
    seen.push(referenceOf(ctx));
    observed.log.info("in the middle");
    if (ctx.message.text === "boom") throw new Error("a bug");
  });
  await bot.handleUpdate(message());
  await assert.rejects(bot.handleUpdate(message("boom")), /a bug/);
  const { updates, telemetry } = observed.health.snapshot();
  assert.deepEqual([updates.handled, updates.failed, telemetry.enabled], [1, 1, false]);
  const [middle, handled] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.match(seen[0] ?? "", /^[0-9a-f]{8}$/);
  assert.equal(String(middle?.["telegram.correlation_id"]).slice(0, 8), seen[0]);
  assert.equal(handled?.["msg"], "update handled");
  assert.equal(capture.requests(), 0);
});

test("the quick database calls of an update leave spans, in its trace, only if its handling fails", async (t) => {
  const { bot, capture, observed } = await start(t);
  bot.use((ctx) => {
    observeSql(
      observed.telemetry,
      { operation: "SELECT", table: "tasks" },
      () => 1,
      () => 0,
    );
    if (ctx.msg?.text === "fail") throw new Error("bug");
  });
  await bot.handleUpdate(message("work"));
  await assert.rejects(bot.handleUpdate(message("fail")));
  await observed.telemetry.shutdown(2000);
  const failed = capture.spans.find(({ name, status }) => name === "process message" && status === 2);
  assert.deepEqual(
    capture.spans.filter(({ name }) => name === "SELECT tasks").map((span) => [span.traceId, span.parentSpanId]),
    [[failed?.traceId, failed?.spanId]],
  );
});

test("no database call begins before the update that it is part of", async (t) => {
  const { bot, capture, observed } = await start(t);
  bot.use(() => {
    const times = [0, 0.4];
    observeSql(
      observed.telemetry,
      { operation: "SELECT", table: "tasks" },
      () => 1,
      () => times.shift() ?? 0.4,
    );
    throw new Error("bug");
  });
  for (let n = 0; n < 50; n++) await assert.rejects(bot.handleUpdate(message()));
  await observed.telemetry.shutdown(2000);
  const calls = capture.spans.filter(({ name }) => name === "SELECT tasks");
  assert.equal(calls.length, 50);
  const parents = new Map(capture.spans.map((span) => [span.spanId, span]));
  assert.deepEqual(
    calls.filter(({ parentSpanId, startMs }) => startMs < (parents.get(parentSpanId)?.startMs ?? Infinity)),
    [],
  );
});
