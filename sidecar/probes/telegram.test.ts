import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { startFakeTelegram } from "../../fake-telegram/mod.ts";
import { createIdentity } from "./identity.ts";
import { systemWay, type Way } from "./look.ts";
import type { TelegramSample, WebhookSample } from "./probe.ts";
import { systemClocks } from "./seen.ts";
import { telegramProbe, webhookProbe } from "./telegram.ts";
import { refusedPort, serveHttp, serveTcp, wayTo } from "./testing.ts";

const TOKEN = "1001:shop-token-that-must-never-be-seen";

async function fake(t: TestContext, options: Parameters<typeof startFakeTelegram>[0] = {}) {
  const telegram = await startFakeTelegram({ bots: [{ name: "shop", token: TOKEN }], ...options });
  t.after(() => telegram.close());
  return telegram;
}
const deps = (apiRoot: string, way: Way = systemWay(2000), token: string | undefined = TOKEN) => ({
  apiRoot,
  way,
  ...(token !== undefined && token !== "" && { token }),
  name: (kind: string) => kind,
  identity: createIdentity({}),
  clocks: systemClocks,
});
async function look(apiRoot: string, way?: Way, token?: string): Promise<TelegramSample> {
  const sample = await telegramProbe(deps(apiRoot, way, token), 1000).run(AbortSignal.timeout(3000));
  assert.doesNotMatch(JSON.stringify(sample), /never-be-seen/);
  return sample as TelegramSample;
}
async function webhook(apiRoot: string, way?: Way): Promise<WebhookSample> {
  const sample = await webhookProbe(deps(apiRoot, way), 1000).run(AbortSignal.timeout(3000));
  assert.doesNotMatch(JSON.stringify(sample), /never-be-seen/);
  return sample as WebhookSample;
}
const failures = (sample: TelegramSample) =>
  sample.paths.map(({ family, failure }) => [family, failure?.phase, failure?.code]);

test("a good way has every phase, and getMe the bot's id and name", async (t) => {
  const { url } = await fake(t);
  const sample = await look(url);
  const [path] = sample.paths;
  assert.deepEqual([sample.paths.length, path?.family, path?.failure], [1, 4, undefined]);
  assert.ok((path?.tcpMs ?? -1) >= 0 && (path?.ttfbMs ?? -1) >= 0);
  assert.ok(
    path !== undefined && !("dnsMs" in path) && !("tlsMs" in path),
    "an address needs no resolver, http no TLS",
  );
  assert.ok(sample.getMe?.ok);
  assert.deepEqual([sample.getMe.id, sample.expectedId], [1001, 1001]);
});

test("the probes call getMe and getWebhookInfo and nothing else", async (t) => {
  const telegram = await fake(t);
  await look(telegram.url);
  await webhook(telegram.url);
  assert.deepEqual(
    telegram.calls().map(({ method }) => method),
    ["getMe", "getWebhookInfo"],
  );
});

test("a name is looked up and both families are walked, each on its own", async (t) => {
  const { port } = await fake(t, { ipv6: true });
  const root = `http://api.example:${port}`;
  const both = await look(root, wayTo({ "api.example": ["::1", "127.0.0.1"] }));
  assert.deepEqual(failures(both), [
    [4, undefined, undefined],
    [6, undefined, undefined],
  ]);
  assert.ok(both.paths.every(({ dnsMs = -1 }) => dnsMs >= 0));
  const four = await look(root, wayTo({ "api.example": ["127.0.0.1", "127.0.0.1"] }));
  assert.deepEqual(failures(four), [[4, undefined, undefined]], "a family without an address is absent");
});

test("when IPv6 is refused and IPv4 works, the path says so and getMe still answers", async (t) => {
  const telegram = await fake(t, { ipv6: true });
  telegram.faults.add({ fault: { kind: "refuse", family: 6 } });
  const sample = await look(`http://api.example:${telegram.port}`, wayTo({ "api.example": ["127.0.0.1", "::1"] }));
  assert.deepEqual(failures(sample), [
    [4, undefined, undefined],
    [6, "tcp", "ECONNREFUSED"],
  ]);
  assert.equal(sample.getMe?.ok, true);
});

