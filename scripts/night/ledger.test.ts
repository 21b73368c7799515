import assert from "node:assert/strict";
import { test } from "node:test";
import { balance, type Expected, type NightRecord } from "./ledger.ts";
import type { Told } from "./told.ts";

const DISK: Expected = {
  rule: "DiskSpaceLow",
  title: /disk space is low/,
  cause: /MiB left/,
  channels: ["telegram"],
};
const tell = (over: Partial<Told> = {}): Told => ({
  atMs: 2000,
  channel: "telegram",
  incident: "K7F2",
  what: "firing",
  title: "/data: disk space is low",
  cause: "2 MiB left",
  marked: false,
  ...over,
});

/** A night in which everything went well: one update, one alert, its end. */
const night = (over: Partial<NightRecord> = {}): NightRecord => ({
  happened: [{ name: "the disk fills up", fromMs: 1000, toMs: 5000, expected: [DISK] }],
  said: [{ id: 0, atMs: 500, chat: 7, text: "/add w0", answer: /\bw0\b/ }],
  answered: [{ chat: 7, atMs: 600, text: "Added 1: w0" }],
  told: [tell(), tell({ atMs: 6000, what: "resolved" })],
  holes: [],
  telemetry: {
    handlings: [{ spanId: "a", updateId: 1, replayed: false }],
    handled: 1,
    linesPrinted: 3,
    linesArrived: 3,
    dropped: { spans: 0, logs: 0 },
  },
  heartbeats: { main: 1, delivery: 1 },
  ...over,
});
const { telemetry } = night();

test("a night in which everything went well balances", () => {
  const { wrong, rows, updates, alerts } = balance(night());
  assert.deepEqual(wrong, []);
  assert.equal(rows[0]?.told.length, 2);
  assert.deepEqual([updates.answered, alerts.told, alerts.lost, alerts.false], [1, 1, 0, 0]);
});

const failures: [string, Partial<NightRecord>, RegExp][] = [
  ["an update without an answer is lost", { answered: [] }, /update 0 was lost: "\/add w0"/],
  ["an answer in another chat is none", { answered: [{ chat: 8, atMs: 600, text: "w0" }] }, /update 0 was lost/],
  [
    "two answers while nothing was lost on the way are one too many",
    {
      answered: [
        { chat: 7, atMs: 600, text: "Added 1: w0" },
        { chat: 7, atMs: 700, text: "Added 1: w0" },
      ],
    },
    /update 0 was answered 2 times/,
  ],
  [
    "two handlings of an update without a mark",
    {
      telemetry: {
        ...telemetry,
        handlings: ["a", "b"].map((spanId) => ({ spanId, updateId: 1, replayed: false })),
      },
    },
    /update id 1 was handled twice without a mark/,
  ],
  ["an alert that nobody got is lost", { told: [] }, /DiskSpaceLow was told nowhere/],
  ["an alert on another channel only", { told: [tell({ channel: "webhook" })] }, /was not told by telegram/],
  ["an alert that is never over", { told: [tell()] }, /is not over by telegram/],
  [
    "an end without its beginning",
    { told: [tell({ what: "resolved", cause: "Lasted 2 s" })] },
    /was not told by telegram/,
  ],
  [
    "an alert with another cause",
    { told: [tell({ cause: "inodes" }), tell({ what: "resolved", cause: "" })] },
    /names no such cause as \/MiB left\//,
  ],
  [
    "the same twice without a mark",
    { told: [tell(), tell({ atMs: 2500 }), tell({ atMs: 6000, what: "resolved" })] },
    /told twice: #K7F2 .* firing by telegram, without a mark/,
  ],
  [
    "an alert that belongs to nothing is false",
    { told: [...night().told, tell({ incident: "ZZZZ", title: "bot: is down" })] },
    /false alarm: #ZZZZ "bot: is down"/,
  ],
  [
    "an alert before its act is false",
    { told: [tell({ atMs: 100 }), tell({ what: "resolved" })] },
    /false alarm: #K7F2/,
  ],
  [
    "a second incident of one act is false",
    { told: [...night().told, tell({ incident: "K7F3" })] },
    /false alarm: #K7F3/,
  ],
  ["spans that nobody counted", { telemetry: { ...telemetry, handled: 3 } }, /2 spans are lost, 0 are counted/],
  ["log lines that nobody counted", { telemetry: { ...telemetry, linesPrinted: 9 } }, /6 log lines are lost, 0 are/],
  [
    "an act that did not come to its end",
    { happened: [{ ...night().happened[0]!, failed: "not within 45 s: DiskSpaceLow by telegram" }] },
    /the disk fills up: not within 45 s/,
  ],
  ["no heartbeat", { heartbeats: { main: 0, delivery: 1 } }, /no heartbeat was sent/],
  ["no delivery heartbeat", { heartbeats: { main: 1, delivery: 0 } }, /no delivery heartbeat was sent/],
];
for (const [title, over, expected] of failures)
  test(`it does not balance: ${title}`, () => {
    const { wrong } = balance(night(over));
    assert.ok(
      wrong.some((line) => expected.test(line)),
      `${String(expected)} in ${JSON.stringify(wrong)}`,
    );
  });

const excused: [string, Partial<NightRecord>][] = [
  [
    "a repeat that is marked",
    { told: [tell(), tell({ atMs: 2500, marked: true }), tell({ atMs: 6000, what: "resolved" })] },
  ],
  ["an outage that is told as missed", { told: [tell({ what: "missed" })] }],
  [
    "an end that tells all and says that the beginning may have been there",
    { told: [tell({ what: "resolved", marked: true })] },
  ],
  ["an end that tells all, with its cause", { told: [tell({ what: "resolved" })] }],
  [
    "what else was told of an act",
    {
      happened: [{ ...night().happened[0]!, also: [/sqlite: unhealthy/] }],
      told: [...night().told, tell({ incident: "ABCD", title: "bot/sqlite: unhealthy" })],
    },
  ],
  [
    "an answer sent again after Telegram was away",
    {
      answered: [
        { chat: 7, atMs: 600, text: "Added 1: w0" },
        { chat: 7, atMs: 700, text: "Added 1: w0" },
      ],
      holes: [{ fromMs: 550, toMs: 650 }],
    },
  ],
  [
    "a replay that says so",
    {
      telemetry: {
        ...telemetry,
        handlings: [false, true].map((replayed) => ({ spanId: String(replayed), updateId: 1, replayed })),
      },
    },
  ],
  [
    "losses that are counted",
    { telemetry: { ...telemetry, handled: 3, linesPrinted: 9, dropped: { spans: 2, logs: 6 } } },
  ],
];
for (const [title, over] of excused)
  test(`it balances: ${title}`, () => assert.deepEqual(balance(night(over)).wrong, []));
