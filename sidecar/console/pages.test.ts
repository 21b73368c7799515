import assert from "node:assert/strict";
import { test } from "node:test";
import { Hono } from "hono";
import type { ConsoleDeps } from "../api/deps.ts";
import { logRecord, spanRecord } from "../store/testing.ts";
import { createConsole } from "./app.ts";
import { createLive } from "./live.ts";
import { addBusyDay, alert, createWorld, health, type World } from "./testing.ts";

const NOW_MS = Date.parse("2026-11-21T14:14:11Z");

function pages(t: { after(run: () => void): void }, change: (world: World) => Partial<ConsoleDeps> | void = () => {}) {
  const world = createWorld({ nowMs: NOW_MS });
  t.after(() => world.store.close());
  const deps = { ...world.deps, ...change(world) };
  const app = createConsole(deps, { ...world.options, grafanaUrl: "https://grafana.example" });
  const get = async (path: string) => {
    const answer = await app.request(path, { headers: { host: "localhost" } });
    const html = await answer.text();
    const main = html.slice(html.indexOf("<main"));
    const text = main
      .replaceAll(/<[^>]*>/g, " ")
      .replaceAll("&#39;", "'")
      .replaceAll(/\s+/g, " ")
      .replaceAll(" ,", ",");
    return { status: answer.status, headers: answer.headers, html, text };
  };
  return { ...world, get };
}
const seen = { atMs: 0, wallMs: NOW_MS, target: "shopbot" };
const failure = { phase: "tcp" as const, code: "ECONNREFUSED", message: "connect ECONNREFUSED" };

test("before anything was seen every page says so instead of being empty", async (t) => {
  const { get } = pages(t);
  assert.match((await get("/")).text, /Waiting No bot was seen yet.*Not looked at yet.*None in 24 h/);
  assert.match((await get("/requests")).text, /No request yet/);
  assert.match((await get("/requests?q=x")).text, /No stored request matches/);
  assert.match((await get("/errors")).text, /No error in the last 24 hours/);
  assert.match((await get("/alerts")).text, /Nothing fires.*No incident yet.*No message was sent/);
  assert.match((await get("/logs")).text, /No log record matches/);
});

test("what is not there is 404 in words, on a page as for an asset", async (t) => {
  const { get } = pages(t);
  for (const path of [
    "/nothing",
    "/requests/4bf92f35",
    "/requests/hello",
    "/incidents/ZZZZ",
    "/runbooks/nothing",
    "/assets/x.css",
  ]) {
    const { status, text } = await get(path);
    assert.equal(status, 404, path);
    assert.match(text, /Not here/);
  }
});

test("who only asks for the head of /events takes no stream from the pages", async (t) => {
  const { deps, options } = pages(t);
  const app = createConsole(deps, options);
  const ask = (method: string) => app.request("/events", { method, headers: { host: "localhost" } });
  for (let nth = 0; nth < 40; nth += 1) assert.equal((await ask("HEAD")).status, 200);
  const stream = await ask("GET");
  assert.equal(stream.status, 200);
  await stream.body?.cancel();
});

test("pages are told to look again also while nothing can be written", async () => {
  const app = new Hono().get("/events", createLive({ onChange: () => () => true }, 1));
  const body = (await app.request("/events")).body?.pipeThrough(new TextDecoderStream()) ?? [];
  let said = "";
  for await (const text of body) if ((said += text).includes("event: changed")) break;
  assert.match(said, /^event: hello\n/);
});

test("a query that is not understood is 400 with the reason", async (t) => {
  const { get } = pages(t);
  const { status, text } = await get("/requests?min_duration=soon");
  assert.equal(status, 400);
  assert.match(text, /min_duration is a duration/);
});

