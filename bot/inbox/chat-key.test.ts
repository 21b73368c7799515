import assert from "node:assert/strict";
import { test } from "node:test";
import { chatKey } from "./chat-key.ts";

const chat = { id: -5 };
const from = { id: 7 };
const cases: [title: string, update: object, key: string][] = [
  ["a message: its chat", { message: { chat, from } }, "-5"],
  ["a pressed button: the chat of its message", { callback_query: { from, message: { chat } } }, "-5"],
  ["a button without a message: its user", { callback_query: { from } }, "7"],
  ["an inline query: its user", { inline_query: { from } }, "7"],
  ["an answer to a poll: its user", { poll_answer: { user: from } }, "7"],
  ["a poll: nobody, so it waits for nothing", { poll: { id: "1" } }, "poll:9"],
  ["an empty update", {}, ":9"],
];
for (const [title, update, key] of cases) {
  test(`what keeps its order: ${title}`, () => assert.equal(chatKey({ update_id: 9, ...update }), key));
}
