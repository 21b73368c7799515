import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../channels/channel.ts";
import { classify } from "./classify.ts";

const json = (status: number, description: string, parameters?: object): Answer => ({
  answered: true,
  status,
  text: JSON.stringify({ ok: false, error_code: status, description, ...(parameters && { parameters }) }),
  retryAfter: null,
});
const raw = (status: number, text: string, retryAfter: string | null = null): Answer => ({
  answered: true,
  status,
  text,
  retryAfter,
});

const TELEGRAM: [string, Answer, object][] = [
  ["a message", raw(200, '{"ok":true,"result":{"message_id":7}}'), { class: "sent", messageId: 7 }],
  ["an answer without a message", raw(200, '{"ok":true,"result":true}'), { class: "sent", messageId: null }],
  [
    "flood",
    json(429, "Too Many Requests: retry after 37", { retry_after: 37 }),
    { class: "flood", retryAfterSeconds: 37 },
  ],
  [
    "flood, only in the header",
    { ...json(429, "Too Many Requests"), retryAfter: "12" } as Answer,
    { class: "flood", retryAfterSeconds: 12 },
  ],
  ["flood without a time", json(429, "Too Many Requests"), { class: "flood", retryAfterSeconds: 5 }],
  [
    "broken HTML",
    json(400, "Bad Request: can't parse entities: Unclosed start tag at byte offset 3"),
    { class: "render" },
  ],
  ["too long", json(400, "Bad Request: message is too long"), { class: "render" }],
  [
    "a refused button",
    json(400, "Bad Request: inline keyboard button URL 'http://x/' is invalid: Wrong HTTP URL"),
    { class: "render" },
  ],
  ["any other 400", json(400, "Bad Request: something new"), { class: "render" }],
  [
    "moved",
    json(400, "Bad Request: group chat was upgraded to a supergroup chat", { migrate_to_chat_id: -100 }),
    { class: "moved", chatId: -100 },
  ],
  ["no such topic", json(400, "Bad Request: message thread not found"), { class: "topic" }],
  ["closed topic", json(400, "Bad Request: TOPIC_CLOSED"), { class: "topic" }],
  [
    "nothing changed",
    json(400, "Bad Request: message is not modified: specified new message content"),
    { class: "sent", messageId: null },
  ],
  ["nothing to edit", json(400, "Bad Request: message to edit not found"), { class: "edit" }],
  ["no edit any more", json(400, "Bad Request: message can't be edited"), { class: "edit" }],
  ["no chat", json(400, "Bad Request: chat not found"), { class: "address" }],
  ["no right", json(400, "Bad Request: not enough rights to send text messages to the chat"), { class: "address" }],
  ["blocked", json(403, "Forbidden: bot was blocked by the user"), { class: "address" }],
  ["kicked", json(403, "Forbidden: bot was kicked from the supergroup chat"), { class: "address" }],
  ["revoked", json(401, "Unauthorized"), { class: "token" }],
  ["no such bot", json(404, "Not Found"), { class: "token" }],
  ["restarting", json(500, "Internal Server Error: restart"), { class: "not_sent" }],
  ["a page", raw(502, "<html><h1>502 Bad Gateway</h1></html>"), { class: "ambiguous" }],
  ["half an answer", raw(200, '{"ok":tr'), { class: "ambiguous" }],
  ["too large, without a body", raw(413, ""), { class: "render" }],
  [
    "nobody there",
    { answered: false, code: "ECONNREFUSED", written: false },
    { class: "not_sent", description: "ECONNREFUSED" },
  ],
  [
    "no answer",
    { answered: false, code: "TimeoutError", written: true },
    { class: "ambiguous", description: "TimeoutError" },
  ],
];
for (const [title, answer, expected] of TELEGRAM)
  test(`Telegram, ${title}: ${JSON.stringify(expected)}`, () => {
    const { description, ...verdict } = classify(answer, "telegram");
    assert.deepEqual("description" in expected ? { ...verdict, description } : verdict, expected);
  });

const HTTP: [Answer, object][] = [
  [raw(200, "ok"), { class: "sent", messageId: null }],
  [raw(204, ""), { class: "sent", messageId: null }],
  [raw(429, "slow down", "9"), { class: "flood", retryAfterSeconds: 9 }],
  [raw(400, "bad"), { class: "render" }],
  [raw(401, "who?"), { class: "address" }],
  [raw(404, "gone"), { class: "address" }],
  [raw(503, "later"), { class: "not_sent" }],
];
for (const [answer, expected] of HTTP)
  test(`a receiver's ${(answer as { status: number }).status}: ${JSON.stringify(expected)}`, () => {
    const { description, ...verdict } = classify(answer, "http");
    assert.deepEqual(verdict, expected);
    assert.ok(description.length > 0);
  });
