import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "./testing.ts";
import { ask, chatShows, firing, startWorld } from "./testing-world.ts";

test("eleven failures within the hour are one message with the cause and the trace", async (t) => {
  const world = await startWorld(t);
  const { telegram, alerts, shown, api } = world;
  for (let n = 1; n <= 10; n++) await ask(telegram, "/boom");
  await until("ten errors at the sidecar", async () => ((await errorsOf(api)) === 10 ? true : undefined));
  assert.deepEqual(shown(), [], "ten are not eleven");
  telegram.say("/boom");
  // What failed comes with the telemetry: it may be there at once or with an edit.
  const text = await chatShows(world, /11 errors[^]*failed on purpose/);
  assert.match(text, new RegExp(`${api}/(traces|requests)/[0-9a-f]{32}`));
  telegram.say("/boom");
  await until("twelve errors at the sidecar", async () => ((await errorsOf(api)) === 12 ? true : undefined));
  assert.equal(alerts.calls().filter(({ method }) => method === "sendMessage").length, 1);
  assert.deepEqual(
    (await firing(world)).map(({ rule }) => rule),
    ["TelegramBotErrorsHigh"],
  );
});

async function errorsOf(api: string): Promise<number | undefined> {
  const status = (await (await fetch(`${api}/api/status`)).json()) as {
    bots: { health: { errors: { total: number } } | null }[];
  };
  return status.bots[0]?.health?.errors.total;
}

test("an outage longer than DISCONNECTED_AFTER is told once, and once that it is over", async (t) => {
  const world = await startWorld(t);
  const { telegram, alerts, shown } = world;
  const outage = telegram.faults.add({ fault: { kind: "refuse" } });
  const down = await chatShows(world, /disconnected from Telegram/);
  assert.match(down, /Cause: /);
  assert.equal(shown().length, 1);
  await outage.remove();
  await ask(telegram, "/help"); // else the poll that proves it returns after half a minute
  await chatShows(world, /connected again/);
  assert.equal(alerts.calls().filter(({ method }) => method === "sendMessage").length, 2);
});

test("a killed bot is reported; a killed sidecar is not noticed by the bot", async (t) => {
  const world = await startWorld(t);
  const { bot, sidecar, startBot, telegram } = world;
  await bot.end("SIGKILL");
  await chatShows(world, /down|not running|unreachable/i);
  const again = await startBot();
  await chatShows(world, /(up|back|running|reachable) again/i);
  await sidecar.end("SIGKILL");
  await ask(telegram, "/help");
  assert.equal(again.child.exitCode, null);
});

const isWebhookInfo = ({ method }: { method: string }) => method === "getWebhookInfo";

test("failure 5: with the bot's token the sidecar calls getMe and getWebhookInfo, and it says its token nowhere", async (t) => {
  const { telegram, sidecar, alerts, bot } = await startWorld(t);
  await telegram.called("getWebhookInfo");
  telegram.faults.add({ method: "getMe", fault: { kind: "html" } });
  await sidecar.said("a probe fails");
  assert.equal(await bot.end("SIGTERM"), 0);
  const before = telegram.calls().length;
  await telegram.called("getWebhookInfo", { skip: telegram.calls().filter(isWebhookInfo).length });
  assert.equal(await sidecar.end("SIGTERM"), 0);
  const after = telegram.calls().slice(before);
  assert.deepEqual(
    new Set(after.map(({ method }) => method)).difference(new Set(["getMe", "getWebhookInfo"])),
    new Set(),
  );
  for (const { token } of [telegram.bot("shop"), alerts.bot("alarm")]) {
    assert.ok(!sidecar.output().includes(token.split(":")[1] ?? token), "the token is in the log");
  }
});
