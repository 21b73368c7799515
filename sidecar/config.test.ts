import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { ConfigError } from "@gramwatch/otel";
import { isPublic, readConfig } from "./config.ts";

const files =
  (content: Record<string, string>) =>
  (path: string): string => {
    const text = content[path];
    if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    return text;
  };
const yaml = (text: string, env: Record<string, string> = {}, more: Record<string, string> = {}) =>
  readConfig({ SIDECAR_CONFIG: "g.yaml", ...env }, { readFile: files({ "g.yaml": text, ...more }) });

function problemsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.exitCode, 78);
    return error.message.split("\n").slice(1);
  }
  return assert.fail("this configuration has problems");
}

test("without any setting it watches the bot on loopback and alerts go to log and console", () => {
  const config = readConfig({});
  assert.deepEqual(config.bots, [{ url: "http://127.0.0.1:8080", apiRoot: "https://api.telegram.org" }]);
  assert.equal(config.alertChat, undefined);
  assert.equal(config.disconnectedAfterMs, 300_000);
  assert.deepEqual(config.errors, { max: 10, windowMs: 3_600_000 });
  assert.deepEqual(config.diskPaths, [resolve("data")]);
  assert.deepEqual(config.backup, { dir: resolve("data/backups"), atMinuteUtc: 180, keep: 7 });
  assert.deepEqual(config.retention, { ageMs: 259_200_000, sizeBytes: 268_435_456 });
  assert.deepEqual(config.warnings, [
    "ALERT_CHAT_ID is not set: nobody is told; alerts are only logged and shown in the console.",
  ]);
  assert.deepEqual(readConfig({ ALERT_NTFY_URL: "https://ntfy.example/topic" }).warnings, []);
});

test("the control targets are public ones only for a public API root", () => {
  assert.deepEqual(readConfig({}).controlTargets.length, 2);
  assert.deepEqual(readConfig({ TELEGRAM_API_ROOT: "http://127.0.0.1:8081" }).controlTargets, []);
  assert.deepEqual(readConfig({ CONTROL_TARGETS: "none" }).controlTargets, []);
  assert.deepEqual(readConfig({ CONTROL_TARGETS: "gw.lan:53, [2001:db8::1]:443" }).controlTargets, [
    { host: "gw.lan", port: 53 },
    { host: "2001:db8::1", port: 443 },
  ]);
});

test("a public host has a dot, is no address and has no private ending", () => {
  const roots = [
    "https://api.telegram.org",
    "http://10.0.0.1:8081",
    "http://tg:8081",
    "http://tg.local",
    "http://a.b.svc.x",
  ];
  assert.deepEqual(roots.map(isPublic), [true, false, false, false, false]);
});

