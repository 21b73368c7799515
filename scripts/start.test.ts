import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { ALERTS, freePorts, RUN, startProduct, until } from "./product/product.ts";

test("npm start: the three moments, end to end", { timeout: 120_000 }, async (t) => {
  const product = await startProduct({ DISCONNECTED_AFTER: "3s" });
  t.after(product.stop);
  const answers = () => product.messages(4242, "shop");
  const alerts = () => product.messages(ALERTS, "alerts");

  const story: [string, RegExp][] = [
    ["/start", /\/add/],
    ["/help", /\/list/],
    ["/ping", /pong/i],
    ["/add buy milk", /buy milk/],
    ["/list", /buy milk/],
    ["/done 1", /buy milk|done/i],
  ];
  for (const [index, [said, expected]] of story.entries()) {
    await product.say(said);
    const answer = await until(`an answer to ${said}`, async () => (await answers())[index]);
    assert.match(answer, expected, said);
  }

  await product.say("/boom");
  const polite = await until("the polite answer", async () => (await answers())[story.length]);
  const reference = /\b[0-9a-f]{8}\b/.exec(polite)?.[0];
  assert.ok(reference, polite);
  interface Span {
    name: string;
    children?: Span[];
  }
  const found = await until("the trace", async () => {
    const body = await product.sidecar<{ traces?: { spans: Span[]; logs: { body: string }[] }[] }>(
      `/api/traces/${reference}`,
    );
    const text = JSON.stringify(body);
    return text.includes("sendMessage") && text.includes("exception") ? text : undefined;
  });
  for (const part of ["process message", "SELECT tasks", "sendMessage", "exception"])
    assert.ok(found.includes(part), `${part} is in the trace of ${reference}`);
  const page = await product.page(`/requests/${reference}`);
  assert.match(page, /sendMessage/);

  for (let n = 0; n < 10; n++) await product.say("/boom");
  const [alert] = await until("the alert", async () => ((await alerts()).length > 0 ? await alerts() : undefined));
  assert.match(alert ?? "", /error/i);
  assert.match(alert ?? "", /11/);

  await product.post("/faults", { bot: "shop", method: "getUpdates", fault: { kind: "reset" } });
  await product.say("/ping"); // ends the poll that is waiting; the next one meets the fault
  await until("the disconnect", async () => (await alerts()).find((text) => /disconnected/i.test(text)));
  const firing = await product.sidecar<{ alerts: { rule: string; cause: string }[] }>("/api/alerts?state=firing");
  assert.ok(firing.alerts.some(({ rule }) => rule === "TelegramBotDisconnected"));
  await product.clearFaults();
  await until("the recovery", async () => (await alerts()).find((text) => /connected again/i.test(text)));
  assert.equal((await alerts()).filter((text) => /errors/i.test(text) && text.startsWith("🟠")).length, 1);

  product.child.kill("SIGTERM");
  assert.deepEqual(await product.ended, [0, null], product.printed());
  await assert.rejects(product.bot("/livez"), "the bot's port is free again");
});

test("npm start: a bad setting ends all of it with 78 and one message", async (t) => {
  const [bot, sidecar] = await freePorts(2);
  const child = spawn(process.execPath, [RUN, "scripts/start.ts"], {
    env: {
      PATH: process.env["PATH"],
      BOT_TOKEN: "123:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      TELEGRAM_API_ROOT: "http://127.0.0.1:9",
      BOT_HTTP_PORT: String(bot),
      CONSOLE_PORT: String(sidecar),
      OTLP_PORT: "0",
      DISCONNECTED_AFTER: "5",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  assert.deepEqual(await once(child, "exit"), [78, null], said);
  assert.match(said, /DISCONNECTED_AFTER = "5": a duration/);
  assert.doesNotMatch(said, /aaaaaaaa/);
});
