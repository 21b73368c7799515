import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../config.ts";
import { createProbes } from "./registry.ts";
import { named } from "./testing.ts";

const probesOf = (env: Record<string, string>, files: Record<string, string> = {}) => {
  const config = readConfig(env, { readFile: (path) => files[path] ?? assert.fail(path) });
  const identities = config.bots.map((bot) => named(bot.name ?? "bot"));
  return Object.fromEntries(createProbes(config, identities).map((probe) => [probe.name, probe.intervalMs]));
};
const local = { TELEGRAM_API_ROOT: "http://127.0.0.1:8081", DATA_DIR: "/" };

test("the default intervals are those of the document", () => {
  const env = { ...local, BOT_TOKEN: "1:x", DEPENDENCIES: "w=http://w", CONTROL_TARGETS: "127.0.0.1:1" };
  assert.deepEqual(probesOf(env), {
    health: 5000,
    handling: 15_000,
    telegram: 15_000,
    webhook: 60_000,
    "control:127.0.0.1:1": 15_000,
    "dependency:w": 15_000,
    "disk:/": 60_000,
  });
});

test("a short threshold shortens every interval, never under 250 ms", () => {
  const env = { ...local, BOT_TOKEN: "1:x" };
  assert.deepEqual(probesOf({ ...env, DISCONNECTED_AFTER: "3s" })["health"], 300);
  assert.deepEqual(Object.values(probesOf({ ...env, DISCONNECTED_AFTER: "1s" })), [250, 250, 250, 250, 250]);
});

test("public addresses are asked every five seconds at most", () => {
  const { health, telegram, webhook, ...rest } = probesOf({
    BOT_TOKEN: "1:x",
    DISCONNECTED_AFTER: "3s",
    DATA_DIR: "/",
  });
  assert.deepEqual([health, telegram, webhook], [300, 5000, 5000]);
  assert.deepEqual([rest["control:1.1.1.1:443"], rest["control:8.8.8.8:443"]], [5000, 5000]);
});

test("a disabled rule's threshold does not count", () => {
  const env = { ...local, BOT_TOKEN: "1:x", SIDECAR_CONFIG: "g" };
  const rules = (text: string) => probesOf(env, { g: `rules: {${text}}` })["health"];
  assert.equal(rules("TelegramBotDisconnected: {after: 3s, enabled: false}"), 5000);
  assert.equal(rules("TelegramBotDown: {after: 10s}"), 1000);
});

test("without a token there is no webhook probe, with BOT_URL=none no health", () => {
  assert.deepEqual(Object.keys(probesOf(local)), ["health", "handling", "telegram", "disk:/"]);
  assert.deepEqual(Object.keys(probesOf({ ...local, BOT_URL: "none", BOT_TOKEN: "1:x" })), [
    "telegram",
    "webhook",
    "disk:/",
  ]);
});

test("several bots have probes of their own names", () => {
  const g = "bots: [{name: a, url: 'http://a'}, {name: b, url: 'http://b'}]";
  assert.deepEqual(Object.keys(probesOf({ ...local, SIDECAR_CONFIG: "g" }, { g })), [
    "health:a",
    "handling:a",
    "telegram:a",
    "health:b",
    "handling:b",
    "telegram:b",
    "disk:/",
  ]);
});
