import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { context, diag, trace } from "@opentelemetry/api";
import { GrammyError, HttpError } from "grammy";
import { describeError } from "./describe-error.ts";
import { createLog } from "./log.ts";
import { addSecret } from "./redact.ts";
import { scopes } from "./scope.ts";
import { startTelemetry } from "./start.ts";
import { QUIET } from "./testing/rig.ts";
import { startOtlpCapture } from "./testing.ts";

const token = `123456789:${"a".repeat(35)}`;

async function start(t: TestContext, env: Record<string, string> = {}) {
  const capture = await startOtlpCapture();
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: "1",
    env: { ...QUIET, OTEL_EXPORTER_OTLP_ENDPOINT: capture.url, ...env },
  });
  const lines: string[] = [];
  const log = createLog({ telemetry, name: "bot", level: "trace", destination: { write: (l) => void lines.push(l) } });
  t.after(async () => {
    await telemetry.shutdown(2000);
    await capture.close();
  });
  const parsed = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { capture, telemetry, log, lines, parsed };
}

test("a line inside a span carries its ids on stdout and in OTLP", async (t) => {
  const { capture, telemetry, log, parsed } = await start(t);
  const span = telemetry.tracer.startSpan("work");
  const { traceId, spanId } = span.spanContext();
  context.with(trace.setSpan(context.active(), span), () =>
    scopes.run({ correlationId: "c".repeat(32) }, () => log.info({ outcome: "ok" }, "inside")),
  );
  log.info("outside");
  await telemetry.shutdown(2000);
  const [inside, outside] = parsed();
  assert.deepEqual(
    [inside?.["trace_id"], inside?.["span_id"], inside?.["trace_flags"], inside?.["telegram.correlation_id"]],
    [traceId, spanId, "01", "c".repeat(32)],
  );
  assert.equal(outside?.["trace_id"], undefined);
  assert.deepEqual([capture.logs[0]?.traceId, capture.logs[0]?.spanId], [traceId, spanId]);
  assert.equal(capture.logs[0]?.attributes["telegram.correlation_id"], "c".repeat(32));
  assert.deepEqual([capture.logs[1]?.traceId, capture.logs[1]?.spanId], ["", ""]);
});

test("levels, time, body and event name arrive as OTLP has them", async (t) => {
  const { capture, telemetry, log, parsed } = await start(t);
  for (const level of ["trace", "debug", "info", "warn", "error", "fatal"] as const) log[level]({ event: "e" }, "text");
  await telemetry.shutdown(2000);
  assert.deepEqual(
    capture.logs.map(({ severityNumber, severityText }) => [severityNumber, severityText]),
    [
      [1, "TRACE"],
      [5, "DEBUG"],
      [9, "INFO"],
      [13, "WARN"],
      [17, "ERROR"],
      [21, "FATAL"],
    ],
  );
  const [first] = capture.logs;
  const ms = Number((first?.timeNs ?? 0n) / 1_000_000n);
  assert.deepEqual([first?.body, first?.eventName, ms], ["text", "e", parsed()[0]?.["time"]]);
});

test("lines of one millisecond have different times: Loki keeps one of those that agree in time and text", async (t) => {
  const { capture, telemetry, log } = await start(t);
  for (let id = 0; id < 1000; id++) log.info({ "telegram.update_id": id }, "update handled");
  await telemetry.shutdown(2000);
  const times = capture.logs.map(({ timeNs }) => timeNs);
  assert.equal(new Set(times).size, 1000);
  const inOrder = times.toSorted((a, b) => Number(a - b));
  assert.deepEqual(times, inOrder, "in the order of the calls");
});

test("only fields with a name leave the process; the rest stays on stdout", async (t) => {
  const { capture, telemetry, log, parsed } = await start(t);
  log.info({ reason: "poll", duration_ms: 1.5, "telegram.update.replayed": true, anything: "private", rule: {} }, "x");
  await telemetry.shutdown(2000);
  assert.deepEqual(capture.logs[0]?.attributes, { reason: "poll", duration_ms: 1.5, "telegram.update.replayed": true });
  assert.equal(parsed()[0]?.["anything"], "private");
});

test("a child's own fields go out with each of its lines", async (t) => {
  const { capture, telemetry, log } = await start(t);
  const child = log.child({ component: "outbox", anything: "private" });
  child.info({ reason: "poll" }, "x");
  child.info({ component: "mine" }, "y");
  child.info("%s of %d", "one", 2);
  await telemetry.shutdown(2000);
  assert.deepEqual(
    capture.logs.map(({ body, attributes }) => [body, attributes]),
    [
      ["x", { component: "outbox", reason: "poll" }],
      ["y", { component: "mine" }],
      ["one of 2", { component: "outbox" }],
    ],
  );
});

