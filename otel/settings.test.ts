import assert from "node:assert/strict";
import { test } from "node:test";
import * as s from "./settings.ts";

const settings = {
  WAIT: { schema: s.duration(1000, 60_000), fallback: "5s", doc: "" },
  ROOM: { schema: s.size(1024, 1024 ** 3), fallback: "64KiB", doc: "" },
  PORT: { schema: s.port(), fallback: "8080", doc: "" },
  COUNT: { schema: s.integer(1), doc: "" },
  NAME: { schema: s.text(), doc: "" },
  ON: { schema: s.flag(), fallback: "false", doc: "" },
  WORD: { schema: s.oneOf(["a", "b"]), doc: "" },
  URL: { schema: s.httpUrl(), doc: "" },
  LIST: { schema: s.list(), fallback: "", doc: "" },
  IDS: { schema: s.idList(), fallback: "", doc: "" },
  TOKEN: { schema: s.text(), secret: true, doc: "" },
};
const files: Record<string, string> = { "/run/token": "hunter2hunter2\n", "/run/empty": "\n" };
const readFile = (path: string): string => {
  const content = files[path];
  if (content === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
  return content;
};
const read = (env: Record<string, string>) => s.readSettings(settings, env, readFile);

test("good texts become values; blank means unset", () => {
  const { values, problems } = read({
    WAIT: "1.5m".replace("1.5m", "1m"),
    ROOM: "1.5KiB",
    PORT: "0",
    COUNT: "7",
    NAME: " x ",
    ON: "true",
    WORD: "b",
    URL: "http://h:1/",
    LIST: "a, b c",
    IDS: "42 -1001234",
    TOKEN_FILE: "/run/token",
  });
  assert.deepEqual(problems, []);
  assert.deepEqual(values, {
    WAIT: 60_000,
    ROOM: 1536,
    PORT: 0,
    COUNT: 7,
    NAME: "x",
    ON: true,
    WORD: "b",
    URL: "http://h:1",
    LIST: ["a", "b", "c"],
    IDS: [42, -1_001_234],
    TOKEN: "hunter2hunter2",
  });
  assert.equal(read({ WAIT: "  " }).values.WAIT, 5000);
  assert.equal(read({}).values.COUNT, undefined);
});

test("every problem is listed, and no secret is in the list", () => {
  const { problems } = read({
    WAIT: "5 minutes",
    ROOM: "9TiB",
    PORT: "70000",
    COUNT: "0",
    ON: "yes",
    WORD: "c",
    URL: "ftp://x",
    IDS: "me",
    TOKEN: "hunter2hunter2",
    TOKEN_FILE: "/run/token",
  });
  assert.deepEqual(
    problems.map(({ setting }) => setting),
    ["WAIT", "ROOM", "PORT", "COUNT", "ON", "WORD", "URL", "IDS", "TOKEN_FILE"],
  );
  const error = new s.ConfigError(problems);
  assert.equal(error.exitCode, 78);
  assert.match(error.message, /^The configuration has 9 problems:\n  WAIT = "5 minutes": a duration from 1s to 1m/);
  assert.ok(!error.message.includes("hunter2"));
  assert.match(new s.ConfigError(problems.slice(0, 1)).message, /has 1 problem:/);
});

test("an address with user and password is refused, and the password not shown", () => {
  const { problems } = read({ URL: "https://me:hunter2@h/topic" });
  const [problem] = problems;
  assert.deepEqual([problems.length, problem?.value], [1, '"https://(not shown)@h/topic"']);
  assert.equal(problem?.expected, "a URL without user name and password");
  assert.deepEqual(read({ URL: "https://h/@me" }).problems, []);
  const exporter = { ENDPOINT: { schema: s.httpUrl({ mayHaveUser: true }), doc: "" } };
  assert.deepEqual(s.readSettings(exporter, { ENDPOINT: "https://me:hunter2@h" }).problems, []);
});

test("a secret's file that is missing or empty is a problem of its own", () => {
  assert.match(read({ TOKEN_FILE: "/run/none" }).problems[0]?.expected ?? "", /cannot be read \(ENOENT\)/);
  assert.match(read({ TOKEN_FILE: "/run/empty" }).problems[0]?.expected ?? "", /the file is empty/);
});

test("durations are written the shortest exact way", () => {
  for (const [ms, text] of [
    [250, "250ms"],
    [90_000, "90s"],
    [3_600_000, "1h"],
    [7 * 86_400_000, "7d"],
  ] as const) {
    assert.equal(s.formatDuration(ms), text);
  }
});
