import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { request } from "undici";
import { serveControl, startFakeTelegram } from "./mod.ts";

async function start(t: TestContext) {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  const control = await serveControl(telegram);
  t.after(async () => {
    await control.close();
    await telegram.close();
  });
  // oxlint-disable-next-line typescript/no-explicit-any
  async function ask(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<any> {
    const answer = await fetch(control.url + path, {
      method,
      ...(body ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
    });
    const json = (await answer.json()) as { error?: string };
    return answer.ok ? json : `${answer.status} ${json.error}`;
  }
  return { telegram, control, ask };
}

test("a person writes, presses and sends a voice message over HTTP", async (t) => {
  const { telegram, ask } = await start(t);
  const said = await ask("POST", "/say", { text: "/start", user: { id: 7, first_name: "Ann" }, bot: "alerts" });
  assert.equal(said.from.first_name, "Ann");
  await ask("POST", "/voice", { base64: Buffer.from("sound").toString("base64"), user: 7, bot: "alerts" });
  await ask("POST", "/photo", { base64: "AAAA", user: 7, bot: "alerts" });
  assert.equal((await ask("GET", "/messages?chat=7&bot=alerts")).length, 3);
  assert.deepEqual(
    (await ask("GET", "/messages?chat=7&bot=alerts&last=1")).map((message: object) => "photo" in message),
    [true],
  );
  assert.equal(telegram.pending("alerts"), 3);
  assert.equal(await ask("POST", "/press", { data: "x", user: 7 }), '400 no button with "x" in chat 7');
  assert.equal(await ask("POST", "/say", {}), "400 text is missing");
});

test("faults come and go over HTTP", async (t) => {
  const { telegram, ask } = await start(t);
  const { id } = await ask("POST", "/faults", { fault: { kind: "flood", retryAfterSeconds: 3 }, method: "getMe" });
  await ask("POST", "/faults", { fault: { kind: "hang" } });
  assert.equal((await ask("GET", "/faults")).length, 2);
  await ask("DELETE", `/faults/${id}`);
  assert.deepEqual(
    telegram.faults.list().map(({ fault }) => fault.kind),
    ["hang"],
  );
  await ask("DELETE", "/faults");
  assert.deepEqual(telegram.faults.list(), []);
  assert.equal(await ask("POST", "/faults", {}), "400 fault.kind is missing");
});

test("trouble, latency, revoke, restore and reset are the object's own", async (t) => {
  const { telegram, ask } = await start(t);
  await ask("POST", "/trouble", { chat: -5, trouble: "kicked", bot: "shop" });
  await ask("PUT", "/latency", { medianMs: 5 });
  await ask("POST", "/revoke", { bot: "shop" });
  const state = await ask("GET", "/state");
  assert.deepEqual(state.troubles, { "-5:shop": "kicked" });
  assert.deepEqual(state.latency, [{ medianMs: 5 }]);
  assert.equal(state.bots[0].revoked, true);
  await ask("PUT", "/latency", {});
  await ask("POST", "/restore", { bot: "shop" });
  assert.equal(telegram.bot("shop").revoked, false);
  assert.deepEqual(telegram.latencies(), []);
  await ask("POST", "/reset");
  assert.deepEqual(telegram.troubles(), {});
});

test("bots, people and groups can be added, and the state shows them with tokens", async (t) => {
  const { telegram, ask } = await start(t);
  const { token } = await ask("POST", "/bots", { name: "third" });
  await ask("POST", "/people", { id: 9, first_name: "Bo" });
  await ask("POST", "/groups", { id: -9, title: "Ops", bots: ["third"] });
  const answer = await fetch(`${telegram.url}/bot${token}/sendMessage?chat_id=-9&text=hi`);
  assert.equal(answer.status, 200);
  const { bots, people, chats } = await ask("GET", "/state");
  assert.equal(bots[2].token, token);
  assert.equal(people[0].first_name, "Bo");
  assert.deepEqual(chats[0].members, ["third"]);
  assert.equal(chats[0].last.text, "hi");
});

test("calls are listed, filtered and awaited", async (t) => {
  const { telegram, ask } = await start(t);
  const called = ask("GET", "/called?method=getMe&skip=1&bot=shop&timeoutMs=2000");
  const { token } = telegram.bot("shop");
  for (const method of ["getMe", "getWebhookInfo", "getMe"]) await fetch(`${telegram.url}/bot${token}/${method}`);
  assert.equal((await called).id, 3);
  assert.equal((await ask("GET", "/calls")).length, 3);
  assert.deepEqual(
    (await ask("GET", "/calls?after=1&method=getMe")).map(({ id }: { id: number }) => id),
    [3],
  );
  assert.match(await ask("GET", "/called?method=sendMessage&timeoutMs=1"), /^400 no sendMessage within 1 ms/);
  assert.deepEqual(await ask("GET", "/answers"), []);
});

test("what a message holds can be fetched for the page", async (t) => {
  const { telegram, control, ask } = await start(t);
  const message = telegram.photo(Buffer.from("light")) as { photo?: { file_id: string }[] };
  const answer = await fetch(`${control.url}/files/${message.photo?.[0]?.file_id}`);
  assert.equal(answer.headers.get("content-type"), "image/jpeg");
  assert.equal(await answer.text(), "light");
  assert.equal(await ask("GET", "/files/none"), "404 no file none");
});

test("load is started and stopped", async (t) => {
  const { telegram, ask } = await start(t);
  await ask("POST", "/load", { perSecond: 1, seconds: 100 });
  await ask("DELETE", "/load");
  assert.ok(telegram.pending() <= 1);
  assert.equal(await ask("POST", "/load", { perSecond: 0, seconds: 1 }), "400 perSecond and seconds must be positive");
});

test("calls are streamed as they change", async (t) => {
  const { telegram, control } = await start(t);
  const abort = new AbortController();
  const { body } = await fetch(`${control.url}/events`, { signal: abort.signal });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  await fetch(`${telegram.url}/bot${telegram.bot().token}/getMe`);
  const { value } = await reader.read();
  assert.match(value!, /^event: calls\ndata: \[\{"id":1,.*"method":"getMe".*"status":200/);
  abort.abort();
});

test("only a loopback Host and a JSON body are taken", async (t) => {
  const { telegram, control, ask } = await start(t);
  const rebound = await request(`${control.url}/state`, { headers: { host: "evil.example" } });
  assert.equal(rebound.statusCode, 403);
  await rebound.body.dump();
  const form = await fetch(`${control.url}/say`, {
    method: "POST",
    body: '{"text":"x"}',
    headers: { "content-type": "text/plain" },
  });
  assert.equal(form.status, 415);
  assert.equal(
    (await fetch(`${control.url}/reset`, { method: "POST", headers: { origin: "http://evil.example" } })).status,
    403,
  );
  assert.equal(telegram.pending(), 0);
  assert.equal(await ask("GET", "/nothing"), "404 no GET /nothing");
  assert.match(await ask("POST", "/messages"), /^404/);
});

test("a body that is no JSON is a 400", async (t) => {
  const { control } = await start(t);
  const answer = await fetch(`${control.url}/say`, {
    method: "POST",
    body: "{",
    headers: { "content-type": "application/json" },
  });
  assert.equal(answer.status, 400);
});

test("the page comes with a policy that lets nothing in from outside", async (t) => {
  const { control } = await start(t);
  for (const [path, type] of [
    ["/", "text/html; charset=utf-8"],
    ["/chat.js", "text/javascript; charset=utf-8"],
    ["/chat.css", "text/css; charset=utf-8"],
  ]) {
    const answer = await fetch(control.url + path);
    assert.equal(answer.headers.get("content-type"), type);
    assert.match(
      answer.headers.get("content-security-policy")!,
      /^default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    await answer.body?.cancel();
  }
});
