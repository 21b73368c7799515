import assert from "node:assert/strict";
import { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { Bot, HttpError, InputFile } from "grammy";
import type { Fault } from "../fake-telegram/mod.ts";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { reasonOf } from "./reason.ts";
import type { TransportOptions } from "./transport.ts";
import { createTransport } from "./transport.ts";

async function start(t: TestContext, options: Partial<TransportOptions> = {}) {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  const { token } = telegram.bot();
  const transport = createTransport({ token, apiRoot: telegram.url, ...options });
  t.after(() => Promise.all([transport.close(), telegram.close()]));
  const bot = new Bot(transport.token, { client: { apiRoot: transport.apiRoot, fetch: transport.fetch } });
  telegram.say("hello");
  return { telegram, token, transport, bot };
}

const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => assert.fail("succeeded"),
    (error) => error,
  );

test("calls reach Telegram with the token, and no grammY object holds it", async (t) => {
  const { telegram, token, transport, bot } = await start(t);
  assert.equal((await bot.api.getMe()).username, "shop_bot");
  assert.equal((await bot.api.sendMessage(4242, "hi")).text, "hi");
  await bot.api.sendDocument(4242, new InputFile(Buffer.from("file"), "a.txt"));
  assert.match(transport.token, /^\d+:REDACTED$/);
  telegram.faults.add({ fault: { kind: "reset" } });
  const error = await errorOf(bot.api.getMe());
  for (const held of [bot, bot.api, error]) assert.ok(!inspect(held, { depth: 9, showHidden: true }).includes(token));
});

test("every way to break a call has its reason, and the error holds no token", async (t) => {
  const { telegram, token, bot } = await start(t, { deadlinesMs: { default: 400 } });
  const table: [Fault, string][] = [
    [{ kind: "error", code: 400, description: "Bad Request: chat not found" }, "bad_request"],
    [{ kind: "error", code: 403, description: "Forbidden: bot was blocked by the user" }, "forbidden"],
    [{ kind: "flood", retryAfterSeconds: 3 }, "flood"],
    [{ kind: "html" }, "server"],
    [{ kind: "hang" }, "timeout"],
    [{ kind: "hang", headers: true }, "timeout"],
    [{ kind: "drip", pauseMs: 5 }, "timeout"],
    [{ kind: "reset" }, "reset"],
    [{ kind: "reset", by: "fin" }, "reset"],
    [{ kind: "truncate" }, "reset"],
    [{ kind: "truncate", by: "rst" }, "reset"],
    [{ kind: "refuse" }, "connect"],
  ];
  for (const [fault, reason] of table) {
    telegram.faults.add({ fault });
    const error = await errorOf(bot.api.sendMessage(4242, "hi"));
    assert.equal(reasonOf(error), reason, JSON.stringify(fault));
    assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(token), JSON.stringify(fault));
    await telegram.faults.clear();
  }
  assert.equal((await bot.api.sendMessage(4242, "hi")).text, "hi");
});

test("a front end's error page keeps its status and loses its text", async (t) => {
  const { telegram, bot } = await start(t);
  telegram.faults.add({ fault: { kind: "html", status: 503 } });
  const error = await errorOf(bot.api.getMe());
  assert.ok(error instanceof HttpError);
  assert.equal((error.error as { status?: number }).status, 503);
  assert.ok(!inspect(error, { depth: 9 }).includes("<html"));
});

test("b15: the caller's signal, which grammY polyfills, ends a call", async (t) => {
  const { telegram, bot } = await start(t);
  telegram.faults.add({ method: "getUpdates", fault: { kind: "hang" } });
  const controller = new AbortController();
  const poll = errorOf(bot.api.getUpdates({ timeout: 30 }, controller.signal as never));
  await telegram.called("getUpdates").catch(() => {});
  controller.abort();
  assert.equal(reasonOf(await poll), "aborted");
  assert.equal(reasonOf(await errorOf(bot.api.getUpdates({}, AbortSignal.abort() as never))), "aborted");
});

test("a call whose signal has already ended never reaches Telegram", async (t) => {
  const { telegram, transport } = await start(t);
  const url = `${transport.apiRoot}/bot${transport.token}/sendMessage`;
  const error = await errorOf(transport.fetch(url, { method: "POST", signal: AbortSignal.abort() }));
  assert.equal(reasonOf(error), "aborted");
  await assert.rejects(transport.download("a", { maxBytes: 1, signal: AbortSignal.abort() }), { name: "AbortError" });
  assert.deepEqual(telegram.calls(), []);
});

test("an upload that is given up lets go of its source", async (t) => {
  const { telegram, transport } = await start(t, { deadlinesMs: { default: 60 } });
  const source = new Readable({ read: () => {} });
  source.push(Buffer.alloc(100_000));
  telegram.faults.add({ fault: { kind: "hang" } });
  const url = `${transport.apiRoot}/bot${transport.token}/sendDocument`;
  const error = await errorOf(transport.fetch(url, { method: "POST", body: source as never }));
  assert.equal(reasonOf(error), "timeout");
  assert.ok(source.destroyed);
});

test("an API root that is written in an unusual way is asked where it is", async (t) => {
  const { telegram, token } = await start(t);
  for (const apiRoot of [telegram.url.toUpperCase().replace("HTTP", "http"), `${telegram.url}/`]) {
    const transport = createTransport({ token, apiRoot });
    const bot = new Bot(transport.token, { client: { apiRoot: transport.apiRoot, fetch: transport.fetch } });
    assert.equal((await bot.api.getMe()).username, "shop_bot", apiRoot);
    await transport.close();
  }
});

test("a file comes over the same transport, within its limit", async (t) => {
  const { telegram, transport, bot } = await start(t);
  const { voice } = telegram.voice(Buffer.from("0123456789")) as { voice?: { file_id: string } };
  const file = await bot.api.getFile(voice?.file_id ?? "");
  const path = file.file_path ?? "";
  assert.equal(Buffer.from(await transport.download(path, { maxBytes: 10 })).toString(), "0123456789");
  const tooBig = await errorOf(transport.download(path, { maxBytes: 9 }));
  assert.equal((tooBig as { code?: string }).code, "FILE_TOO_BIG");
  const refused = await errorOf(transport.download("nothing/here", { maxBytes: 9 }));
  assert.equal((refused as { status?: number }).status, 404);
});

test("without an API root it is Telegram's", async () => {
  const transport = createTransport({ token: "1:x" });
  assert.equal(transport.apiRoot, "https://api.telegram.org");
  await transport.close();
});

test("a poll that asks for a longer wait than ours gets it, and the same patience on top", async (t) => {
  const { telegram, bot } = await start(t);
  telegram.faults.add({ method: "getUpdates", fault: { kind: "hang" } });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let ended = false;
  const poll = bot.api.getUpdates({ timeout: 50 }).finally(() => (ended = true));
  poll.catch(() => {});
  await telegram.called("getUpdates");
  t.mock.timers.tick(64_999);
  await setImmediate();
  assert.equal(ended, false);
  t.mock.timers.tick(1);
  await assert.rejects(poll);
});