test("the environment overrides the file, key by key", () => {
  const text = `
bots: [{name: shop, url: "http://shop:8080", token_file: /t}]
alerts: {telegram: {chat_id: -100, thread_id: 7, token_file: /a, admins: [1]}, channels: [{type: ntfy, url: "http://n/file", always: true}]}
rules: {TelegramBotDisconnected: {after: 1m, severity: warning}, TelegramBotErrorsHigh: {max: 3, window: 2h}}
dependencies: {whisper: "http://w/"}
disk: {paths: ["/a b", /c]}`;
  const secrets = { "/t": "1:shop\n", "/a": "2:alert\n" };
  const file = yaml(text, {}, secrets);
  assert.deepEqual(file.bots, [
    { name: "shop", url: "http://shop:8080", token: "1:shop", apiRoot: "https://api.telegram.org" },
  ]);
  assert.deepEqual(file.alertChat, {
    token: "2:alert",
    chatId: -100,
    threadId: 7,
    apiRoot: "https://api.telegram.org",
    shared: false,
  });
  assert.deepEqual(
    [file.admins, file.disconnectedAfterMs, file.errors],
    [[1], 60_000, { max: 3, windowMs: 7_200_000 }],
  );
  assert.deepEqual(file.diskPaths, ["/a b", "/c"]);
  assert.deepEqual(file.dependencies, { whisper: "http://w" });
  assert.deepEqual(file.rules.TelegramBotDisconnected, { after: 60_000, severity: "warning" });

  const env = {
    BOT_URL: "http://other:1",
    BOT_TOKEN: "3:env",
    ALERT_CHAT_ID: "-200",
    ALERT_BOT_TOKEN: "4:env",
    BOT_ADMINS: "5,6",
    ALERT_NTFY_URL: "http://n/env",
    DISCONNECTED_AFTER: "3s",
    ERRORS_MAX: "20",
    DEPENDENCIES: "db=http://db:1/health",
    DISK_PATHS: "/d",
  };
  const both = yaml(text, env, secrets);
  assert.deepEqual(both.bots[0], {
    name: "shop",
    url: "http://other:1",
    token: "3:env",
    apiRoot: "https://api.telegram.org",
  });
  assert.deepEqual([both.alertChat?.chatId, both.alertChat?.token, both.alertChat?.threadId], [-200, "4:env", 7]);
  assert.deepEqual(
    [both.admins, both.disconnectedAfterMs, both.errors],
    [[5, 6], 3000, { max: 20, windowMs: 7_200_000 }],
  );
  assert.deepEqual(both.channels, [{ type: "ntfy", url: "http://n/env", always: true }]);
  assert.deepEqual([both.dependencies, both.diskPaths], [{ db: "http://db:1/health" }, ["/d"]]);
});

test("what the environment sets for a rule is what the rule gets", () => {
  const text = "rules: {TelegramBotDisconnected: {after: 1m, severity: warning}, TelegramBotErrorsHigh: {max: 3}}";
  const { rules } = yaml(text, { DISCONNECTED_AFTER: "3s", ERRORS_WINDOW: "10m" });
  assert.deepEqual(rules, {
    TelegramBotDisconnected: { after: 3000, severity: "warning" },
    TelegramBotErrorsHigh: { max: 3, window: 600_000 },
  });
});

test("the environment's name is that of the resource, else production, else none", () => {
  const names = [
    { OTEL_RESOURCE_ATTRIBUTES: "a=b, deployment.environment.name=staging" },
    { NODE_ENV: "production" },
    {},
  ];
  assert.deepEqual(
    names.map((env) => readConfig(env).environment),
    ["staging", "production", ""],
  );
});

test("several bots come from the file, each with its own address and token", () => {
  const text =
    "bots:\n - {name: a, url: 'http://a:1', token_file: /a}\n - {name: b, token_file: /b, api_root: 'http://tg:1'}";
  const config = yaml(text, { BOT_TOKEN: "9:for-alerts", ALERT_CHAT_ID: "1" }, { "/a": "1:a", "/b": "2:b" });
  assert.deepEqual(config.bots, [
    { name: "a", url: "http://a:1", token: "1:a", apiRoot: "https://api.telegram.org" },
    { name: "b", token: "2:b", apiRoot: "http://tg:1" },
  ]);
  assert.equal(config.alertChat?.token, "9:for-alerts");
  assert.equal(config.alertChat?.shared, false);
});

test("BOT_URL=none watches by token alone", () => {
  const { bots } = readConfig({ BOT_URL: "none", BOT_TOKEN: "1:x" });
  assert.deepEqual(bots, [{ token: "1:x", apiRoot: "https://api.telegram.org" }]);
});

test("one token for bot and alerts works, with a warning", () => {
  const config = readConfig({ BOT_TOKEN: "1:x", ALERT_CHAT_ID: "-5" });
  assert.equal(config.alertChat?.shared, true);
  assert.match(config.warnings.join(), /^ALERT_BOT_TOKEN is not set/);
});

test("an Alertmanager gets every message unless the file says otherwise", () => {
  const always = (text: string) => yaml(text).channels.map((channel) => [channel.type, channel.always]);
  assert.deepEqual(readConfig({ ALERTMANAGER_URL: "http://am:9093" }).channels[0]?.always, true);
  assert.deepEqual(
    always("alerts: {channels: [{type: alertmanager, url: 'http://a'}, {type: webhook, url: 'http://b'}]}"),
    [
      ["webhook", false],
      ["alertmanager", true],
    ],
  );
});

