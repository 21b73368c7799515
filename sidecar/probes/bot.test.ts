import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import { handlingProbe, healthProbe } from "./bot.ts";
import { createIdentity } from "./identity.ts";
import { systemWay, type Way } from "./look.ts";
import type { HealthSample } from "./probe.ts";
import { systemClocks } from "./seen.ts";
import { healthBody, refusedPort, serveHttp, serveTcp, wayTo } from "./testing.ts";

const deps = (url: string, way: Way = systemWay(2000)) => ({
  url,
  way,
  name: (kind: string) => kind,
  identity: createIdentity({ configuredName: "configured" }),
  clocks: systemClocks,
});
async function health(url: string, way?: Way, signal = AbortSignal.timeout(2000)) {
  return (await healthProbe(deps(url, way), 1000).run(signal)) as HealthSample;
}
const failureIn = ({ result }: HealthSample) => (result.ok ? undefined : result.failure);

for (const status of [200, 503]) {
  test(`a health report counts with HTTP ${status}, and its service is the target`, async (t) => {
    const url = await serveHttp(t, (request, response) => {
      assert.equal(request.url, "/health");
      response.writeHead(status).end(JSON.stringify(healthBody({ status: "fail" })));
    });
    const sample = await health(url);
    assert.deepEqual([sample.kind, sample.probe, sample.target], ["health", "health", "shopbot"]);
    assert.ok(sample.result.ok);
    assert.equal(sample.result.body.status, "fail");
    assert.ok(sample.result.durationMs > 0);
  });
}

test("a time that is none is null, and every other value stays", async (t) => {
  const telegram = { mode: "polling", connected: true, last_success_at: "just now", username: "at" };
  const checks = { at: { ok: true } };
  const page = healthBody({ telegram, errors: { total: 1, last_at: "2026-11-21T12:00:00Z" }, checks });
  const url = await serveHttp(t, (_, response) => void response.end(JSON.stringify(page)));
  const { result } = await health(url);
  assert.ok(result.ok);
  const { telegram: read, errors } = result.body;
  assert.deepEqual([read.last_success_at, read.username, errors.last_at], [null, "at", "2026-11-21T12:00:00Z"]);
  assert.deepEqual(result.body.checks, checks);
});

test("what another program leaves out is null, as it is in ours", async (t) => {
  const page = healthBody({ telegram: { mode: "polling", connected: false }, telemetry: { enabled: false } });
  const url = await serveHttp(t, (_, response) => void response.end(JSON.stringify(page)));
  const { result } = await health(url);
  assert.ok(result.ok);
  const { telegram, updates, memory, backup, stopping, errors, telemetry } = result.body;
  assert.deepEqual([telegram.last_error, telegram.seconds_since_success, telegram.connected], [null, null, false]);
  assert.deepEqual([updates.oldest_in_flight_seconds, memory.limit_bytes], [null, null]);
  assert.deepEqual([backup, stopping, errors.by_reason], [null, false, {}]);
  assert.deepEqual([telemetry.enabled, telemetry.dropped], [false, { spans: 0, logs: 0 }]);
});

test("a backup without an error, or without a copy yet, may be told without it", async (t) => {
  const backups = [{ last_verified_at: "2026-11-21T03:00:00Z" }, {}];
  const pages = backups.map((backup) => JSON.stringify(healthBody({ backup })));
  const url = await serveHttp(t, (_, response) => void response.end(pages.shift()));
  const read = async () => {
    const { result } = await health(url);
    return result.ok && result.body.backup;
  };
  assert.deepEqual(await read(), { last_verified_at: "2026-11-21T03:00:00Z", last_error: null });
  assert.deepEqual(await read(), { last_verified_at: null, last_error: null });
});

test("a page that is no health report is a failure of the body", async (t) => {
  const bodies = [
    "<html>",
    "null",
    '"ok"',
    JSON.stringify({ ...healthBody(), telegram: null }),
    JSON.stringify({ status: "ok" }),
  ];
  for (const body of bodies) {
    const url = await serveHttp(t, (_, response) => void response.writeHead(502).end(body));
    assert.deepEqual(failureIn(await health(url)), {
      phase: "body",
      code: "HTTP_502",
      message: "no health report (HTTP 502)",
    });
  }
});

test("a refused port, a black hole, a silent server and an unknown name fail in four different ways", async (t) => {
  const silent = await serveTcp(t, () => {});
  const refused = await health(`http://127.0.0.1:${await refusedPort()}`);
  const hole = await health("http://192.0.2.1:9", { ...systemWay(50), connect: () => new Socket() });
  const wedged = await health(`http://127.0.0.1:${silent}`, systemWay(50));
  const nameless = await health("http://nobody.example", wayTo({}));
  const ends = [refused, hole, wedged, nameless].map((sample) => [failureIn(sample)?.phase, failureIn(sample)?.code]);
  assert.deepEqual(ends, [
    ["tcp", "ECONNREFUSED"],
    ["tcp", "ETIMEDOUT"],
    ["ttfb", "ETIMEDOUT"],
    ["dns", "ENOTFOUND"],
  ]);
  assert.equal(refused.target, "configured");
});

test("a connection that is closed before the answer, or in the middle of it, is a failure", async (t) => {
  const closing = await serveTcp(t, (socket) => socket.once("data", () => socket.end()));
  const cut = await serveTcp(t, (socket) =>
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")),
  );
  assert.deepEqual(failureIn(await health(`http://127.0.0.1:${closing}`))?.phase, "ttfb");
  assert.deepEqual(failureIn(await health(`http://127.0.0.1:${cut}`))?.phase, "body");
});

test("the caller's deadline ends a look that every phase alone would have allowed", async (t) => {
  const silent = await serveTcp(t, () => {});
  const deadline = new AbortController();
  const run = health(`http://127.0.0.1:${silent}`, systemWay(60_000), deadline.signal);
  deadline.abort();
  assert.equal(failureIn(await run)?.code, "ETIMEDOUT");
});

test("when the first address refuses, the second one is tried", async (t) => {
  const url = await serveHttp(t, (_, response) => void response.end(JSON.stringify(healthBody())));
  const { port } = new URL(url);
  const sample = await health(`http://two.example:${port}`, wayTo({ "two.example": ["127.0.0.2", "127.0.0.1"] }));
  assert.ok(sample.result.ok);
});

test("the handling probe reads p95 from two scrapes of the bot's metrics", async (t) => {
  let count = 0;
  const url = await serveHttp(t, (request, response) => {
    assert.equal(request.url, "/metrics");
    count += 100;
    response.end(
      `messaging_process_duration_seconds_bucket{a="b",le="1"} ${count}\nmessaging_process_duration_seconds_bucket{a="b",le="+Inf"} ${count}\n`,
    );
  });
  const probe = handlingProbe(deps(url), 1000);
  await probe.run(AbortSignal.timeout(2000));
  const sample = await probe.run(AbortSignal.timeout(2000));
  assert.ok(sample.kind === "handling" && sample.result.ok);
  assert.deepEqual(sample.result, { ok: true, p95Seconds: 0.95, updates: 100 });
});

test("metrics that nobody serves are a failure of the handling probe", async () => {
  const sample = await handlingProbe(deps(`http://127.0.0.1:${await refusedPort()}`), 1000).run(
    AbortSignal.timeout(2000),
  );
  assert.ok(sample.kind === "handling" && !sample.result.ok);
});
