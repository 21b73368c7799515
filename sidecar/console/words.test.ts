import assert from "node:assert/strict";
import { test } from "node:test";
import { agoText } from "./parts.ts";
import { bytes, bytesOf, kebab, millis, percent, plural, sentence, span } from "./words.ts";

const SAID: [string, string][] = [
  [millis(0), "0.00 ms"],
  [millis(0.42), "0.4 ms"],
  [millis(6.8), "6.8 ms"],
  [millis(34.4), "34 ms"],
  [millis(2100), "2.1 s"],
  [millis(26_000), "26 s"],
  [millis(192_000), "3 min 12 s"],
  [span(0), "0 s"],
  [span(-5), "0 s"],
  [span(59.6), "1 min"],
  [span(372), "6 min 12 s"],
  [span(3600), "1 h"],
  [span(273_600), "3 d 4 h"],
  [span(46 * 86_400), "46 d"],
  [bytes(0), "0 B"],
  [bytes(999), "999 B"],
  [bytes(190e6), "190 MB"],
  [bytes(81_900), "81.9 kB"],
  [bytes(2e18), "2000 PB"],
  [bytesOf(31.2e9, 40e9), "31.2 of 40 GB"],
  [bytesOf(5e6, 40e9), "0 of 40 GB"],
  [percent(1), "100 %"],
  [percent(0.99999), "99.99 %"],
  [percent(0), "0.00 %"],
  [sentence("poll_stalled"), "Poll stalled"],
  [kebab("TelegramBotDisconnected"), "telegram-bot-disconnected"],
  [plural(1, "record"), "1 record"],
  [plural(2, "record"), "2 records"],
  [agoText(-5), "0 s ago"],
  [agoText(59_400), "59 s ago"],
  [agoText(14 * 60_000), "14 min ago"],
  [agoText(5 * 3_600_000), "5 h ago"],
  [agoText(50 * 3_600_000), "2 d ago"],
];
for (const [said, expected] of SAID) test(`it says "${expected}"`, () => assert.equal(said, expected));
