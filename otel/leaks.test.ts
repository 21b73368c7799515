import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { inspect } from "node:util";
import type { Fault } from "../fake-telegram/mod.ts";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { addSecret } from "./redact.ts";
import { startRig } from "./testing/rig.ts";
import { assertNoSecret, startOtlpCapture } from "./testing.ts";

const FAULTS: Fault[] = [
  { kind: "error", code: 400, description: "Bad Request: chat not found" },
  { kind: "error", code: 401, description: "Unauthorized" },
  { kind: "flood", retryAfterSeconds: 1 },
  { kind: "html" },
  { kind: "hang" },
  { kind: "hang", headers: true },
  { kind: "reset" },
  { kind: "reset", by: "fin" },
  { kind: "truncate" },
  { kind: "truncate", by: "rst" },
  { kind: "drip", pauseMs: 5 },
  { kind: "refuse" },
];
const PERSON = {
  id: 5_551_234_567,
  first_name: "Private-Name",
  last_name: "Private-Surname",
  username: "private_user",
};
const PRIVATE = [
  "Private-Name",
  "Private-Surname",
  "private_user",
  "5551234567",
  "a private sentence",
  "+49 170 1234567",
];

test("the leak assertion finds what it looks for, plain, encoded and in base64", () => {
  for (const text of ["x hunter2:a y", "x hunter2%3Aa y", Buffer.from("hunter2:a").toString("base64")]) {
    assert.throws(() => assertNoSecret({ log: text }, ["other", "hunter2:a"]), /secret 1 is in log/);
  }
  assertNoSecret({ log: "hunter", bytes: Buffer.from([1, 2]) }, ["hunter2:a"]);
});

for (const plainClient of [false, true]) {
  const client = plainClient ? "grammY's own client, which holds the token" : "our transport";
  test(`b21, b22: on ${client}, no fault of Telegram lets a secret out`, async (t) => {
    const rig = await startRig(t, {
      plainClient,
      transport: { deadlinesMs: { default: 60, getUpdates: 60, getMe: 60 } },
    });
    const { telegram, bot, observed, token, lines, capture } = rig;
    const sidecarToken = "sidecar-api-token-canary";
    addSecret(sidecarToken);
    const thrown: unknown[] = [];
    bot.catch(({ error, ctx }) => {
      thrown.push(error);
      observed.log.error({ err: error, ctx: inspect(ctx, { depth: 6 }) }, "caught");
      observed.log.warn({ reason: `asked with Bearer ${sidecarToken}`, cause: "call +49 170 1234567" }, "admin");
    });
    bot.on("message", async (ctx) => {
      if (ctx.message.text === "throw") throw new Error(`GET ${telegram.url}/bot${token}/getMe failed`);
      await ctx.reply("a private sentence");
    });
    await bot.init();

    for (const fault of FAULTS) {
      telegram.say("a private sentence", { user: PERSON });
      const [update] = await bot.api.getUpdates({ offset: -1 });
      telegram.faults.add({ fault });
      // Without a signal grammY's own client would wait for a hanging answer for 500 s.
      const signal = AbortSignal.timeout(150) as never;
      await bot.api.getUpdates({ timeout: 0 }, signal).catch((error: unknown) => thrown.push(error));
      await bot.api.getMe(signal).catch((error: unknown) => thrown.push(error));
      if (update && !plainClient) await bot.handleUpdate(update).catch(() => {});
      await bot.api
        .sendMessage(PERSON.id, "a private sentence", {}, signal)
        .catch((error: unknown) => thrown.push(error));
      await telegram.faults.clear();
    }
    telegram.say("throw", { user: PERSON });
    const [update] = await bot.api.getUpdates({ offset: -1 });
    if (update) await bot.handleUpdate(update).catch(() => {});

    const page = await observed.telemetry.metricsPage();
    const health = JSON.stringify(observed.health.snapshot());
    await observed.telemetry.shutdown(3000);
    assert.ok(capture.spans.length > FAULTS.length && capture.logs.length > 0);
    const secrets = [token, token.slice(token.indexOf(":") + 1), sidecarToken];
    const exported = Object.fromEntries(capture.raw.map((body, index) => [`export ${index}`, body]));
    assertNoSecret({ ...exported, page, health, stdout: lines.join("") }, secrets);
    // A context that somebody chose to print stays on stdout: what people wrote is never exported.
    assertNoSecret({ ...exported, page, health }, PRIVATE);
    if (!plainClient)
      assertNoSecret({ errors: inspect(thrown, { depth: 9, showHidden: true }), bot: inspect(bot) }, secrets);
  });
}