test("an error is an exception with type, message and stack, and brings nothing along", async (t) => {
  const { capture, telemetry, log, lines, parsed } = await start(t);
  const payload = { chat_id: 1, text: "a private message" };
  const error = new GrammyError(
    "Call to 'sendMessage' failed!",
    { ok: false, error_code: 400, description: "Bad Request: chat not found" },
    "sendMessage",
    payload,
  );
  log.error({ err: error }, "update failed");
  log.error(
    new HttpError("Network request failed!", Object.assign(new Error(`GET /bot${token}/x`), { code: "ECONNRESET" })),
  );
  await telemetry.shutdown(2000);
  const [first, second] = capture.logs;
  assert.equal(first?.attributes["exception.type"], "GrammyError");
  assert.match(String(first?.attributes["exception.message"]), /^Call to 'sendMessage' failed! \(400: Bad Request/);
  assert.match(String(first?.attributes["exception.stacktrace"]), /log\.test\.ts/);
  assert.equal(second?.attributes["exception.type"], "HttpError");
  assert.match(String(second?.attributes["exception.stacktrace"]), /\nCaused by: Error: GET \/bot\[token\]\/x\n/);
  const [line, nested] = parsed() as { err: Record<string, unknown> }[];
  assert.deepEqual(
    [line?.err["error_code"], line?.err["method"], line?.err["payload"]],
    [400, "sendMessage", undefined],
  );
  assert.equal((nested?.err["cause"] as { code: string } | undefined)?.code, "ECONNRESET");
  const all = [...lines, ...capture.raw.map(String)].join("");
  assert.ok(!all.includes("private message") && !all.includes(token));
});

test("causes are followed four deep and a stack has at most 20 frames", () => {
  let error = new Error("0");
  for (let depth = 1; depth < 9; depth++) error = new Error(String(depth), { cause: error });
  const messages: string[] = [];
  for (let seen: ReturnType<typeof describeError> | undefined = describeError(error); seen; seen = seen.cause) {
    messages.push(seen.message);
  }
  assert.deepEqual(messages, ["8", "7", "6", "5"]);
  const deep = Object.assign(new Error("x"), { stack: `Error: x\n${"    at f (x.js:1:1)\n".repeat(99)}` });
  assert.equal(describeError(deep).stack?.split("\n").length, 21);
  assert.deepEqual(describeError("text"), { type: "string", message: "text" });
  assert.deepEqual(describeError(null), { type: "object", message: "null" });
  const refused = Object.assign(new AggregateError([new Error("x")]), { code: "ECONNREFUSED" });
  assert.equal(describeError(refused).message, "ECONNREFUSED");
  assert.deepEqual(describeError({ odd: true }), { type: "Object", message: "" });
});

test("secrets and phone numbers are in no line", async (t) => {
  const { capture, telemetry, log, lines } = await start(t);
  log.info({ reason: `call +49 170 1234567 with ${token}` }, `https://x/bot${token}/getMe`);
  await telemetry.shutdown(2000);
  const all = [...lines, ...capture.raw.map(String)].join("");
  assert.ok(!all.includes(token) && !all.includes("1234567 "));
  assert.equal(capture.logs[0]?.attributes["reason"], "call [phone] with [token]");
});

test("what OpenTelemetry says goes to stdout only, of equal sentences the 1st, 2nd, 4th", async (t) => {
  const { capture, telemetry, parsed } = await start(t);
  for (let n = 0; n < 7; n++) diag.warn("Dropped spans");
  diag.error("failed", new Error(`POST /bot${token}`), { batch: 1 });
  diag.info("chatter");
  await telemetry.shutdown(2000);
  assert.deepEqual(
    parsed().map(({ level, msg, count, component }) => [level, msg, count, component]),
    [
      [40, "Dropped spans", undefined, "opentelemetry"],
      [40, "Dropped spans", 2, "opentelemetry"],
      [40, "Dropped spans", 4, "opentelemetry"],
      [50, "failed POST /bot[token] object", undefined, "opentelemetry"],
    ],
  );
  assert.equal(capture.logs.length, 0);
});

test("OTEL_LOG_LEVEL sets how much it says", async (t) => {
  const { telemetry, lines } = await start(t, { OTEL_LOG_LEVEL: "error" });
  diag.warn("quiet");
  diag.error("loud");
  await telemetry.shutdown(2000);
  assert.match(lines.join(""), /^[^\n]*loud[^\n]*\n$/);
});

test("a line that cannot be exported is lost alone", async (t) => {
  const { telemetry, log, lines } = await start(t);
  telemetry.logger.emit = () => {
    throw new Error("bug");
  };
  log.info("first");
  log.info("second");
  assert.equal(lines.filter((line) => line.includes("exporting a log line failed")).length, 1);
  assert.equal(lines.filter((line) => /first|second/.test(line)).length, 2);
});

test("the pretty form is for people", () => {
  const lines: string[] = [];
  const log = createLog({ name: "bot", format: "pretty", destination: { write: (line) => void lines.push(line) } });
  log.warn({ reason: "poll", n: { a: 1 } }, "no answer");
  log.error({ err: new Error("broken") }, "failed");
  log.info({});
  // oxlint-disable-next-line no-control-regex
  const [first, second] = lines
    .join("")
    .replaceAll(/\u001B\[\d+m/g, "")
    .split("\n");
  assert.match(first ?? "", /^\d\d:\d\d:\d\d\.\d{3} WARN  bot: no answer reason=poll n=\{"a":1\}$/);
  assert.match(second ?? "", /ERROR bot: failed$/);
  assert.match(lines.join(""), /Error: broken\n\s+at /);
});

test("a secret of digits within a number costs no line for people", () => {
  addSecret("424242");
  const lines: string[] = [];
  const log = createLog({ format: "pretty", destination: { write: (line) => void lines.push(line) } });
  log.info({ update: 4_242_429 }, "hello");
  assert.match(lines.join(""), /hello .*update=\[secret\]9/);
});

test("on its own stdout, lines come out at the flush, and a pipe that is not read drops and counts", () => {
  const program = `
    import { createLog } from ${JSON.stringify(new URL("log.ts", import.meta.url).href)};
    const log = createLog({ name: "bot" });
    const line = "x".repeat(60000);
    for (let n = 0; n < 40; n++) log.info(line);
    process.stderr.write(String(log.dropped()));
    log.flush(() => process.exit(0));
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  const dropped = Number(stderr);
  assert.ok(dropped > 0);
  assert.equal(stdout.trim().split("\n").length + dropped, 40);
});