test("an unknown name fails at dns, once", async () => {
  const sample = await look("http://api.example", wayTo({}));
  assert.deepEqual(failures(sample), [[4, "dns", "ENOTFOUND"]]);
  assert.deepEqual(sample.getMe, { ok: false, description: "dns: getaddrinfo ENOTFOUND api.example" });
});

test("a resolver that never answers ends at the phase's deadline", async () => {
  const sample = await look("http://api.example", { ...systemWay(30), lookup: () => new Promise(() => {}) });
  assert.deepEqual(failures(sample), [[4, "dns", "ETIMEDOUT"]]);
});

test("a black hole fails at tcp on every family", async () => {
  const hole = { ...wayTo({ "api.example": ["192.0.2.1", "100::1"] }, 30), connect: () => new Socket() };
  assert.deepEqual(failures(await look("http://api.example", hole)), [
    [4, "tcp", "ETIMEDOUT"],
    [6, "tcp", "ETIMEDOUT"],
  ]);
});

test("a server that takes the connection and says nothing fails at tls with https, at ttfb with http", async (t) => {
  const port = await serveTcp(t, () => {});
  assert.deepEqual(failures(await look(`https://127.0.0.1:${port}`, systemWay(50))), [[4, "tls", "ETIMEDOUT"]]);
  assert.deepEqual(failures(await look(`http://127.0.0.1:${port}`, systemWay(50))), [[4, "ttfb", "ETIMEDOUT"]]);
});