/** A bot in a process of its own with more instrumentations than ours; ends with an uncaught error. */
const program = (plainClient: boolean): string => `
  const otel = await import(${JSON.stringify(new URL("mod.ts", import.meta.url).href)});
  const { env } = process;
  const telemetry = otel.startTelemetry({ serviceName: "bot", serviceVersion: "1", env, telegramApiRoot: env.API_ROOT });
  const log = otel.createLog({ telemetry });
  otel.handleExits({ telemetry, log, drain: async () => {} });
  const { Bot } = await import("grammy");
  const transport = otel.createTransport({ token: env.BOT_TOKEN, apiRoot: env.API_ROOT, deadlinesMs: { default: 60 } });
  const client = ${plainClient} ? { apiRoot: env.API_ROOT, timeoutSeconds: 0.15 } : { apiRoot: env.API_ROOT, fetch: transport.fetch };
  const bot = new Bot(${plainClient} ? env.BOT_TOKEN : transport.token, { client });
  const health = otel.createBotHealth({ telemetry });
  bot.api.config.use(otel.observeApi({ telemetry, health, apiRoot: env.API_ROOT }));
  const span = telemetry.tracer.startSpan("outer");
  const { context, trace } = await import("@opentelemetry/api");
  await context.with(trace.setSpan(context.active(), span), async () => {
    for (let n = 0; n < ${FAULTS.length}; n++) {
      await bot.api.sendMessage(4242, "a private sentence").catch((err) => log.error({ err }, "failed"));
    }
  });
  span.end();
  await bot.api.sendMessage(4242, "the last one fails");
`;

async function runProgram(t: TestContext, plainClient: boolean) {
  const token = `7000002:${"S3cret-canary_token".padEnd(35, "y")}`;
  const telegram = await startFakeTelegram({ bots: [{ name: "canary", token }] });
  const capture = await startOtlpCapture();
  t.after(() => Promise.all([telegram.close(), capture.close()]));
  telegram.say("hello");
  // Refused connections cannot be one fault among others here: the child does not wait for the listener.
  for (const fault of FAULTS.filter(({ kind }) => kind !== "refuse")) telegram.faults.add({ fault, times: 1 });
  telegram.faults.add({ fault: { kind: "reset" } });
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(plainClient)], {
    cwd: new URL(".", import.meta.url),
    env: {
      PATH: process.env["PATH"],
      BOT_TOKEN: token,
      API_ROOT: telegram.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_NODE_ENABLED_INSTRUMENTATIONS: "undici,http,net,dns,runtime-node",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => void (output.stdout += String(data)));
  child.stderr.on("data", (data: Buffer) => void (output.stderr += String(data)));
  const [code] = (await once(child, "close")) as [number];
  return { code, output, capture, telegram, token };
}

for (const plainClient of [false, true]) {
  const client = plainClient ? "grammY's own client" : "our transport";
  test(`on ${client}, with HTTP and network instrumentation opted in, a crash shows no token`, async (t) => {
    const { code, output, capture, telegram, token } = await runProgram(t, plainClient);
    assert.equal(code, 1, output.stderr);
    assert.match(output.stdout, /"msg":"crashed"/);
    const exported = Object.fromEntries(capture.raw.map((body, index) => [`export ${index}`, body]));
    assertNoSecret({ ...exported, ...output }, [token, token.slice(token.indexOf(":") + 1), "a private sentence"]);
    assert.ok(telegram.calls().length > 0);
    assert.ok(telegram.calls().every(({ headers }) => !("traceparent" in headers) && !("baggage" in headers)));
    const names = new Set(capture.spans.map(({ name }) => name));
    assert.ok(names.has("sendMessage") && !names.has("POST") && !names.has("HTTP POST"), [...names].join());
  });
}