const badEnvironments: [Record<string, string>, string[]][] = [
  [
    { BOT_TOKEN: "hunter2-secret" },
    ["  BOT_TOKEN = (secret, not shown): a bot token as @BotFather gives it, like 123456789:AAF…"],
  ],
  [{ BOT_URL: "shop:8080" }, ['  BOT_URL = "shop:8080": a URL that starts with http:// or https://, or none']],
  [{ BOT_URL: "none" }, ["  BOT_TOKEN: is missing: a bot without a url is watched by its token alone"]],
  [
    { ALERT_CHAT_ID: "@team", ERRORS_MAX: "0", DISCONNECTED_AFTER: "5 min", OTLP_PORT: "99999" },
    [
      '  ALERT_CHAT_ID = "@team": a chat id: a whole number, negative for groups',
      '  DISCONNECTED_AFTER = "5 min": a duration from 1s to 1d, written like 250ms, 30s, 5m, 1h or 7d',
      '  ERRORS_MAX = "0": a whole number from 1',
      '  OTLP_PORT = "99999": a whole number from 0 to 65535',
    ],
  ],
  [{ ALERT_CHAT_ID: "-1" }, ["  ALERT_BOT_TOKEN: is missing: ALERT_CHAT_ID needs a bot that writes there"]],
  [
    { CONSOLE_HOST: "0.0.0.0" },
    ["  SIDECAR_API_TOKEN: is missing: the console listens on 0.0.0.0, which is not loopback"],
  ],
  [{ CONSOLE_PORT: "4318" }, ["  CONSOLE_PORT = 4318: a port of its own: OTLP_PORT has the same"]],
  [{ CONTROL_TARGETS: "1.1.1.1" }, ['  CONTROL_TARGETS = "1.1.1.1": host:port, comma between; or none']],
  [
    { DEPENDENCIES: "whisper" },
    ['  DEPENDENCIES = "whisper": name=url, comma between; the URL starts with http:// or https://'],
  ],
  [{ BACKUP_AT: "24:00" }, ['  BACKUP_AT = "24:00": a time of day in UTC like 03:00, or off']],
  [{ DISPLAY_TZ: "Berlin" }, ['  DISPLAY_TZ = "Berlin": a time zone name like Europe/Berlin']],
  [
    { HEARTBEAT_URL: "hc.example/uuid" },
    ["  HEARTBEAT_URL = (secret, not shown): a URL that starts with http:// or https://"],
  ],
  [
    { ALERT_NTFY_URL: "https://me:hunter2@ntfy.example/t", BOT_URL: "http://me:hunter2@shop:8080" },
    [
      '  BOT_URL = "http://(not shown)@shop:8080": a URL that starts with http:// or https://, or none',
      "  ALERT_NTFY_URL = (secret, not shown): a URL without user name and password",
    ],
  ],
  [{ SIDECAR_CONFIG: "/no" }, ["  SIDECAR_CONFIG = /no: cannot be read (ENOENT); check path and owner"]],
];
for (const [env, expected] of badEnvironments) {
  test(`a bad environment is explained: ${Object.entries(env).join(" ")}`, () => {
    assert.deepEqual(
      problemsOf(() => readConfig(env, { readFile: files({}) })),
      expected,
    );
  });
}

