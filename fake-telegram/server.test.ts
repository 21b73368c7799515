import assert from "node:assert/strict";
import { test } from "node:test";
import { request } from "undici";
import { startFakeTelegram } from "./mod.ts";
import { startWithClient as start } from "./testing.ts";

// HttpConnection::handle, ClientManager::send, Query::set_error; HttpReader.cpp of tdnet.

async function raw(url: string, options: Parameters<typeof request>[1] = {}) {
  const { statusCode, headers, body } = await request(url, { headersTimeout: 5000, ...options });
  const text = await body.text();
  return { status: statusCode, headers, text, json: text.startsWith("{") ? JSON.parse(text) : undefined };
}

test("a method is found without regard to case, with /test before it, and as a parameter", async (t) => {
  const { telegram } = await start(t);
  const root = `${telegram.url}/bot${telegram.bot().token}`;
  for (const path of ["/getMe", "/GETME", "/test/getme", "/?method=getMe"]) {
    assert.equal((await raw(root + path)).json.result.id, telegram.bot().id, path);
  }
});

test("parameters come from query, JSON, urlencoded and multipart bodies, and the query wins", async (t) => {
  const { telegram } = await start(t);
  telegram.group({ id: -5 });
  const root = `${telegram.url}/bot${telegram.bot().token}/sendMessage`;
  const form = new FormData();
  form.set("chat_id", "-5");
  form.set("text", "form");
  const json = JSON.stringify({ chat_id: -5, text: "json", reply_markup: { inline_keyboard: [] } });
  const headers = (type: string) => ({ "content-type": type });
  await raw(`${root}?chat_id=-5&text=query`);
  await raw(root, { method: "POST", body: json, headers: headers("application/json; charset=utf-8") });
  await raw(root, {
    method: "POST",
    body: "chat_id=-5&text=pairs",
    headers: headers("application/x-www-form-urlencoded"),
  });
  await raw(root, { method: "POST", body: form });
  await raw(`${root}?text=wins`, { method: "POST", body: json, headers: headers("application/json") });
  assert.deepEqual(
    telegram.messages(-5).map((message) => "text" in message && message.text),
    ["query", "json", "pairs", "form", "wins"],
  );
});

test("an answer is JSON with its length, and the HTTP status is the error code", async (t) => {
  const { telegram } = await start(t);
  const { status, headers, json } = await raw(`${telegram.url}/bot${telegram.bot().token}/nothing`);
  assert.equal(status, 404);
  assert.equal(headers["content-type"], "application/json");
  assert.ok(Number(headers["content-length"]) > 0);
  assert.deepEqual(json, { ok: false, error_code: 404, description: "Not Found: method not found" });
});

test("other paths are 404", async (t) => {
  const { telegram } = await start(t);
  for (const path of ["/", "/bot", "/bot123", "/nothing/at/all", `/file/bot${telegram.bot().token}/voice/file_9.oga`]) {
    const { status, json } = await raw(telegram.url + path);
    assert.deepEqual([status, json.description], [404, "Not Found"], path);
  }
});

const tokens: [token: string, description: string][] = [
  ["no-colon", "Unauthorized: invalid token specified"],
  ["0123:abc", "Unauthorized: invalid token specified"],
  [`1:${"a".repeat(80)}`, "Unauthorized: invalid token specified"],
  [`${2 ** 54}:abc`, "Unauthorized: invalid token specified"],
  [`1000001:${"z".repeat(35)}`, "Unauthorized"],
];
for (const [token, description] of tokens) {
  test(`the token ${token.slice(0, 20)} is a 401: ${description}`, async (t) => {
    const { telegram } = await start(t);
    const { status, json } = await raw(`${telegram.url}/bot${token}/getMe`);
    assert.deepEqual([status, json.description], [401, description]);
    assert.equal(telegram.calls()[0]?.bot, undefined);
  });
}

test("a malformed token is a 404 where the front end is imitated", async (t) => {
  const { telegram } = await start(t, { malformedToken: 404 });
  assert.equal((await raw(`${telegram.url}/botno-colon/getMe`)).status, 404);
});

test("without a list of bots any well-formed token makes its bot", async (t) => {
  const telegram = await startFakeTelegram();
  t.after(() => telegram.close());
  const { json } = await raw(`${telegram.url}/bot77:${"a".repeat(35)}/getMe`);
  assert.equal(json.result.id, 77);
  assert.equal((await raw(`${telegram.url}/bot77:short/getMe`)).status, 401);
  assert.throws(() => telegram.bot("nobody"), /no bot nobody; there are: bot77/);
});

test("getMe may give another id than the token", async (t) => {
  const { ok } = await start(t, { bots: [{ name: "shop", token: `5:${"a".repeat(35)}`, id: 6, username: "other" }] });
  const { id, username } = await ok("getMe");
  assert.deepEqual({ id, username }, { id: 6, username: "other" });
});

test("a misspelt parameter is a 400, one that is not served a 501, as is such a method", async (t) => {
  const { refusal } = await start(t);
  assert.equal(
    await refusal("getUpdates", { ofset: 1 }),
    '400 Bad Request: fake-telegram: getUpdates has no parameter "ofset"',
  );
  assert.equal(
    await refusal("sendMessage", { business_connection_id: "x" }),
    "501 fake-telegram: sendMessage with business_connection_id is not served",
  );
  assert.equal(await refusal("sendPoll", { chat_id: 1 }), "501 fake-telegram: sendPoll is not served");
});

