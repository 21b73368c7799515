import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createAlertmanagerChannel } from "./alertmanager.ts";
import { createLogChannel } from "./log.ts";
import { createNtfyChannel } from "./ntfy.ts";
import { message, receiver, ROUTE } from "./testing.ts";
import { createWebhookChannel } from "./webhook.ts";

const soon = () => AbortSignal.timeout(5000);
const OVER = { kind: "resolved", status: "resolved", endsWallMs: Date.parse("2026-11-20T15:21:40Z") } as const;

test("the webhook gets Alertmanager's format, version 4", async (t) => {
  const { url, got } = await receiver(t);
  const channel = createWebhookChannel(url);
  t.after(channel.close);
  const answer = await channel.send(message(), ROUTE, soon());
  assert.equal(answer.answered && answer.status, 200);
  const body = JSON.parse(got[0]?.body ?? "");
  assert.equal(body.version, "4");
  assert.equal(body.status, "firing");
  assert.deepEqual(body.alerts[0].labels, {
    alertname: "TelegramBotDisconnected",
    service_name: "shopbot",
    severity: "critical",
    source: "sidecar",
    cause: "poll_stalled",
  });
  assert.equal(body.alerts[0].startsAt, "2026-11-20T14:02:11.000Z");
  assert.equal(body.alerts[0].endsAt, "0001-01-01T00:00:00Z");
  assert.equal(body.alerts[0].fingerprint, "K7F2");
  await channel.send(message(OVER), ROUTE, soon());
  const over = JSON.parse(got[1]?.body ?? "");
  assert.equal(over.alerts[0].status, "resolved");
  assert.equal(over.alerts[0].endsAt, "2026-11-20T15:21:40.000Z");
});

test("ntfy gets one PUT with title, priority, tags and actions", async (t) => {
  const { url, got } = await receiver(t);
  const channel = createNtfyChannel(`${url}/topic`);
  t.after(channel.close);
  await channel.send(message({ title: "шоп: <down>" }), ROUTE, soon());
  await channel.send(
    message({ ...OVER, silent: true, links: { dashboard: null, trace: null, runbook: null } }),
    ROUTE,
    soon(),
  );
  const [firing, over] = got;
  assert.equal(`${firing?.method} ${firing?.path}`, "PUT /topic");
  assert.equal(firing?.headers["title"], `=?UTF-8?B?${Buffer.from("шоп: <down>").toString("base64")}?=`);
  assert.equal(firing?.headers["priority"], "urgent");
  assert.equal(firing?.headers["tags"], "rotating_light");
  assert.equal(
    firing?.headers["actions"],
    "view, dashboard, https://grafana.example.org/d/x; view, runbook, https://runbooks.example.org/r",
  );
  assert.equal(firing?.body, message().plain);
  assert.equal(over?.headers["priority"], "low");
  assert.equal(over?.headers["tags"], "white_check_mark");
  assert.equal(over?.headers["actions"], undefined);
});

test("a long text in another script is cut for ntfy at whole characters, before it becomes a file", async (t) => {
  const { url, got } = await receiver(t);
  const channel = createNtfyChannel(`${url}/topic`);
  t.after(channel.close);
  await channel.send(message({ plain: `x${"ошибка 🔴 ".repeat(350)}` }), ROUTE, soon());
  const body = got[0]?.body ?? "";
  assert.ok(Buffer.byteLength(body) <= 4096 && Buffer.byteLength(body) > 4080);
  assert.match(body, /^xошибка 🔴 .*…$/);
  assert.doesNotMatch(body, /\ufffd/);
});

test("Alertmanager is told again what still fires, each time for five minutes", async (t) => {
  const { url, got } = await receiver(t);
  let wallMs = Date.parse("2026-11-20T14:03:00Z");
  const channel = createAlertmanagerChannel(url, () => wallMs);
  t.after(channel.close);
  await channel.send(message(), ROUTE, soon());
  wallMs += 60_000;
  await channel.refresh?.([message()], soon());
  await channel.refresh?.([], soon());
  await channel.send(message(OVER), ROUTE, soon());
  assert.deepEqual(
    got.map(({ method, path, body }) => `${method} ${path} ${JSON.parse(body)[0].endsAt}`),
    [
      "POST /api/v2/alerts 2026-11-20T14:08:00.000Z",
      "POST /api/v2/alerts 2026-11-20T14:09:00.000Z",
      "POST /api/v2/alerts 2026-11-20T15:21:40.000Z",
    ],
  );
  assert.equal(JSON.parse(got[0]?.body ?? "")[0].labels.alertname, "TelegramBotDisconnected");
});

test("to Alertmanager an alert is the same one when its cause gets known", async (t) => {
  const { url, got } = await receiver(t);
  const channel = createAlertmanagerChannel(url, Date.now);
  t.after(channel.close);
  await channel.send(message({ cause: "unknown" }), ROUTE, soon());
  await channel.refresh?.([message({ cause: "poll_stalled" })], soon());
  const [first, second] = got.map(({ body }) => JSON.parse(body)[0]);
  assert.deepEqual(second.labels, first.labels);
  assert.deepEqual([first.annotations.cause, second.annotations.cause], ["unknown", "poll_stalled"]);
});

test("a test alert fires at Alertmanager and ends by itself", async (t) => {
  const { url, got } = await receiver(t);
  const wallMs = Date.parse("2026-11-20T14:03:00Z");
  const channel = createAlertmanagerChannel(url, () => wallMs);
  t.after(channel.close);
  await channel.send(message({ kind: "test", endsWallMs: wallMs }), ROUTE, soon());
  assert.equal(JSON.parse(got[0]?.body ?? "")[0].endsAt, "2026-11-20T14:08:00.000Z");
});

test("a receiver's refusal comes with its words and Retry-After", async (t) => {
  const { url } = await receiver(t, 429, { "retry-after": "9" });
  const channel = createWebhookChannel(url);
  t.after(channel.close);
  assert.deepEqual(await channel.send(message(), ROUTE, soon()), {
    answered: true,
    status: 429,
    text: "said no more",
    retryAfter: "9",
  });
});

test("a refused connection was certainly not sent, a connection that dies after the body may have been", async (t) => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.resetAndDestroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const channel = createWebhookChannel(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(channel.close);
  const taken = await channel.send(message(), ROUTE, soon());
  assert.deepEqual({ ...taken, code: "" }, { answered: false, code: "", written: true });
  server.close();
  await once(server, "close");
  assert.deepEqual(await channel.send(message(), ROUTE, soon()), {
    answered: false,
    code: "ECONNREFUSED",
    written: false,
  });
});

test("a receiver that is silent ends at the deadline and may have taken the message", async (t) => {
  const server = createServer((socket) => void socket.on("error", () => {}).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const channel = createWebhookChannel(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const answer = await channel.send(message(), ROUTE, AbortSignal.timeout(100));
  assert.deepEqual({ ...answer, code: "" }, { answered: false, code: "", written: true });
  await channel.close();
  server.close();
  t.after(() => server.close());
});

test("the log gets a line with the fields of the alert", async () => {
  const lines: unknown[][] = [];
  const keep =
    (level: string) =>
    (...line: unknown[]) =>
      void lines.push([level, ...line]);
  const channel = createLogChannel({ warn: keep("warn"), info: keep("info") } as never);
  await channel.send(message(), ROUTE, soon());
  await channel.send(message(OVER), ROUTE, soon());
  await channel.close();
  assert.deepEqual(
    lines.map(([level, fields]) => [level, (fields as { incident: string }).incident]),
    [
      ["warn", "K7F2"],
      ["info", "K7F2"],
    ],
  );
});