const badFiles: [string, string[]][] = [
  ["bot: 1", ["  g.yaml: bot: unknown key; known here: bots, alerts, rules, dependencies, disk"]],
  ["[]", ["  g.yaml: a mapping (key: value), not a list"]],
  ["a: 1\na: 2", ["  g.yaml: line 2: Map keys must be unique"]],
  ["bots: [{url: 'http://x'}]", ["  g.yaml: bots[0].name: is missing"]],
  [
    "bots: [{name: a, url: 'http://a'}, {name: a, url: 'http://b'}]",
    ["  g.yaml: bots: every bot has a name of its own"],
  ],
  [
    "bots: [{name: a}, {name: b, url: 'http://b'}]",
    ["  g.yaml: bots[0].token_file: is missing: a bot without a url is watched by its token alone"],
  ],
  [
    "bots: [{name: a, token_file: /gone}]",
    ["  g.yaml: bots[0].token_file = /gone: cannot be read (ENOENT); check path and owner"],
  ],
  [
    "alerts: {channels: [{type: ntfy, url: 'http://a'}, {type: ntfy, url: 'http://b'}]}",
    ["  g.yaml: alerts.channels: at most one channel of each type"],
  ],
  [
    "alerts: {channels: [{type: sms, url: 'ftp://user:secret@x'}]}",
    [
      '  g.yaml: alerts.channels[0].type = "sms": one of webhook, ntfy, alertmanager',
      "  g.yaml: alerts.channels[0].url = (not shown): a URL that starts with http:// or https://",
    ],
  ],
  [
    "rules: {TelegramBotDisconnected: {after: 5, loud: true}}",
    [
      "  g.yaml: rules.TelegramBotDisconnected.after = 5: a duration, written like 30s, 5m or 1h",
      "  g.yaml: rules.TelegramBotDisconnected.loud: unknown key; known here: enabled, severity, after, recover_after",
    ],
  ],
  [
    "rules: {UpdatesBacklog: {max: 5, window: 1h}, MemoryHigh: {max: 5}, BotRestarting: {max: 5, window: 1h}}",
    [
      "  g.yaml: rules.UpdatesBacklog.window: unknown key; known here: enabled, severity, after, recover_after, max",
      "  g.yaml: rules.MemoryHigh.max: unknown key; known here: enabled, severity, after, recover_after",
    ],
  ],
  [
    "rules: {TelegramBotErrorsHigh: {window: 30m}, TelegramBotErrorBurst: {window: 1h}, BotRestarting: {max: 101}}",
    [
      "  g.yaml: rules.TelegramBotErrorBurst.window = 3600s: at most ERRORS_WINDOW: errors are counted no longer than that",
      "  g.yaml: rules.BotRestarting.max = 101: at most 100",
    ],
  ],
];
for (const [text, expected] of badFiles) {
  test(`a bad file is explained: ${text.replaceAll("\n", " ⏎ ")}`, () => {
    assert.deepEqual(
      problemsOf(() => yaml(text)),
      expected,
    );
  });
}

test("problems of environment and file are listed together", () => {
  const lines = problemsOf(() => yaml("foo: 1", { ERRORS_MAX: "x" }));
  assert.deepEqual(lines.length, 2);
});

test("BOT_URL beside a list of several bots is not used, with a warning: it cannot say which one it means", () => {
  const text = "bots: [{name: a, url: 'http://a'}, {name: b, url: 'http://b'}]";
  const { bots, warnings } = yaml(text, { BOT_URL: "http://c" });
  assert.deepEqual(
    bots.map(({ url }) => url),
    ["http://a", "http://b"],
  );
  assert.deepEqual(warnings.slice(1), ["BOT_URL is not used: the file lists 2 bots, each with its url."]);
});

test("the example file is a valid configuration, and so it is with every commented setting switched on", () => {
  const example = readFileSync(new URL("../gramwatch.example.yaml", import.meta.url), "utf8");
  assert.equal(yaml(example).bots[0]?.name, "shopbot");
  const secrets = { "/run/secrets/shopbot": "1:a", "/run/secrets/alert_bot": "2:b" };
  const whole = yaml(example.replaceAll(/^( *)#(?! )/gm, "$1"), {}, secrets);
  assert.deepEqual(
    [whole.alertChat?.chatId, whole.alertChat?.shared, whole.channels.length],
    [-1001234567890, false, 2],
  );
  assert.deepEqual([Object.keys(whole.dependencies), whole.diskPaths], [["whisper"], ["/data", "/bot-data"]]);
});
