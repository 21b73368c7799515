import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { startTestBot, until } from "../testing.ts";

interface Asked {
  method: string | undefined;
  path: string | undefined;
  authorization: string | undefined;
  body: unknown;
}

/** A sidecar that answers what it is told to and remembers what it was asked. */
async function fakeSidecar(t: TestContext, answers: Record<string, [status: number, body: unknown]>) {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = "";
    request.on("data", (part: Buffer) => (text += part.toString()));
    request.on("end", () => {
      const { method, url, headers } = request;
      asked.push({
        method,
        path: url,
        authorization: headers.authorization,
        body: text === "" ? undefined : JSON.parse(text),
      });
      const [status, body] = answers[`${method} ${url}`] ?? [
        404,
        { error: { code: "not_found", message: "no such incident, or it is over" } },
      ];
      response.writeHead(status, { "content-type": "application/json" });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const alert = {
  id: "K7F2",
  rule: "TelegramBotDisconnected",
  target: "shop",
  severity: "critical",
  state: "firing",
  summary: "no poll for 5 min & more",
  started_at: "2026-11-21T12:00:00Z",
  acked_by: "@ann",
  silenced_until: null,
};
const trace = {
  trace_id: "4bf92f35".padEnd(32, "0"),
  started_at: "2026-11-21T12:00:00Z",
  duration_ms: 1234,
  error: "handler",
  spans: [
    {
      name: "process message",
      duration_ms: 1234,
      error: "handler",
      children: [{ name: "sendMessage", duration_ms: 12.4, error: null, children: [] }],
    },
  ],
  logs: [
    { severity: "INFO", body: "nothing to see", attributes: {} },
    { severity: "ERROR", body: "update failed", attributes: { "exception.message": "boom <here>" } },
  ],
  others: [{ trace_id: "4bf92f35".padEnd(32, "1") }],
};

const adminOf = (sidecar: { url: string }) => ({
  env: { BOT_ADMINS: "4242", SIDECAR_URL: sidecar.url, SIDECAR_API_TOKEN: "s3cret-token" },
});

test("an admin sees status, alerts and traces, and silences; the token goes along", async (t) => {
  const sidecar = await fakeSidecar(t, {
    "GET /api/alerts?state=firing": [200, { alerts: [alert] }],
    "GET /api/traces/4bf92f35": [200, trace],
    "POST /api/alerts/K7F2/silence": [200, { alert }],
  });
  const bot = await startTestBot(t, adminOf(sidecar));
  assert.match(await bot.ask("/help"), /\/silence &lt;alert&gt; &lt;time&gt;/);
  assert.match(
    await bot.ask("/status"),
    /^<b>ok<\/b> · version test · up 0 min \d+ s\nupdates: 1 handled, 0 failed, 0 waiting · errors: 0\n🔴 /,
  );
  assert.equal(
    await bot.ask("/alerts"),
    "🔴 <code>K7F2</code> <b>TelegramBotDisconnected</b> shop: no poll for 5 min &amp; more (acknowledged by @ann)",
  );
  assert.equal(
    await bot.ask("/trace 4BF92F35"),
    `<b>failed: handler</b> · 2026-11-21T12:00:00Z · 1.2 s
✗ process message 1.2 s (handler)
   · sendMessage 12 ms
ERROR update failed: boom &lt;here&gt;
<code>4bf92f35000000000000000000000000</code>
also: <code>4bf92f35111111111111111111111111</code>`,
  );
  assert.equal(await bot.ask("/silence k7f2 1h"), "Silenced <b>K7F2</b> for 1h.");
  assert.deepEqual(sidecar.asked.at(-1), {
    method: "POST",
    path: "/api/alerts/K7F2/silence",
    authorization: "Bearer s3cret-token",
    body: { for: "1h", by: "@you" },
  });
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("others see neither the commands nor what they would say", async (t) => {
  const sidecar = await fakeSidecar(t, {});
  const bot = await startTestBot(t, adminOf(sidecar));
  assert.doesNotMatch(await bot.ask("/help", { user: 7 }), /silence/);
  for (const command of ["/status", "/alerts", "/trace 4bf92f35", "/silence K7F2 1h"]) {
    assert.equal(await bot.ask(command, { user: 7 }), "Only the operators of this bot may do that.");
  }
  assert.deepEqual(sidecar.asked, []);
});

test("what the sidecar refuses is told in its own words, and is no error of the bot", async (t) => {
  const sidecar = await fakeSidecar(t, {
    "GET /api/alerts?state=firing": [401, { error: { code: "unauthorized", message: "no" } }],
  });
  const bot = await startTestBot(t, adminOf(sidecar));
  assert.equal(await bot.ask("/silence ZZZZ 1h"), "The sidecar says: no such incident, or it is over");
  assert.equal(await bot.ask("/alerts"), "The sidecar says: SIDECAR_API_TOKEN is missing or wrong");
  assert.match(await bot.ask("/silence K7F2"), /For example: \/silence K7F2 1h/);
  assert.match(await bot.ask("/trace everything"), /For example: \/trace 4bf92f35/);
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("without a sidecar /status still tells how the bot is, the others are a failed dependency", async (t) => {
  const sidecar = await fakeSidecar(t, { "GET /api/alerts?state=firing": [200, "<html>"] });
  const nonsense = await startTestBot(t, adminOf(sidecar));
  assert.match(await nonsense.ask("/alerts"), /something went wrong/);
  const bot = await startTestBot(t, adminOf({ url: "http://127.0.0.1:1" }));
  assert.match(await bot.ask("/status"), /^<b>ok<\/b>.*\nthe sidecar: does not answer$/s);
  assert.match(await bot.ask("/alerts"), /something went wrong/);
  await until(() => bot.app.health.snapshot().errors.by_reason["dependency"] === 1);
});

test("pressed alert buttons reach the sidecar after they are answered", async (t) => {
  const ok: [number, unknown] = [200, { alert }];
  const sidecar = await fakeSidecar(t, {
    "POST /api/alerts/K7F2/ack": ok,
    "POST /api/alerts/K7F2/silence": ok,
    "POST /api/alerts/K7F2/undo": ok,
  });
  const bot = await startTestBot(t, adminOf(sidecar));
  await bot.ask("/ping");
  const buttons = ["a", "s1", "s8", "u"].map((action) => ({ text: action, callback_data: `${action}|K7F2|9fQ2` }));
  const markup = {
    inline_keyboard: [[...buttons, { text: "gone", callback_data: "a|GONE|9fQ2" }, { text: "?", callback_data: "x" }]],
  };
  const sent = await fetch(`${bot.telegram.url}/bot${bot.telegram.bot().token}/sendMessage`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ chat_id: 4242, text: "an alert", reply_markup: markup }),
  });
  assert.equal(sent.status, 200);
  for (const [index, action] of ["a", "s1", "s8", "u"].entries()) {
    bot.telegram.press(`${action}|K7F2|9fQ2`);
    await until(() => sidecar.asked.length === index + 1);
  }
  assert.deepEqual(
    sidecar.asked.map(({ path, body }) => [path, body]),
    [
      ["/api/alerts/K7F2/ack", { by: "@you" }],
      ["/api/alerts/K7F2/silence", { for: "1h", by: "@you" }],
      ["/api/alerts/K7F2/silence", { for: "8h", by: "@you" }],
      ["/api/alerts/K7F2/undo", { by: "@you" }],
    ],
  );
  bot.telegram.press("a|GONE|9fQ2");
  bot.telegram.press("x");
  const answers = async (): Promise<unknown[]> => {
    await bot.telegram.called("answerCallbackQuery", { skip: 5 });
    return bot.telegram.calls().flatMap((call) => (call.method === "answerCallbackQuery" ? [call.params["text"]] : []));
  };
  assert.deepEqual(await answers(), [
    "Acknowledging…",
    "Silencing for 1 hour…",
    "Silencing for 8 hours…",
    "Taking it back…",
    "Acknowledging…",
    undefined,
  ]);
  await until(() => bot.app.health.snapshot().updates.handled === 7);
  const [last] = bot.telegram.messages(4242).slice(-1);
  assert.equal(last && "text" in last && last.text, "GONE: no such incident, or it is over");
  assert.equal(bot.app.health.snapshot().errors.total, 0);
});

test("a button pressed while the bot was away does its work although Telegram has forgotten the press", async (t) => {
  const sidecar = await fakeSidecar(t, { "POST /api/alerts/K7F2/ack": [200, { alert }] });
  const bot = await startTestBot(t, adminOf(sidecar));
  await bot.ask("/ping");
  const markup = { inline_keyboard: [[{ text: "Ack", callback_data: "a|K7F2|9fQ2" }]] };
  await fetch(
    `${bot.telegram.url}/bot${bot.telegram.bot().token}/sendMessage?chat_id=4242&text=alert&reply_markup=${encodeURIComponent(JSON.stringify(markup))}`,
  );
  const description = "Bad Request: query is too old and response timeout expired or query ID is invalid";
  bot.telegram.faults.add({ method: "answerCallbackQuery", fault: { kind: "error", code: 400, description } });
  bot.telegram.press("a|K7F2|9fQ2");
  await until(() => bot.app.health.snapshot().updates.handled === 2);
  assert.deepEqual(
    sidecar.asked.map(({ path }) => path),
    ["/api/alerts/K7F2/ack"],
  );
});

test("a button pressed by somebody who is no admin changes nothing", async (t) => {
  const sidecar = await fakeSidecar(t, {});
  const bot = await startTestBot(t, { env: { SIDECAR_URL: sidecar.url } });
  await bot.ask("/ping");
  const markup = { inline_keyboard: [[{ text: "Ack", callback_data: "a|K7F2|9fQ2" }]] };
  await fetch(
    `${bot.telegram.url}/bot${bot.telegram.bot().token}/sendMessage?chat_id=4242&text=alert&reply_markup=${encodeURIComponent(JSON.stringify(markup))}`,
  );
  bot.telegram.press("a|K7F2|9fQ2");
  const call = await bot.telegram.called("answerCallbackQuery");
  assert.equal(call.params["text"], "Only the operators of this bot may do that.");
  assert.deepEqual(sidecar.asked, []);
});
