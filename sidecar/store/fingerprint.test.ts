import assert from "node:assert/strict";
import { test } from "node:test";
import { fingerprintOf, normalise } from "./fingerprint.ts";
import type { Attributes } from "./records.ts";

const of = (attributes: Attributes, severity = 17, body = "update failed") =>
  fingerprintOf({ severity, body, attributes });
const STACK = (line: number) => `TypeError: x
    at handleAdd (/app/bot/handlers/tasks.ts:${line}:9)
    at run (/app/node_modules/grammy/out/composer.js:10:1)
    at async dispatch (file:///app/bot/handlers/index.ts:18:5)
    at processTicksAndRejections (node:internal/process/task_queues:104:5)
    at third (C:\\bot\\third.ts:1:1)
    at fourth (/app/bot/fourth.ts:1:1)`;

test("a record under ERROR without an exception is no error; with one it is", () => {
  assert.equal(of({}, 13), undefined);
  assert.notEqual(of({ "exception.type": "Error" }, 13), undefined);
});

test("an explicit fingerprint wins over everything", () => {
  assert.equal(of({ "error.fingerprint": "mine", "exception.type": "GrammyError" })?.key, "mine");
});

test("the key is the name with the three innermost own frames, without lines, packages and Node", () => {
  const error = { "exception.type": "TypeError", "exception.message": "x", "exception.stacktrace": STACK(41) };
  assert.deepEqual(of(error), {
    key: "TypeError handleAdd tasks.ts < dispatch index.ts < third third.ts",
    title: "TypeError: x",
    place: "handleAdd",
  });
  assert.equal(of({ ...error, "exception.stacktrace": STACK(99) })?.key, of(error)?.key);
});

test("a refusal of the Bot API is filed under method, code and what Telegram said", () => {
  const error = (wait: number) => ({
    "exception.type": "GrammyError",
    "exception.message": `Too Many Requests: retry after ${wait}`,
    "exception.stacktrace": STACK(1),
    "rpc.method": "sendMessage",
    "rpc.status_code": "429",
  });
  assert.equal(of(error(3))?.key, "sendMessage:429:Too Many Requests: retry after <n>");
  assert.equal(of(error(3))?.key, of(error(37))?.key);
});

test("without a stack the message counts, without what varies; without a message the log's sentence", () => {
  assert.equal(of({ "exception.type": "Error", "exception.message": "user 42 gone" })?.key, "Error user <n> gone");
  assert.deepEqual(of({}, 17, "whisper: no answer in 2.1 s"), {
    key: "Error whisper: no answer in <duration>",
    title: "whisper: no answer in 2.1 s",
    place: "",
  });
});

const VARIES: [string, string][] = [
  ["user 123 of 4.5", "user <n> of <n>"],
  ["id 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "id <uuid>"],
  ["GET https://example.org/a?b=1 failed", "GET <url> failed"],
  ["connect ECONNREFUSED 127.0.0.1:8080", "connect ECONNREFUSED <ip>"],
  ["connect ECONNREFUSED ::1:8080", "connect ECONNREFUSED <ip>"],
  ["at 2026-11-21T14:02:11.482Z", "at <date>"],
  ["timed out after 30 s", "timed out after <duration>"],
  ["hash 9f2c11d07ab3e480", "hash <hex>"],
  ["pointer 0x7ffe", "pointer <hex>"],
  [`no column "owner" in 'tasks'`, "no column <quoted> in <quoted>"],
  ["database is locked", "database is locked"],
];
for (const [message, expected] of VARIES) {
  test(`"${message}" is filed as "${expected}"`, () => assert.equal(normalise(message), expected));
}

test("a hostile message is normalised in linear time", () => {
  for (const piece of ["a:", "1.", "'", "0x", "[:", "abc1", "1 m"]) normalise(piece.repeat(4096 / piece.length));
});
