import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { Agent, request } from "undici";
import { hasOpenssl, manualClock, type FakeTelegram, type Fault, type TlsKind } from "./mod.ts";
import { post, startWithClient as start, until } from "./testing.ts";

/** The code that a client would classify. */
async function failure(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    (value) => assert.fail(`answered: ${JSON.stringify(value)}`),
    (error: unknown) => error as Error & { code?: string | number },
  );
  return typeof error.code === "string" ? error.code : error.name;
}

const hello = { chat_id: 4242, text: "hello" };

function sentTexts(telegram: FakeTelegram): unknown[] {
  return telegram
    .messages(4242)
    .flatMap((message) => ("text" in message && message.from?.is_bot ? [message.text] : []));
}

test("error answers with any code, words and parameters", async (t) => {
  const { telegram, call } = await start(t);
  const parameters = { migrate_to_chat_id: -100 };
  telegram.faults.add({ fault: { kind: "error", code: 400, description: "Bad Request: no", parameters } });
  const answer = await call("getMe");
  assert.equal(answer.status, 400);
  assert.deepEqual(JSON.parse(answer.text), { ok: false, error_code: 400, description: "Bad Request: no", parameters });
});

test("flood says how long to wait in the body and in the header", async (t) => {
  const { telegram, call } = await start(t);
  telegram.faults.add({ fault: { kind: "flood", retryAfterSeconds: 7 } });
  const { status, headers, text } = await call("getMe");
  assert.equal(status, 429);
  assert.equal(headers["retry-after"], "7");
  assert.deepEqual(JSON.parse(text), {
    ok: false,
    error_code: 429,
    description: "Too Many Requests: retry after 7",
    parameters: { retry_after: 7 },
  });
});

test("html is the front end's page, not JSON", async (t) => {
  const { telegram, call } = await start(t);
  telegram.faults.add({ fault: { kind: "html" } });
  const { status, headers, text } = await call("getMe");
  assert.equal(status, 502);
  assert.equal(headers["content-type"], "text/html");
  assert.match(text, /<h1>502 Bad Gateway<\/h1>/);
  assert.throws(() => JSON.parse(text), SyntaxError);
});

const broken: { title: string; fault: Fault; code: string | RegExp; timeoutMs?: number }[] = [
  { title: "hang ends only by the own deadline", fault: { kind: "hang" }, code: "TimeoutError", timeoutMs: 100 },
  {
    title: "hang may send the headers first",
    fault: { kind: "hang", headers: true },
    code: "TimeoutError",
    timeoutMs: 100,
  },
  { title: "reset is RST before any answer", fault: { kind: "reset" }, code: "ECONNRESET" },
  { title: "reset may be FIN", fault: { kind: "reset", by: "fin" }, code: "UND_ERR_SOCKET" },
  {
    title: "drip outlasts every idle timer",
    fault: { kind: "drip", pauseMs: 10 },
    code: "TimeoutError",
    timeoutMs: 150,
  },
];
for (const { title, fault, code, timeoutMs } of broken) {
  test(title, async (t) => {
    const { telegram, call } = await start(t);
    telegram.say("/start");
    telegram.faults.add({ fault });
    assert.equal(await failure(call("sendMessage", hello, timeoutMs === undefined ? {} : { timeoutMs })), code);
    assert.deepEqual(sentTexts(telegram), [], "before: the work is not done");
    const [seen] = telegram.calls();
    assert.equal(seen?.fault, fault.kind);
    assert.equal(seen?.state, fault.kind === "hang" ? "hung" : "broken");
  });
}

for (const [by, code] of [
  ["fin", "UND_ERR_SOCKET"],
  ["rst", "ECONNRESET"],
] as const) {
  test(`truncate breaks after a good status, by ${by}`, async (t) => {
    const { telegram, call, dispatcher } = await start(t);
    telegram.say("/start");
    telegram.faults.add({ method: "sendMessage", when: "after", fault: { kind: "truncate", by } });
    const { statusCode, body } = await request(`${telegram.url}/bot${telegram.bot().token}/sendMessage`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(hello),
      dispatcher,
    });
    assert.equal(statusCode, 200);
    assert.equal(await failure(body.text()), code);
    assert.deepEqual(sentTexts(telegram), ["hello"], "after: the message was sent");
    telegram.faults.add({ fault: { kind: "truncate" } });
    assert.equal(await failure(call("getMe")), "UND_ERR_SOCKET");
  });
}

