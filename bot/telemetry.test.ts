import assert from "node:assert/strict";
import { once } from "node:events";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { assertNoSecret, startOtlpCapture } from "../otel/testing.ts";
import { temporaryDir, until } from "./testing.ts";

const timeoutMs = 60_000;
const TEXT = "quite-private-words";
const SECRET = "sidecar-secret-4711";

async function setUp(t: TestContext, over: Record<string, string> = {}) {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  const otlp = await startOtlpCapture();
  t.after(() => Promise.all([telegram.close(), otlp.close()]));
  const env = {
    PATH: process.env["PATH"],
    BOT_TOKEN: telegram.bot().token,
    TELEGRAM_API_ROOT: telegram.url,
    DATA_DIR: temporaryDir(t),
    BOT_HTTP_PORT: "0",
    BOT_ADMINS: "4242",
    SIDECAR_API_TOKEN: SECRET,
    SIDECAR_URL: "http://127.0.0.1:1",
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_BSP_SCHEDULE_DELAY: "50",
    OTEL_BLRP_SCHEDULE_DELAY: "50",
    ...over,
  };
  let output = "";
  const start = () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], { env });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => (output += part.toString()));
    t.after(() => child.kill("SIGKILL"));
    return { child, exit: once(child, "close").then(([code, signal]) => (code ?? signal) as number | string) };
  };
  return { telegram, otlp, start, output: () => output };
}

test("from the user's reference one gets to the trace, its calls and its error; nothing private leaves the bot", async (t) => {
  const { telegram, otlp, start, output } = await setUp(t);
  const bot = start();
  await telegram.called("getUpdates", { timeoutMs });
  for (const says of [`/add ${TEXT}`, "/boom", "/alerts", `/remind 1s ${TEXT}`]) telegram.say(says);
  await telegram.called("sendMessage", { timeoutMs, skip: 4 });
  await until(() => otlp.spans.some((span) => span.name === "job reminder"));
  bot.child.kill("SIGTERM");
  assert.equal(await bot.exit, 0);

  const roots = otlp.spans.filter((span) => span.name === "process message");
  assert.deepEqual(
    roots.map((span) => [span.attributes["telegram.handler"], span.attributes["error.type"], span.status]),
    [
      ["add", undefined, 0],
      ["boom", "handler", 2],
      ["alerts", "dependency", 2],
      ["remind", undefined, 0],
    ],
  );
  for (const root of roots) {
    assert.equal(root.parentSpanId, "");
    assert.equal(root.traceId, root.attributes["telegram.correlation_id"]);
    const poll = otlp.spans.find((span) => span.spanId === root.links[0]?.spanId);
    assert.equal(poll?.name, "getUpdates");
    const sent = otlp.spans.find((span) => span.name === "sendMessage" && span.traceId === root.traceId);
    assert.equal(sent?.parentSpanId, root.spanId);
  }
  const [, boom, , remind] = roots;
  const apology = telegram.messages(4242).find((message) => "text" in message && message.text.includes("went wrong"));
  assert.ok(apology && "text" in apology && apology.text.includes(String(boom?.traceId.slice(0, 8))));
  const failure = otlp.logs.find((log) => log.traceId === boom?.traceId && log.severityText === "ERROR");
  assert.match(String(failure?.attributes["exception.message"]), /^boom: failed on purpose/);
  const job = otlp.spans.find((span) => span.name === "job reminder");
  assert.equal(job?.links[0]?.traceId, remind?.traceId);
  assert.equal(job?.attributes["telegram.correlation_id"], remind?.traceId);

  const errors = otlp.metrics.get("telegram.bot.errors")?.points ?? [];
  assert.deepEqual(Object.fromEntries(errors.map(({ attributes, value }) => [attributes["reason"], value])), {
    handler: 1,
    reply: 0,
    dependency: 1,
    storage: 0,
    poll: 0,
    crash: 0,
    lost: 0,
  });
  assertNoSecret({ otlp: Buffer.concat(otlp.raw), output: output() }, [telegram.bot().token, TEXT, SECRET]);
});

test("what was in work at a kill is a new trace, marked as replayed and linked to the first under the same correlation id", async (t) => {
  const { telegram, otlp, start } = await setUp(t);
  const hang = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
  const first = start();
  telegram.say("/ping");
  await telegram.called("sendMessage", { timeoutMs });
  first.child.kill("SIGKILL");
  await first.exit;
  await hang.remove();
  const second = start();
  await telegram.called("sendMessage", { timeoutMs, skip: 1 });
  await until(() => otlp.spans.some((span) => span.name === "process message"));
  second.child.kill("SIGTERM");
  assert.equal(await second.exit, 0);
  const replay = otlp.spans.find((span) => span.name === "process message");
  const correlationId = String(replay?.attributes["telegram.correlation_id"]);
  assert.equal(replay?.attributes["telegram.update.replayed"], true);
  assert.notEqual(replay?.traceId, correlationId);
  assert.deepEqual(replay?.links, [{ traceId: correlationId, spanId: correlationId.slice(16) }]);
  assert.equal(otlp.metrics.get("telegram.bot.updates.replayed")?.points[0]?.value, 1);
  const errors = otlp.metrics.get("telegram.bot.errors")?.points ?? [];
  assert.equal(errors.find(({ attributes }) => attributes["reason"] === "crash")?.value, 1);
});

test("the crash of the last process is seen to be counted: the counter is there with its zero before", async (t) => {
  const { telegram, otlp, start } = await setUp(t);
  const first = start();
  await telegram.called("getUpdates", { timeoutMs });
  first.child.kill("SIGKILL");
  await first.exit;

  const crashes = () =>
    otlp.metrics.get("telegram.bot.errors")?.points.find(({ attributes }) => attributes["reason"] === "crash")?.value;
  otlp.metrics.clear();
  const second = start();
  await until(() => crashes() !== undefined);
  assert.equal(crashes(), 0);
  second.child.kill("SIGTERM");
  assert.equal(await second.exit, 0);
  assert.equal(crashes(), 1);
});

test("SIGTERM with work in flight: the work is done, and none of its spans and lines is lost", async (t) => {
  // Nothing is exported by time: what arrives came with the last flush.
  const never = { OTEL_BSP_SCHEDULE_DELAY: "600000", OTEL_BLRP_SCHEDULE_DELAY: "600000" };
  const { telegram, otlp, start } = await setUp(t, never);
  telegram.faults.add({ method: "sendMessage", fault: { kind: "slow", delayMs: 300 } });
  const bot = start();
  await telegram.called("getUpdates", { timeoutMs });
  for (const user of [1, 2, 3]) telegram.say("/ping", { user: { id: user, first_name: "A" } });
  await until(() => telegram.calls().filter(({ method }) => method === "sendMessage").length === 3);
  assert.equal(otlp.spans.length, 0);
  bot.child.kill("SIGTERM");
  assert.equal(await bot.exit, 0);

  const named = (name: string) => otlp.spans.filter((span) => span.name === name);
  assert.deepEqual([named("process message").length, named("sendMessage").length], [3, 3]);
  const roots = new Set(named("process message").map(({ spanId }) => spanId));
  for (const { parentSpanId } of named("sendMessage")) assert.ok(roots.has(parentSpanId));
  assert.equal(otlp.logs.filter(({ body }) => body === "update handled").length, 3);
});
