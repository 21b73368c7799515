import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageEntity } from "@grammyjs/types";
import { findEntities, trimFormatted } from "./entities.ts";

const found = (text: string, entities: MessageEntity[] = []): string[] =>
  findEntities({ text, entities }).map(({ type, offset, length }) => `${type} ${text.slice(offset, offset + length)}`);

const cases: [text: string, entities: string[]][] = [
  ["/start", ["bot_command /start"]],
  ["/start@shop_bot now", ["bot_command /start@shop_bot"]],
  ["a/b /c/d //e </f>", []],
  ["see https://a.b/c?d=1, or (http://127.0.0.1:8090/x).", ["url https://a.b/c?d=1", "url http://127.0.0.1:8090/x"]],
  ["http://localhost:3000/x", []],
  ["hi @some_body, me@example.org", ["mention @some_body"]],
  ["#deploy and #42", ["hashtag #deploy"]],
];
for (const [text, entities] of cases) {
  test(`in "${text}" Telegram marks ${entities.join(", ") || "nothing"}`, () =>
    assert.deepEqual(found(text), entities));
}

test("nothing is found inside code and links", () => {
  assert.deepEqual(found("/start", [{ type: "code", offset: 0, length: 6 }]), ["code /start"]);
  assert.deepEqual(found("/start", [{ type: "bold", offset: 0, length: 6 }]), ["bold /start", "bot_command /start"]);
});

test("blanks at the ends go, and entities move along", () => {
  const entities: MessageEntity[] = [
    { type: "bold", offset: 3, length: 4 },
    { type: "italic", offset: 5, length: 2 },
  ];
  assert.deepEqual(trimFormatted({ text: " \n ab  ", entities }), {
    text: "ab",
    entities: [{ type: "bold", offset: 0, length: 2 }],
  });
});

test("leading blanks inside an entity stay", () => {
  const entities: MessageEntity[] = [{ type: "code", offset: 0, length: 3 }];
  assert.deepEqual(trimFormatted({ text: "  a", entities }), { text: "  a", entities });
});
