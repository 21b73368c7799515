import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "./clock.ts";
import { startWithClient as start } from "./testing.ts";

// Client::process_set_webhook_query, do_set_webhook, abort_long_poll; WebhookActor.cpp.
const url = "https://bot.example/hook";

test("setWebhook and deleteWebhook answer true and say in words what they did", async (t) => {
  const clock = manualClock();
  const { call, ok } = await start(t, { clock });
  const words = async (method: string, params: object = {}): Promise<string> => {
    clock.advance(1000);
    const { result, description } = JSON.parse((await call(method, params)).text) as Record<string, unknown>;
    assert.equal(result, true);
    return String(description);
  };
  assert.equal(await words("deleteWebhook"), "Webhook is already deleted");
  assert.equal(await words("setWebhook", { url }), "Webhook was set");
  assert.equal(await words("setWebhook", { url }), "Webhook is already set");
  assert.equal((await ok("getWebhookInfo")).url, url);
  assert.equal(await words("setWebhook", { url: "" }), "Webhook was deleted");
  assert.equal((await ok("getWebhookInfo")).url, "");
});

test("setWebhook more than once a second is a 429", async (t) => {
  const clock = manualClock();
  const { ok, refusal } = await start(t, { clock });
  await ok("setWebhook", { url });
  assert.equal(await refusal("setWebhook", { url }), "429 Too Many Requests: retry after 1");
  await ok("deleteWebhook");
  clock.advance(1000);
  await ok("setWebhook", { url });
});

const refused: [params: object, description: string][] = [
  [{ url: "http://bot.example/hook" }, "bad webhook: An HTTPS URL must be provided for webhook"],
  [{ url: "https://bot.example:8080/" }, "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"],
  [{ url: "ftp://bot.example" }, "invalid webhook URL specified"],
  [{ url, secret_token: "a b" }, "secret token contains unallowed characters"],
  [{ url, secret_token: "a".repeat(257) }, "secret token is too long"],
];
for (const [params, description] of refused) {
  test(`setWebhook refuses: ${description}`, async (t) => {
    const { refusal, ok } = await start(t);
    assert.equal(await refusal("setWebhook", params), `400 Bad Request: ${description}`);
    assert.equal((await ok("getWebhookInfo")).url, "");
  });
}

test("with a webhook getUpdates is a 409 and the updates wait", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  await ok("setWebhook", { url, allowed_updates: ["message"] });
  telegram.say("hello");
  assert.equal(
    await refusal("getUpdates"),
    "409 Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
  );
  const { pending_update_count, allowed_updates } = await ok("getWebhookInfo");
  assert.deepEqual(
    { pending_update_count, allowed_updates },
    { pending_update_count: 1, allowed_updates: ["message"] },
  );
  await ok("deleteWebhook");
  assert.equal((await ok("getUpdates")).length, 1);
});

test("setWebhook ends a waiting poll with its own 409", async (t) => {
  const { telegram, ok, refusal } = await start(t);
  const waiting = refusal("getUpdates", { timeout: 30 });
  await telegram.called("getUpdates");
  await ok("setWebhook", { url });
  assert.equal(await waiting, "409 Conflict: terminated by setWebhook request");
});

test("drop_pending_updates forgets what waits", async (t) => {
  const { telegram, ok } = await start(t);
  telegram.say("hello");
  await ok("deleteWebhook", { drop_pending_updates: true });
  assert.equal((await ok("getWebhookInfo")).pending_update_count, 0);
});
