import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { createBotHealth } from "./health.ts";
import { serveHealth } from "./http.ts";
import { createLog } from "./log.ts";
import { startTelemetry } from "./start.ts";

async function start(t: TestContext, port = 0) {
  const telemetry = startTelemetry({ serviceName: "bot", serviceVersion: "1", env: { OTEL_SDK_DISABLED: "true" } });
  const lines: string[] = [];
  const log = createLog({ destination: { write: (line) => void lines.push(line) } });
  const health = createBotHealth({ telemetry });
  const server = await serveHealth({ host: "127.0.0.1", port, health, telemetry, log });
  t.after(async () => {
    await server.close();
    await telemetry.shutdown(10);
  });
  const get = async (path: string, method = "GET") => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.text() };
  };
  return { telemetry, health, server, get, lines };
}

test("/livez is ok whatever Telegram does", async (t) => {
  const { health, get } = await start(t);
  health.poll.stopped();
  assert.deepEqual(await get("/livez"), { status: 200, type: "text/plain; charset=utf-8", body: "ok\n" });
  assert.equal((await get("/livez?x=1", "HEAD")).body, "");
});

test("/readyz is 200 when Telegram and every check are well, else 503 and says which is not", async (t) => {
  const { health, get } = await start(t);
  health.addCheck("sqlite", () => ({ ok: true }));
  const before = await get("/readyz");
  assert.equal(before.status, 503);
  assert.deepEqual(JSON.parse(before.body), {
    status: "fail",
    checks: { telegram: { ok: false, error: "not connected yet" }, sqlite: { ok: true } },
  });
  health.poll.returned();
  const after = await get("/readyz");
  assert.deepEqual([after.status, after.type], [200, "application/json"]);
  assert.deepEqual(JSON.parse(after.body), { status: "ok", checks: { telegram: { ok: true }, sqlite: { ok: true } } });
  health.stop();
  assert.equal((await get("/readyz")).status, 503);
});

test("/health is 200 for ok and degraded, 503 with the same body for fail", async (t) => {
  const { health, get } = await start(t);
  health.addCheck("whisper", () => ({ ok: false }));
  const degraded = await get("/health");
  assert.equal(degraded.status, 200);
  assert.equal((JSON.parse(degraded.body) as { status: string }).status, "degraded");
  health.addCheck("sqlite", () => ({ ok: false, error: "disk I/O error" }), { critical: true });
  const failed = await get("/health");
  assert.equal(failed.status, 503);
  const body = JSON.parse(failed.body) as { status: string; checks: Record<string, unknown> };
  assert.equal(body.status, "fail");
  assert.deepEqual(body.checks["sqlite"], { ok: false, error: "disk I/O error" });
});

test("/metrics is one comment line with telemetry off; other paths and methods are refused", async (t) => {
  const { get } = await start(t);
  const page = await get("/metrics");
  assert.deepEqual([page.status, page.type], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  assert.match(page.body, /^# [^\n]+\n$/);
  assert.equal((await get("/")).status, 404);
  assert.equal((await get("/health", "POST")).status, 405);
});

test("a page that fails is a 500 and a log line, not a crash", async (t) => {
  const { telemetry, get, lines } = await start(t);
  telemetry.metricsPage = () => Promise.reject(new Error("bug"));
  assert.equal((await get("/metrics")).status, 500);
  assert.match(lines.join(""), /a health page failed/);
});

test("a busy port is Node's error", async (t) => {
  const { server } = await start(t);
  await assert.rejects(start(t, server.port), { code: "EADDRINUSE" });
});