test("after reset the message was sent and nobody was told", async (t) => {
  const { telegram, call } = await start(t);
  telegram.say("/start");
  telegram.faults.add({ method: "sendMessage", when: "after", times: 1, fault: { kind: "reset" } });
  assert.equal(await failure(call("sendMessage", hello)), "ECONNRESET");
  await call("sendMessage", hello);
  assert.deepEqual(sentTexts(telegram), ["hello", "hello"]);
});

test("after reset of a poll the updates are confirmed all the same", async (t) => {
  const { telegram, call } = await start(t);
  telegram.say("one");
  telegram.faults.add({ method: "getUpdates", when: "after", fault: { kind: "reset" } });
  await failure(call("getUpdates", { offset: 2 }));
  assert.equal(telegram.pending("shop"), 0);
});

test("drip after the work ends with the whole answer", async (t) => {
  const { telegram, call } = await start(t);
  telegram.faults.add({ when: "after", fault: { kind: "drip", pauseMs: 0 } });
  const { text } = await call("deleteWebhook");
  assert.equal(JSON.parse(text).ok, true);
});

for (const [when, sentBefore] of [
  ["before", 0],
  ["after", 1],
] as const) {
  test(`slow, ${when} the work, answers rightly and late`, async (t) => {
    const clock = manualClock();
    const { telegram, call } = await start(t, { clock });
    telegram.say("/start");
    telegram.faults.add({ when, fault: { kind: "slow", delayMs: 2000 } });
    const answer = call("sendMessage", hello);
    await until(() => telegram.calls()[0]?.fault === "slow");
    clock.advance(1999);
    assert.equal(sentTexts(telegram).length, sentBefore);
    assert.equal(telegram.calls()[0]?.state, "open");
    clock.advance(1);
    assert.equal((await answer).status, 200);
    assert.equal(telegram.calls()[0]?.durationMs, 2000);
  });
}

test("refuse closes the listener, ends kept-alive connections and comes back on the same port", async (t) => {
  const { telegram, call } = await start(t);
  await call("getMe");
  const waiting = failure(call("getUpdates", { timeout: 30 }));
  await telegram.called("getUpdates");
  const { remove } = telegram.faults.add({ fault: { kind: "refuse" } });
  assert.match(await waiting, /^(UND_ERR_SOCKET|ECONNRESET)$/);
  assert.equal(await failure(call("getMe")), "ECONNREFUSED");
  await remove();
  assert.equal((await call("getMe")).status, 200);
});

test("an outage that begins while the last one is being healed holds", async (t) => {
  const { telegram, call } = await start(t);
  const first = telegram.faults.add({ fault: { kind: "refuse" } });
  const healed = first.remove();
  telegram.faults.add({ fault: { kind: "refuse" } });
  await healed;
  assert.equal(await failure(call("getMe")), "ECONNREFUSED");
});

test("a port that was taken during the outage is said, and can be tried again", async (t) => {
  const { telegram, ok } = await start(t);
  const { remove } = telegram.faults.add({ fault: { kind: "refuse" } });
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(telegram.port, "127.0.0.1", resolve));
  await assert.rejects(remove(), { code: "EADDRINUSE" });
  await new Promise((resolve) => thief.close(resolve));
  await telegram.faults.clear();
  await ok("getMe");
});

test("IPv4 and IPv6 refuse apart", async (t) => {
  const { telegram, call } = await start(t, { ipv6: true }).catch(() => ({ telegram: undefined, call: undefined }));
  if (!telegram) return t.skip("no ::1 on this machine");
  const v6 = { root: `http://[::1]:${telegram.port}` };
  assert.equal((await call("getMe", {}, v6)).status, 200);
  telegram.faults.add({ fault: { kind: "refuse", family: 6 } });
  assert.equal(await failure(call("getMe", {}, v6)), "ECONNREFUSED");
  assert.equal((await call("getMe")).status, 200);
  await telegram.faults.clear();
  assert.equal((await call("getMe", {}, v6)).status, 200);
});

