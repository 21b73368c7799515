import assert from "node:assert/strict";
import { test } from "node:test";
import { addSecret, redact, redactFreeText, redactValue } from "./redact.ts";

const token = `7000000001:${"AbC-_9".repeat(6).slice(0, 35)}`;

test("anything shaped like a bot token goes, wherever it stands", () => {
  for (const text of [
    token,
    `https://api.telegram.org/bot${token}/getMe`,
    `/file/bot${token}/photos/1.jpg`,
    `before ${token} after`,
    `https://x/bot${encodeURIComponent(token)}/getMe`,
    JSON.stringify({ url: `/bot${token}/sendMessage` }),
  ]) {
    const clean = redact(text);
    assert.ok(!clean.includes(token) && !clean.includes(token.split(":")[1] ?? ""), clean);
    assert.match(clean, /\[token\]/);
  }
});

test("times, addresses and ids are left alone", () => {
  for (const text of [
    "2026-11-21T13:11:00.000Z",
    "127.0.0.1:8080",
    '{"time":1795267529921,"level":30}',
    "https://example.org:8443/path?x=1",
    "123456:REDACTED",
    "0af7651916cd43dd8448eb211c80319c",
  ]) {
    assert.equal(redactFreeText(text), text);
  }
});

test("a known secret goes exactly, also percent-encoded; very short ones hide nothing", () => {
  addSecret("p@ss word/123");
  addSecret("abc");
  addSecret(undefined);
  assert.equal(redact("x p@ss word/123 y"), "x [secret] y");
  assert.equal(redact("x p%40ss%20word%2F123 y"), "x [secret] y");
  assert.equal(redact("abc"), "abc");
});

test("a secret that is shorter than a token goes as well, from a text that is nothing else", () => {
  addSecret("s3cret");
  assert.equal(redact("s3cret"), "[secret]");
});

test("phone numbers go from free text", () => {
  assert.equal(redactFreeText("call +49 170 1234567 now"), "call [phone] now");
  assert.equal(redactFreeText("+1(555)010-9999"), "[phone]");
  assert.equal(redactFreeText("1+1=2, +5 points"), "1+1=2, +5 points");
});

test("lists and maps of text are cleaned, other values pass", () => {
  const bytes = new Uint8Array([1]);
  assert.deepEqual(redactValue({ url: token, bytes, none: null }), { url: "[token]", bytes, none: null });
  assert.deepEqual(redactValue([token, 1]), ["[token]", 1]);
  assert.equal(redactValue(7), 7);
});