test("a page that breaks is 500 without its reason, which goes to the log", async (t) => {
  const logged: unknown[] = [];
  const broken = new Error("secret reason");
  const deliveries = () => {
    throw broken;
  };
  const { get } = pages(t, () => ({ deliveries, onError: (error) => logged.push(error) }));
  const { status, text } = await get("/alerts");
  assert.equal(status, 500);
  assert.match(text, /This page broke The sidecar's log says why/);
  assert.doesNotMatch(text, /secret reason/);
  assert.deepEqual(logged, [broken]);
});

test("the day of a bot: state, uptime, rate, errors against their limit, what waits, the disk's pace", async (t) => {
  const { get } = pages(t, addBusyDay);
  const { text, html } = await get("/");
  assert.match(text, /✕ Firing shopbot: disconnected from Telegram since 14:07:59 UTC, 6 min 12 s/);
  assert.match(
    text,
    /Poll stalled: the connection of the long poll is dead\. Telegram is reachable [^.]*41 updates waiting\. No getUpdates has/,
  );
  assert.match(text, /Told: Telegram 14:13:00 UTC · Ntfy/);
  assert.match(text, /✕ Disconnected shopbot polling · 1\.4\.2 · up 3 d 4 h/);
  assert.match(html, /Connected in 9\d of 9\d quarters of an hour seen/);
  assert.match(text, /Errors, 1 h 3 of 10/);
  assert.match(text, /Waiting at Telegram 41/);
  assert.match(text, /31\.2 of 40 GB Grows 190 MB a day: full in 46 d\./);
  assert.match(text, /▲ slow whisper 2\.1 s ● ok Internet, 2 of 2/);
});

test("a quiet day names the last incident", async (t) => {
  const { get } = pages(t, (world) => {
    addBusyDay(world);
    world.alerts.shift();
  });
  assert.match((await get("/")).text, /● Quiet Nothing fires\. Last: whisper: healthy again, 2 h ago/);
});

test("an inhibited incident is not shouted on the first page, but links to its parent on its own", async (t) => {
  const { get } = pages(t, ({ alerts }) => void alerts.push(alert({ inhibited_by: "P4R3" }, NOW_MS)));
  assert.doesNotMatch((await get("/")).text, /Firing/);
  assert.match((await get("/incidents/K7F2")).text, /explained by #P4R3/);
});

test("an incident tells its history in order, with what others know of it", async (t) => {
  const { get } = pages(t, (world) => {
    addBusyDay(world);
    return { timeline: () => [{ at: new Date(NOW_MS - 60_000).toISOString(), text: "cause became clear" }] };
  });
  const { text } = await get("/incidents/K7F2");
  assert.match(text, /began .* fired, critical .* telegram was told: firing .* cause became clear/);
  assert.match(text, /✕ parked webhook firing #K7F2 403 Forbidden/);
  assert.match((await get("/incidents/M3QD")).text, /● Over whisper: healthy again/);
});

test("troubles around the bot are named: dead health page, lost telemetry, failed backup, full and unreadable disks", async (t) => {
  const { get } = pages(t, ({ status }) => {
    const telemetry = {
      enabled: true,
      exporting: false,
      dropped: { spans: 7, logs: 1 },
      last_export_error: { at: new Date(NOW_MS).toISOString(), signal: "traces", reason: "timeout" },
    };
    const backup = { last_verified_at: null, last_error: "disk full" };
    const disk = {
      ok: true as const,
      availableBytes: 1,
      sizeBytes: 100,
      inodesFree: 1,
      inodes: 2,
      readOnly: true,
      device: "1",
    };
    status.observe({
      ...seen,
      kind: "health",
      probe: "health",
      result: { ok: true, durationMs: 1, body: health({ telemetry, backup }) },
    });
    status.observe({ ...seen, target: "deadbot", kind: "health", probe: "health:2", result: { ok: false, failure } });
    status.observe({
      ...seen,
      target: "tokenbot",
      kind: "telegram",
      probe: "telegram:3",
      paths: [{ family: 4, failure }],
    });
    status.observe({ ...seen, kind: "control", probe: "c1", failure });
    status.observe({ ...seen, kind: "control", probe: "c2" });
    status.observe({ ...seen, target: "/full", kind: "disk", probe: "disk:1", result: disk });
    status.observe({ ...seen, target: "/gone", kind: "disk", probe: "disk:2", result: { ok: false, code: "EIO" } });
    return {
      heartbeats: () => [{ heartbeat: "delivery", ok: false, last_sent_at: null, error: "HTTP 500" }],
      channels: () => [],
    };
  });
  const { text } = await get("/");
  assert.match(text, /✕ Down deadbot health page: connect ECONNREFUSED/);
  assert.match(text, /○ No data tokenbot watched by its token alone/);
  assert.match(text, /▲ gaps Telemetry of shopbot 8 records lost, timeout 0 s ago/);
  assert.match(text, /✕ failed Backup of shopbot, verified disk full/);
  assert.match(text, /▲ partly Internet, 1 of 2/);
  assert.match(text, /✕ failed Delivery heartbeat HTTP 500/);
  assert.match(text, /✕ failed Telegram, first byte tcp: connect ECONNREFUSED/);
  assert.match(text, /\/full 0\.1 of 0\.1 kB|\/full 99 of 100 B Read-only\./);
  assert.match(text, /✕ unreadable \/gone/);
  assert.match((await get("/alerts")).text, /No channel is configured/);
});

test("the rate of updates is that of the minutes that were seen", async (t) => {
  const { get } = pages(t, ({ status, store }) => {
    status.observe({ ...seen, kind: "health", probe: "health", result: { ok: true, durationMs: 1, body: health() } });
    for (const minutesAgo of [1, 2])
      store.addPoint({ target: "shopbot", series: "updates", atMs: NOW_MS - minutesAgo * 60_000, value: 60 });
  });
  assert.match((await get("/")).text, /Updates 60\.0 \/min/);
});

test("the last error is among the last errors, however many others are more frequent", async (t) => {
  const { get } = pages(t, ({ store }) => {
    const failure = (type: string, minutesAgo: number) =>
      logRecord({ atMs: NOW_MS - minutesAgo * 60_000, severity: 17, attributes: { "exception.type": type } });
    for (let at = 0; at < 60; at += 1)
      store.addLogs([failure(`Often${at}Error`, 1200 - 10 * at), failure(`Often${at}Error`, 1200 - 10 * at)]);
    store.addLogs([failure("NewestError", 1)]);
  });
  assert.match((await get("/")).text, /Last errors NewestError/);
});

test("telemetry that is turned off has no gaps", async (t) => {
  const { get } = pages(t, ({ status }) => {
    const telemetry = {
      enabled: false,
      exporting: false,
      dropped: { spans: 0, logs: 0 },
      last_export_error: null,
    };
    status.observe({
      ...seen,
      kind: "health",
      probe: "health",
      result: { ok: true, durationMs: 1, body: health({ telemetry }) },
    });
  });
  assert.doesNotMatch((await get("/")).text, /gaps/);
});

test("a request leads on to Grafana and to the same user", async (t) => {
  const { get } = pages(t, addBusyDay);
  const { html, text } = await get("/requests/4bf92f35");
  assert.match(
    html,
    /href="https:\/\/grafana\.example\/d\/gramwatch-trace\?var-traceId=4bf92f3577b34da6a3ce929d0e0e4736"/,
  );
  assert.match(text, /Same user, this hour: 13/);
  assert.match((await get("/requests/c000000000000000")).text, /Not here/);
});

test("what the same user did days later is not of this hour", async (t) => {
  const { get, store } = pages(t);
  const attributes = { "user.hash": "9f2c11d07ab3e480" };
  for (const [at, daysAgo] of [3, 3, 1, 0].entries()) {
    const traceId = String(at + 1).padStart(32, "d");
    store.addSpans([spanRecord({ traceId, atMs: NOW_MS - daysAgo * 86_400_000 + at * 60_000, attributes })]);
  }
  assert.match((await get(`/requests/${"1".padStart(32, "d")}`)).text, /Same user, this hour: 2/);
});

test("requests under one reference are listed on each other's page", async (t) => {
  const { get } = pages(t, addBusyDay);
  assert.match((await get("/requests/cccccccc")).text, /11 more requests under this reference/);
});

test("a full list leads to a longer one with the same filter", async (t) => {
  const { get } = pages(t, addBusyDay);
  const link = async (path: string) =>
    /href="(\/requests\?[^"]*limit=500[^"]*)"/.exec((await get(path)).html)?.[1]?.replaceAll("&amp;", "&");
  assert.equal(await link("/requests"), undefined);
  assert.equal(await link("/requests?limit=5&service=shopbot"), "/requests?limit=500&service=shopbot");
  const all = "q=message&error=false&min_duration=1ms&user=9f2c11d07ab3e480&show=all";
  const longer = await link(`/requests?limit=5&${all}`);
  assert.deepEqual(new Set(longer?.split("?")[1]?.split("&")), new Set(`limit=500&${all}`.split("&")));
  assert.equal(await link(longer ?? ""), undefined);
});

test("assets are named by their content and may be kept for ever", async (t) => {
  const { get } = pages(t);
  const url = /href="(\/assets\/[0-9a-f]{10}-console\.css)"/.exec((await get("/")).html)?.[1] ?? "";
  const { status, headers } = await get(url);
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "text/css; charset=utf-8");
  assert.match(headers.get("cache-control") ?? "", /immutable/);
});