test("malformed bodies are a 400", async (t) => {
  const { telegram } = await start(t);
  const url = `${telegram.url}/bot${telegram.bot().token}/getMe`;
  for (const [type, body] of [
    ["application/json", "{junk"],
    ["application/json", "[1]"],
    ["multipart/form-data; boundary=x", "junk"],
  ] as const) {
    const { status, json } = await raw(url, { method: "POST", body, headers: { "content-type": type } });
    assert.equal(status, 400);
    assert.match(json.description, /^Bad Request: can't parse/);
  }
});

test("what the HTTP layer refuses has no body", async (t) => {
  const { telegram } = await start(t);
  const url = `${telegram.url}/bot${telegram.bot().token}/sendMessage`;
  const big = "x".repeat(1024 * 1024 + 1);
  const headers = { "content-type": "application/json" };
  const answers = [
    await raw(url, { method: "POST", body: big, headers }),
    await raw(url, { method: "POST", body: "{}", headers: { ...headers, "content-encoding": "br" } }),
    await raw(url, { headers: { "x-big": "x".repeat(20_000) } }),
    await raw(url, { method: "PUT", body: "{}", headers }),
  ];
  assert.deepEqual(
    answers.map(({ status, text }) => [status, text]),
    [413, 415, 431, 501].map((status) => [status, ""]),
  );
});

test("the call log holds refused calls with bot, agent, parameters and time, and none of the token", async (t) => {
  const { telegram, dispatcher } = await start(t);
  const url = `${telegram.url}/bot${telegram.bot("alerts").token}/sendMessage?chat_id=-5&text=x`;
  await raw(url, { dispatcher, headers: { "user-agent": "probe/1" } });
  const [call] = telegram.calls();
  const { bot, method, params, headers, status, description, state, durationMs } = call!;
  assert.deepEqual(
    { bot, method, params, agent: headers["user-agent"], status, description, state },
    {
      bot: "alerts",
      method: "sendMessage",
      params: { chat_id: -5, text: "x" },
      agent: "probe/1",
      status: 400,
      description: "Bad Request: chat not found",
      state: "answered",
    },
  );
  assert.ok(durationMs! >= 0);
  assert.ok(!JSON.stringify(call).includes(telegram.bot("alerts").token));
});

test("called waits for a call, passes some over, and lists what it saw instead", async (t) => {
  const { telegram, ok } = await start(t);
  const second = telegram.called("getme", { skip: 1, bot: "shop", where: ({ status }) => status === 200 });
  await ok("getMe");
  await ok("getMe", {}, { bot: "alerts" });
  await ok("getMe");
  assert.equal((await second).id, 3);
  await assert.rejects(telegram.called("sendMessage", { skip: 2, timeoutMs: 1 }), {
    message:
      "no sendMessage after 2 others within 1 ms; calls: shop.getMe answered 200, alerts.getMe answered 200, shop.getMe answered 200",
  });
});

test("close leaves no connection, with polls, faults and load under way", async (t) => {
  const { telegram, call } = await start(t);
  telegram.faults.add({ method: "getMe", fault: { kind: "hang" } });
  const open = [call("getUpdates", { timeout: 50 }), call("getMe")].map((answer) => answer.catch(() => "ended"));
  const load = telegram.load({ perSecond: 1, seconds: 1000, bot: "alerts" });
  await telegram.called("getUpdates");
  await telegram.called("getMe");
  await telegram.close();
  assert.equal(await open[1], "ended");
  assert.equal(await load, 1);
  await telegram.faults.clear();
  await assert.rejects(call("getMe"), { code: "ECONNREFUSED" });
});

test("a download can be spoilt like any call", async (t) => {
  const { telegram } = await start(t);
  const message = telegram.voice(Buffer.from("sound")) as { voice?: { file_id: string } };
  const { path } = telegram.file(message.voice!.file_id)!;
  const url = `${telegram.url}/file/bot${telegram.bot().token}/${path}`;
  telegram.faults.add({ method: "download", times: 1, fault: { kind: "slow", delayMs: 1 } });
  telegram.faults.add({ method: "download", when: "after", times: 1, fault: { kind: "truncate" } });
  telegram.faults.add({ method: "download", times: 1, fault: { kind: "html" } });
  assert.equal((await raw(url)).text, "sound");
  await assert.rejects(raw(url), { code: "UND_ERR_SOCKET" });
  assert.equal((await raw(url)).status, 502);
  assert.equal((await raw(url.replace(telegram.bot().token, "5:x"))).status, 401);
});

test("reset forgets calls, faults, troubles, messages and updates", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  telegram.say("hello");
  telegram.faults.add({ fault: { kind: "error", code: 500, description: "x" } });
  telegram.trouble(4242, "blocked");
  telegram.revoke();
  await refusal("getMe");
  await telegram.reset();
  assert.deepEqual(telegram.calls(), []);
  assert.deepEqual(telegram.messages(4242), []);
  assert.deepEqual(telegram.troubles(), {});
  assert.equal(telegram.pending(), 0);
  await ok("sendMessage", { chat_id: 4242, text: "hello again" });
});
