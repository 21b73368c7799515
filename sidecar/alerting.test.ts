import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createLog } from "@gramwatch/otel";
import { ProxyTracerProvider } from "@opentelemetry/api";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { createAlerting } from "./alerting.ts";
import { readConfig } from "./config.ts";
import { serveHttp } from "./probes/testing.ts";
import { openState } from "./state/state.ts";

const CHAT = -100_777;

async function setUp(t: TestContext, over: (alarm: string, shop: string) => Record<string, string>) {
  const telegram = await startFakeTelegram({ bots: ["shop", "alarm"] });
  t.after(() => telegram.close());
  telegram.group({ id: CHAT, type: "supergroup" });
  const lines: string[] = [];
  const config = readConfig({
    TELEGRAM_API_ROOT: telegram.url,
    BOT_TOKEN: telegram.bot("shop").token,
    ...over(telegram.bot("alarm").token, telegram.bot("shop").token),
  });
  const state = openState(undefined);
  const alerting = createAlerting(config, 1000, {
    state,
    evidence: { lastFailingTrace: () => undefined, topErrors: () => [] },
    telemetry: { tracer: new ProxyTracerProvider().getTracer("test") },
    log: createLog({ destination: { write: (line) => void lines.push(line) } }),
  });
  t.after(() => alerting.sender.close());
  return { telegram, alerting, state, lines };
}

test("a test alert goes through every channel and brings the other side's own words", async (t) => {
  const hooked: string[] = [];
  const hook = await serveHttp(t, (request, response) => {
    request.on("data", (chunk) => hooked.push(String(chunk))).on("end", () => response.writeHead(500).end("disk full"));
  });
  const { telegram, alerting } = await setUp(t, (alarm) => ({
    ALERT_BOT_TOKEN: alarm,
    ALERT_CHAT_ID: String(CHAT),
    ALERT_WEBHOOK_URL: hook,
    ALERT_NTFY_URL: `${hook}/topic`,
  }));
  const [first, second] = await alerting.testAlert();
  assert.deepEqual(first, { channel: "telegram", ok: true, answer: "sent" });
  assert.equal(telegram.messages(CHAT).length, 1);
  assert.equal(second?.channel, "webhook");
  assert.equal(second?.ok, false);
  assert.match(second?.answer ?? "", /500|disk full/);
  assert.match(hooked.join(), /Test alert/);
  telegram.revoke("alarm");
  assert.deepEqual((await alerting.testAlert())[0], { channel: "telegram", ok: false, answer: "Unauthorized" });
});

test("without any channel the alerts are log lines", async (t) => {
  const { alerting, lines } = await setUp(t, () => ({}));
  assert.deepEqual(await alerting.testAlert(), [{ channel: "log", ok: true, answer: "sent" }]);
  assert.match(lines.join(), /Test alert/);
});

test("buttons are read with the alert bot's own token, for button presses only", async (t) => {
  const { telegram, alerting } = await setUp(t, (alarm) => ({
    ALERT_BOT_TOKEN: alarm,
    ALERT_CHAT_ID: String(CHAT),
    BOT_ADMINS: "4242",
  }));
  const end = new AbortController();
  const reading = alerting.readButtons(end.signal);
  const call = await telegram.called("getUpdates");
  end.abort();
  await reading;
  assert.deepEqual([call.bot, call.params["allowed_updates"]], ["alarm", ["callback_query"]]);
});

test("with the watched bot's token, or without admins, nobody polls", async (t) => {
  const shared = await setUp(t, () => ({ ALERT_CHAT_ID: String(CHAT), BOT_ADMINS: "4242" }));
  await shared.alerting.readButtons(AbortSignal.timeout(1000));
  const nobody = await setUp(t, (alarm) => ({ ALERT_CHAT_ID: String(CHAT), ALERT_BOT_TOKEN: alarm }));
  await nobody.alerting.readButtons(AbortSignal.timeout(1000));
  assert.deepEqual([...shared.telegram.calls(), ...nobody.telegram.calls()], []);
});
