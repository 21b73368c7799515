import assert from "node:assert/strict";
import { test } from "node:test";
import { createConsole } from "../console/app.ts";
import { alert, createWorld } from "../console/testing.ts";

const TOKEN = "let-me-in-0123456789";

function client(t: { after(run: () => void): void }, { token, url }: { token?: string; url?: string } = {}) {
  const world = createWorld({ token });
  t.after(() => world.store.close());
  world.alerts.push(alert());
  const app = createConsole(world.deps, { ...world.options, url });
  const call = (path: string, headers: Record<string, string> = {}, form?: Record<string, string>) =>
    app.request(`http://127.0.0.1:8090${path}`, {
      headers: { host: "127.0.0.1:8090", ...headers },
      ...(form && { method: "POST", body: new URLSearchParams(form) }),
    });
  const logIn = async () => {
    const answer = await call("/login", {}, { token: TOKEN, next: "/requests/4bf92f35" });
    return { answer, cookie: answer.headers.get("set-cookie")?.split(";")[0] ?? "" };
  };
  const csrfOn = async (path: string, cookie: string) =>
    /name="csrf" value="([^"]+)"/.exec(await (await call(path, { cookie })).text())?.[1] ?? "";
  return { ...world, call, logIn, csrfOn };
}

test("with a token the API is 401 without it, and open with Bearer", async (t) => {
  const { call } = client(t, { token: TOKEN });
  for (const path of ["/api/status", "/api/alerts", "/api/traces", "/events"]) {
    const answer = await call(path);
    assert.equal(answer.status, 401, path);
    assert.equal(answer.headers.get("www-authenticate"), "Bearer");
  }
  assert.equal((await call("/api/status", { authorization: "Bearer wrong" })).status, 401);
  assert.equal((await call("/api/status", { authorization: `Bearer ${TOKEN}` })).status, 200);
  assert.equal((await call("/api/alerts/K7F2/ack", { authorization: `Bearer ${TOKEN}` }, {})).status, 200);
});

test("a page leads to the login, and the login back to the deep link", async (t) => {
  const { call, logIn } = client(t, { token: TOKEN });
  const page = await call("/requests/4bf92f35?x=1");
  assert.deepEqual([page.status, page.headers.get("location")], [303, "/login?next=%2Frequests%2F4bf92f35%3Fx%3D1"]);
  assert.match(await (await call("/login?next=%2Fx%3Fy")).text(), /name="next"\s+value="\/x\?y"/);
  const { answer, cookie } = await logIn();
  assert.deepEqual([answer.status, answer.headers.get("location")], [303, "/requests/4bf92f35"]);
  assert.match(answer.headers.get("set-cookie") ?? "", /HttpOnly; SameSite=Lax/);
  assert.equal((await call("/", { cookie })).status, 200);
  assert.equal((await call("/api/status", { cookie })).status, 200);
});

test("a cookie alone changes nothing through the API", async (t) => {
  const { call, logIn, pressed } = client(t, { token: TOKEN });
  const { cookie } = await logIn();
  assert.equal((await call("/api/alerts/K7F2/ack", { cookie }, {})).status, 401);
  assert.deepEqual(pressed, []);
});

test("the cookie is Secure behind TLS", async (t) => {
  const { call } = client(t, { token: TOKEN });
  const answer = await call("/login", { "x-forwarded-proto": "https" }, { token: TOKEN });
  assert.match(answer.headers.get("set-cookie") ?? "", /Secure/);
});

test("a wrong token is 403 on the form, many are 429, and the token is never in the page", async (t) => {
  const { call } = client(t, { token: TOKEN });
  const wrong = await call("/login", {}, { token: "wrong-token", next: "/" });
  assert.equal(wrong.status, 403);
  assert.doesNotMatch(await wrong.text(), /wrong-token|let-me-in/);
  for (let tries = 0; tries < 9; tries += 1) await call("/login", {}, { token: "wrong" });
  assert.equal((await call("/login", {}, { token: TOKEN })).status, 429);
});

for (const next of ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a b"]) {
  test(`the login never leads to ${JSON.stringify(next)}`, async (t) => {
    const { call } = client(t, { token: TOKEN });
    assert.equal((await call("/login", {}, { token: TOKEN, next })).headers.get("location"), "/");
  });
}

test("a form needs the proof of its own session", async (t) => {
  const { call, logIn, csrfOn, pressed } = client(t, { token: TOKEN });
  const { cookie } = await logIn();
  const csrf = await csrfOn("/alerts", cookie);
  assert.notEqual(csrf, "");
  assert.equal((await call("/incidents/K7F2/ack", { cookie }, {})).status, 403);
  assert.equal((await call("/incidents/K7F2/ack", { cookie }, { csrf: "x" })).status, 403);
  const other = (await logIn()).cookie;
  assert.equal((await call("/incidents/K7F2/ack", { cookie: other }, { csrf })).status, 403);
  assert.deepEqual(pressed, []);
  const answer = await call("/incidents/K7F2/ack", { cookie }, { csrf });
  assert.deepEqual([answer.status, answer.headers.get("location")], [303, "/incidents/K7F2"]);
  assert.equal((await call("/incidents/K7F2/silence", { cookie }, { csrf })).status, 303);
  assert.equal((await call("/incidents/K7F2/undo", { cookie }, { csrf })).status, 303);
  assert.deepEqual(pressed, ["ack by console K7F2", "silence 3600000 by console K7F2", "undo by console K7F2"]);
});

test("logging out ends the session of this browser", async (t) => {
  const { call, logIn, csrfOn } = client(t, { token: TOKEN });
  const { cookie } = await logIn();
  const answer = await call("/logout", { cookie }, { csrf: await csrfOn("/", cookie) });
  assert.match(answer.headers.get("set-cookie") ?? "", /Max-Age=0/);
});

test("without a token this machine may come in, and a rebound name may not", async (t) => {
  const { call } = client(t);
  for (const host of ["127.0.0.1:8090", "localhost:8090", "[::1]:8090", "LOCALHOST"]) {
    assert.equal((await call("/api/status", { host })).status, 200, host);
  }
  for (const host of ["evil.example:8090", "127.0.0.1.evil.example", "localhost.evil.example"]) {
    assert.equal((await call("/api/status", { host })).status, 403, host);
    assert.equal((await call("/", { host })).status, 403, host);
  }
});

test("without a token the host of CONSOLE_URL is ours as well", async (t) => {
  const { call } = client(t, { url: "https://watch.example" });
  assert.equal((await call("/", { host: "watch.example" })).status, 200);
});

test("without a token another site cannot press anything", async (t) => {
  const { call, pressed } = client(t);
  for (const headers of [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "https://evil.example" },
    { origin: "null" },
  ]) {
    assert.equal((await call("/api/test-alert", headers as Record<string, string>, {})).status, 403);
    assert.equal((await call("/incidents/K7F2/ack", headers as Record<string, string>, {})).status, 403);
  }
  assert.deepEqual(pressed, []);
  assert.equal(
    (await call("/api/test-alert", { origin: "http://127.0.0.1:8090", "sec-fetch-site": "same-origin" }, {})).status,
    200,
  );
});

test("every answer forbids inline scripts, frames and guessing of types, and allows no other origin", async (t) => {
  const { call } = client(t);
  for (const path of ["/", "/api/status", "/livez", "/nothing"]) {
    const { headers } = await call(path, { origin: "https://evil.example" });
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
  assert.equal((await call("/")).headers.get("cache-control"), "no-store");
});