test("revoke gives 401 from now on and ends the waiting poll with nothing", async (t) => {
  const { telegram, call } = await start(t);
  const waiting = call("getUpdates", { timeout: 30 });
  await telegram.called("getUpdates");
  telegram.revoke("shop");
  assert.deepEqual(JSON.parse((await waiting).text), { ok: true, result: [] });
  const { status, text } = await call("getMe");
  assert.equal(status, 401);
  assert.equal(JSON.parse(text).description, "Unauthorized");
  assert.equal((await call("getMe", {}, { bot: "alerts" })).status, 200);
  telegram.restore("shop");
  assert.equal((await call("getMe")).status, 200);
});

test("skip passes, times spoils, the oldest match wins, and the rest is left alone", async (t) => {
  const { telegram, call } = await start(t);
  const error = (description: string): Fault => ({ kind: "error", code: 500, description });
  telegram.faults.add({ bot: "shop", method: "GETME", skip: 1, times: 2, fault: error("first") });
  telegram.faults.add({ method: "getMe", fault: error("second") });
  const words = [];
  for (const bot of ["shop", "shop", "shop", "shop", "alerts"]) {
    words.push(JSON.parse((await call("getMe", {}, { bot })).text).description);
  }
  assert.deepEqual(words, ["second", "first", "first", "second", "second"]);
  assert.equal((await call("getWebhookInfo")).status, 200);
  assert.deepEqual(
    telegram.faults.list().map(({ skipped, spoilt }) => ({ skipped, spoilt })),
    [
      { skipped: 1, spoilt: 2 },
      { skipped: 0, spoilt: 3 },
    ],
  );
});

test("a fault may be of one chat, and goes when it is removed", async (t) => {
  const { telegram, call } = await start(t);
  telegram.say("/start");
  telegram.group({ id: -7 });
  const { remove } = telegram.faults.add({ chat: -7, fault: { kind: "flood", retryAfterSeconds: 1 } });
  assert.equal((await call("sendMessage", hello)).status, 200);
  assert.equal((await call("sendMessage", { chat_id: -7, text: "x" })).status, 429);
  await remove();
  assert.equal((await call("sendMessage", { chat_id: "-7", text: "x" })).status, 200);
});

test("a latency profile delays the methods that it names", async (t) => {
  const clock = manualClock();
  const { telegram, call, ok } = await start(t, { clock });
  telegram.latency({ method: "getMe", medianMs: 300 });
  await ok("getWebhookInfo");
  const late = call("getMe");
  await until(() => telegram.calls().length === 2);
  clock.advance(299);
  assert.equal(telegram.calls()[1]?.state, "open");
  clock.advance(1);
  assert.equal((await late).status, 200);
  telegram.latency();
  await ok("getMe");
});

const wrong: Record<Exclude<TlsKind, "good" | "by_address">, string> = {
  expired: "CERT_HAS_EXPIRED",
  wrong_name: "ERR_TLS_CERT_ALTNAME_INVALID",
  unknown_issuer: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  silent: "UND_ERR_CONNECT_TIMEOUT",
};
const withoutOpenssl = (await hasOpenssl()) ? false : "openssl is not installed";
for (const [kind, code] of Object.entries(wrong) as [TlsKind, string][]) {
  test(`tls ${kind} fails with ${code}`, { skip: withoutOpenssl }, async (t) => {
    const { telegram } = await start(t);
    const { url, ca } = await telegram.tls(kind);
    const dispatcher = new Agent({ connect: { timeout: 300, ...(ca === undefined ? {} : { ca }) } });
    t.after(() => dispatcher.destroy());
    assert.equal(await failure(post(dispatcher, `${url}/bot${telegram.bot().token}/getMe`, {}, 5000)), code);
  });
}

test("tls good answers to whom trusts the issuer", { skip: withoutOpenssl }, async (t) => {
  const { telegram } = await start(t);
  const { url, ca } = await telegram.tls("good");
  const dispatcher = new Agent({ connect: { ca: ca! } });
  t.after(() => dispatcher.destroy());
  const { status } = await post(dispatcher, `${url}/bot${telegram.bot().token}/getMe`, {}, 5000);
  assert.equal(status, 200);
});