test("a server that does not speak TLS fails at tls", async (t) => {
  const port = await serveTcp(t, (socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
  const [end] = failures(await look(`https://127.0.0.1:${port}`));
  assert.deepEqual(end?.slice(0, 2), [4, "tls"]);
});

test("a hanging, resetting or cutting Bot API fails after the connection", async (t) => {
  const telegram = await fake(t);
  const phaseWith = async (fault: Parameters<typeof telegram.faults.add>[0]["fault"]) => {
    const { remove } = telegram.faults.add({ method: "getMe", fault });
    const [end] = failures(await look(telegram.url, systemWay(100)));
    await remove();
    return end?.[1];
  };
  assert.equal(await phaseWith({ kind: "hang" }), "ttfb");
  assert.equal(await phaseWith({ kind: "reset" }), "ttfb");
  assert.equal(await phaseWith({ kind: "hang", headers: true }), "body");
  assert.equal(await phaseWith({ kind: "truncate" }), "body");
  assert.equal(await phaseWith({ kind: "drip" }), "body");
});

test("failure 7: a refused token is tried twice and then every 15 minutes; the way is still walked", async (t) => {
  const telegram = await fake(t);
  telegram.revoke();
  const clock = { ms: 0 };
  const clocks = { ...systemClocks, now: () => clock.ms };
  const me = telegramProbe({ ...deps(telegram.url), clocks }, 1000);
  const info = webhookProbe({ ...deps(telegram.url), clocks, token: TOKEN }, 1000);
  const both = async () => {
    const [seen, view] = await Promise.all([me, info].map((probe) => probe.run(AbortSignal.timeout(3000))));
    return [seen as TelegramSample, view as WebhookSample] as const;
  };
  for (let look = 0; look < 10; look++) {
    const [seen, view] = await both();
    assert.equal(seen.getMe?.ok === false && seen.getMe.errorCode, 401);
    assert.ok(seen.paths.every(({ ttfbMs }) => ttfbMs !== undefined));
    assert.equal(view.result.ok, false);
    clock.ms += 60_000;
  }
  assert.equal(telegram.calls().length, 4);
  clock.ms += 6 * 60_000;
  telegram.restore();
  const [seen, view] = await both();
  assert.deepEqual([seen.getMe?.ok, view.result.ok], [true, true]);
  await both();
  assert.equal(telegram.calls().length, 8, "and from then on as before");
});

test("a refused token stays refused when Telegram does not answer at the next try", async (t) => {
  const telegram = await fake(t);
  telegram.revoke();
  const clock = { ms: 0 };
  const clocks = { ...systemClocks, now: () => clock.ms };
  const me = telegramProbe({ ...deps(telegram.url), clocks }, 1000);
  const info = webhookProbe({ ...deps(telegram.url), clocks, token: TOKEN }, 1000);
  const both = () => Promise.all([me, info].map((probe) => probe.run(AbortSignal.timeout(3000))));
  await both();
  await both();
  const outage = telegram.faults.add({ fault: { kind: "refuse" } });
  clock.ms += 15 * 60_000;
  await both();
  await outage.remove();
  const [seen, view] = (await both()) as [TelegramSample, WebhookSample];
  assert.deepEqual(seen.getMe, { ok: false, status: 401, errorCode: 401, description: "Unauthorized" });
  assert.deepEqual(view.result, { ok: false, errorCode: 401, description: "Unauthorized" });
});

test("a revoked token is 401 with Telegram's words; another bot's id is seen", async (t) => {
  const telegram = await fake(t);
  telegram.revoke("shop");
  assert.deepEqual((await look(telegram.url)).getMe, {
    ok: false,
    status: 401,
    errorCode: 401,
    description: "Unauthorized",
  });
  const url = await serveHttp(
    t,
    (_, response) => void response.end('{"ok":true,"result":{"id":7,"username":"other_bot"}}'),
  );
  const other = await look(url);
  assert.deepEqual([other.getMe, other.expectedId], [{ ok: true, id: 7, username: "other_bot" }, 1001]);
});

test("a front end's HTML page is no answer of the Bot API, with 502 and with 200", async (t) => {
  const telegram = await fake(t);
  for (const status of [502, 200]) {
    const { remove } = telegram.faults.add({ fault: { kind: "html", status } });
    const sample = await look(telegram.url);
    const description = `HTTP ${status}, not an answer of the Bot API`;
    assert.deepEqual(sample.getMe, { ok: false, status, description });
    assert.equal(failures(sample)[0]?.[1], undefined, "the way itself is good");
    await remove();
  }
});

test("without a token any answer of the host is the end of a good way", async (t) => {
  const seen: (string | undefined)[] = [];
  const url = await serveHttp(t, (request, response) => {
    seen.push(request.url);
    response.writeHead(404).end();
  });
  const sample = await look(url, undefined, "");
  assert.deepEqual(
    [failures(sample)[0]?.[1], "getMe" in sample, "expectedId" in sample, seen],
    [undefined, false, false, ["/"]],
  );
});

test("each run opens fresh connections", async (t) => {
  let connections = 0;
  const port = await serveTcp(t, (socket) => {
    connections += 1;
    socket.once("data", () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"ok":true}'));
  });
  const probe = telegramProbe(deps(`http://127.0.0.1:${port}`), 1000);
  await probe.run(AbortSignal.timeout(2000));
  await probe.run(AbortSignal.timeout(2000));
  assert.equal(connections, 2);
});

test("getWebhookInfo brings the url, what waits and the last error, cleaned", async (t) => {
  const info = {
    url: "https://hook.example/x",
    pending_update_count: 41,
    last_error_date: 1_700_000_000,
    last_error_message: `Wrong response for ${TOKEN.replace("shop-token", "AAAAAAAAAA")}`,
    allowed_updates: ["message"],
  };
  const url = await serveHttp(t, (_, response) => void response.end(JSON.stringify({ ok: true, result: info })));
  const { result } = await webhook(url);
  assert.ok(result.ok);
  assert.deepEqual(
    [result.url, result.pending, result.lastErrorAtMs, result.allowedUpdates],
    [info.url, 41, 1_700_000_000_000, ["message"]],
  );
  assert.equal(result.lastErrorMessage, "Wrong response for [token]");
});

test("updates that wait while the bot polls are counted", async (t) => {
  const telegram = await fake(t);
  telegram.say("hello");
  const { result } = await webhook(telegram.url);
  assert.deepEqual(result, { ok: true, url: "", pending: 1 });
});

test("a refused getWebhookInfo says who refused, or how far it came", async (t) => {
  const telegram = await fake(t);
  telegram.revoke("shop");
  assert.deepEqual((await webhook(telegram.url)).result, { ok: false, errorCode: 401, description: "Unauthorized" });
  const { result } = await webhook(`http://127.0.0.1:${await refusedPort()}`);
  assert.match(result.ok ? "" : result.description, /^tcp: connect ECONNREFUSED/);
});
