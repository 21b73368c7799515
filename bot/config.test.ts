import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError } from "@gramwatch/otel";
import { readConfig } from "./config.ts";

const TOKEN = "123456:abc-DEF_ghi";

const messageOf = (env: Record<string, string>): string => {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.exitCode, 78);
    return error.message;
  }
  return assert.fail("accepted");
};

const bad: [title: string, env: Record<string, string>, message: string][] = [
  [
    "no token",
    {},
    `The configuration has 1 problem:
  BOT_TOKEN: required: ask @BotFather for a token and set BOT_TOKEN or BOT_TOKEN_FILE (\`npm start\` without one uses a stand-in)`,
  ],
  [
    "a token without a colon is not printed",
    { BOT_TOKEN: "hunter2" },
    `The configuration has 1 problem:
  BOT_TOKEN = (secret, not shown): a bot token as @BotFather gives it, like 123456789:AAF…`,
  ],
  [
    "everything at once",
    {
      BOT_TOKEN: TOKEN,
      TELEGRAM_API_ROOT: "api.telegram.org",
      BOT_ALLOWED_USERS: "4242, alice",
      BOT_RATE_LIMIT: "20",
      BOT_HTTP_PORT: "99999",
      SHUTDOWN_TIMEOUT: "25",
      BACKUP_AT: "25:00",
      BACKUP_KEEP: "0",
      LOG_LEVEL: "verbose",
    },
    `The configuration has 8 problems:
  TELEGRAM_API_ROOT = "api.telegram.org": a URL that starts with http:// or https://
  BOT_ALLOWED_USERS = "4242, alice": Telegram ids: whole numbers, comma between
  BOT_RATE_LIMIT = "20": updates per time and user, written like 20/60s
  BOT_HTTP_PORT = "99999": a whole number from 0 to 65535
  LOG_LEVEL = "verbose": one of trace, debug, info, warn, error, fatal, silent
  SHUTDOWN_TIMEOUT = "25": a duration from 1s to 10m, written like 250ms, 30s, 5m, 1h or 7d
  BACKUP_AT = "25:00": a time of day in UTC like 03:00, or off
  BACKUP_KEEP = "0": a whole number from 1 to 1000`,
  ],
  [
    "a rate over more than a day",
    { BOT_TOKEN: TOKEN, BOT_RATE_LIMIT: "5/2d" },
    `The configuration has 1 problem:
  BOT_RATE_LIMIT = "5/2d": updates per time and user, written like 20/60s; the time is from 1s to 1d`,
  ],
  [
    "misspelt names",
    { BOT_TOKEN: TOKEN, BOT_ALOWED_USERS: "1", BOT_TOKN_FILE: "x", BACKUPS_AT: "off", SIDECAR_API_TOKENS: "x" },
    `The configuration has 3 problems:
  BOT_ALOWED_USERS: unknown; BOT_ALLOWED_USERS is meant?
  BOT_TOKN_FILE: unknown; BOT_TOKEN_FILE is meant?
  SIDECAR_API_TOKENS: unknown; SIDECAR_API_TOKEN is meant?`,
  ],
  [
    "both a token and a token file",
    { BOT_TOKEN: TOKEN, BOT_TOKEN_FILE: "token.txt" },
    `The configuration has 1 problem:
  BOT_TOKEN_FILE = token.txt: set either BOT_TOKEN or BOT_TOKEN_FILE, not both`,
  ],
];

for (const [title, env, message] of bad) {
  test(`refused: ${title}`, () => assert.equal(messageOf(env), message));
}

test("problems found elsewhere are told in the same message", () => {
  assert.throws(
    () => readConfig({}, { more: [{ setting: "OTEL_TRACES_EXPORTER", value: '"zipkin"', expected: "otlp or none" }] }),
    /2 problems:\n {2}BOT_TOKEN: .*\n {2}OTEL_TRACES_EXPORTER = "zipkin": otlp or none$/s,
  );
});

test("what the sidecar reads, and what Kubernetes adds for a service called bot, is let be", () => {
  const env = {
    BOT_URL: "x",
    BOT_SERVICE_HOST: "x",
    BOT_PORT: "tcp://x",
    BOT_PORT_8080_TCP_ADDR: "x",
    SIDECAR_CONFIG: "x",
  };
  assert.equal(readConfig({ BOT_TOKEN: TOKEN, ...env }).token, TOKEN);
});

test("the defaults are those of the contract", () => {
  const config = readConfig({ BOT_TOKEN: TOKEN, DATA_DIR: "/data" });
  assert.deepEqual(config, {
    token: TOKEN,
    apiRoot: "https://api.telegram.org",
    allowedUsers: new Set(),
    admins: new Set(),
    rateLimit: { count: 20, windowMs: 60_000 },
    dataDir: "/data",
    http: { host: "127.0.0.1", port: 8080 },
    transcribeUrl: undefined,
    sidecar: { url: "http://127.0.0.1:8090", token: undefined },
    log: { level: "info", format: "json" },
    shutdownTimeoutMs: 25_000,
    backup: { dir: "/data/backups", atMinutes: 180, keep: 7 },
    production: false,
  });
});

test("each setting changes what it names", () => {
  const config = readConfig({
    BOT_TOKEN: TOKEN,
    TELEGRAM_API_ROOT: "http://127.0.0.1:8081/",
    BOT_ALLOWED_USERS: "1 2",
    BOT_ADMINS: "3,-4",
    BOT_RATE_LIMIT: "3/1s",
    DATA_DIR: "/data",
    BOT_HTTP_HOST: "0.0.0.0",
    BOT_HTTP_PORT: "0",
    TRANSCRIBE_URL: "http://whisper:9000",
    SIDECAR_URL: "http://sidecar:8090",
    SIDECAR_API_TOKEN: "s3cret",
    LOG_LEVEL: "debug",
    LOG_FORMAT: "pretty",
    SHUTDOWN_TIMEOUT: "2s",
    BACKUP_DIR: "/backups",
    BACKUP_AT: "off",
    BACKUP_KEEP: "2",
    NODE_ENV: "production",
  });
  assert.deepEqual(config, {
    token: TOKEN,
    apiRoot: "http://127.0.0.1:8081",
    allowedUsers: new Set([1, 2, 3, -4]),
    admins: new Set([3, -4]),
    rateLimit: { count: 3, windowMs: 1000 },
    dataDir: "/data",
    http: { host: "0.0.0.0", port: 0 },
    transcribeUrl: "http://whisper:9000",
    sidecar: { url: "http://sidecar:8090", token: "s3cret" },
    log: { level: "debug", format: "pretty" },
    shutdownTimeoutMs: 2000,
    backup: { dir: "/backups", atMinutes: undefined, keep: 2 },
    production: true,
  });
});

test("the token comes from a file without its newline", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "bot-config-"));
  t.after(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, "token"), `${TOKEN}\n`);
  assert.equal(readConfig({ BOT_TOKEN_FILE: join(dir, "token") }).token, TOKEN);
});

test("logs are pretty on a terminal unless told otherwise", () => {
  assert.equal(readConfig({ BOT_TOKEN: TOKEN }, { isTerminal: true }).log.format, "pretty");
  assert.equal(readConfig({ BOT_TOKEN: TOKEN, LOG_FORMAT: "json" }, { isTerminal: true }).log.format, "json");
});
