import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../probes/probe.ts";
import {
  createRig,
  dependencySample,
  diskSample,
  health,
  healthSample,
  type Rig,
  seeded,
  telegramSample,
} from "./testing.ts";
import { CHAT, deaf, fine, line, memoryChannel } from "./testing-line.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const GiB = 1024 ** 3;

const whisperDown = (rig: Rig) => () => [...fine(rig), dependencySample(rig.at(), true)];
const whisperUp = (rig: Rig) => () => [...fine(rig), dependencySample(rig.at(), false)];
const deafWhile = (rig: Rig, since: number, failed?: "tcp") => (): Sample[] => [
  ...deaf(rig, since),
  telegramSample(rig.at(), failed),
];

test("case 1: an outage that began and ended while Telegram was black-holed is told once, and by ntfy meanwhile", async (t) => {
  const ntfy = memoryChannel();
  const { telegram, rig, texts } = await line(t, { seconds: [ntfy] });
  await rig.run(10 * MINUTE, () => fine(rig));
  const since = rig.clock.wallMs();
  telegram.faults.add({ fault: { kind: "refuse" } });
  await rig.run(5 * MINUTE + 10 * SECOND, deafWhile(rig, since, "tcp"));
  const firedAt = rig.clock.wallMs();
  await rig.run(MINUTE, deafWhile(rig, since, "tcp"));
  assert.equal(ntfy.got.length, 1, "within 60 s after firing");
  assert.equal(ntfy.got[0]?.cause, "telegram_unreachable");
  assert.ok(firedAt > since);
  await rig.run(14 * MINUTE, deafWhile(rig, since, "tcp"));
  await rig.run(MINUTE, () => [...fine(rig), telegramSample(rig.at(), "tcp")]);
  await telegram.faults.clear();
  await rig.run(10 * MINUTE, () => fine(rig));
  assert.equal(texts().length, 1, texts().join("\n---\n"));
  assert.match(texts()[0] ?? "", /🟠 shopbot: was disconnected from Telegram, over now/);
  assert.match(texts()[0] ?? "", /Down 14:10:0\d UTC → 14:30:1\d UTC \(20 min \d+ s\)/);
  assert.match(texts()[0] ?? "", /Delivered .* late because this channel was down; sent to ntfy at 14:15/);
  assert.deepEqual(
    ntfy.got.map(({ kind }) => kind),
    ["firing", "resolved"],
  );
});

test("case 4: a reset after the body was read gives one marked repeat and no storm", async (t) => {
  const { telegram, rig, texts, calls } = await line(t);
  await rig.run(MINUTE, whisperUp(rig));
  telegram.faults.add({ method: "sendMessage", when: "after", times: 1, fault: { kind: "reset" } });
  await rig.run(90 * SECOND, whisperDown(rig));
  assert.equal(calls().length, 2);
  const [first, second] = texts();
  assert.doesNotMatch(first ?? "", /may repeat/);
  assert.match(second ?? "", /↻ may repeat #/);
  await rig.run(20 * MINUTE, whisperDown(rig));
  assert.equal(calls().length, 2);
  assert.deepEqual(
    rig.rows().map(({ state, attempts }) => [state, attempts]),
    [["sent", 2]],
  );
});

test("case 5: a flood wait of 37 s holds three alerts, which then come as one digest", async (t) => {
  const { telegram, rig, texts, calls } = await line(t);
  const mounts = ["/data", "/bot-data", "/logs"];
  await rig.run(MINUTE, () => mounts.map((mount) => diskSample(rig.at(), 50 * GiB, 100 * GiB, mount)));
  telegram.faults.add({ method: "sendMessage", times: 1, fault: { kind: "flood", retryAfterSeconds: 37 } });
  const full = () => mounts.map((mount) => diskSample(rig.at(), 2 * GiB, 100 * GiB, mount));
  while (calls().length === 0) await rig.run(SECOND, full, SECOND);
  const floodedAt = rig.clock.wallMs();
  while (calls().length === 1) await rig.run(SECOND, full, SECOND);
  assert.equal(rig.clock.wallMs() - floodedAt, 38 * SECOND, "the wait and one second");
  await rig.run(MINUTE, full, SECOND);
  assert.equal(texts().length, 1, texts().join("\n---\n"));
  assert.match(texts()[0] ?? "", /3 alerts: 3 firing/);
  for (const mount of mounts)
    assert.match(texts()[0] ?? "", new RegExp(`🔴 ${mount}: disk space is low.+ · 2.0 GiB of 100 GiB left`));
  assert.deepEqual(
    rig.rows().map(({ state }) => state),
    ["sent", "collapsed", "collapsed"],
  );
});

test("case 6: hostile fields stay valid HTML; a parse error is answered with one plain copy", async (t) => {
  const hostile = "<b>&`_*[x](y) \ud800 \u0000 </code>" + "🧨".repeat(5000);
  const { telegram, rig, texts, calls } = await line(t, {
    evidence: {
      lastFailingTrace: () => "4bf92f3577b34da6a3ce929d0e0e4736",
      topErrors: () => [1, 2, 3].map((count) => ({ fingerprint: hostile, count, isNew: true, traceId: null })),
    },
  });
  const errors = (total: number) => () => [
    healthSample(
      rig.at(),
      health(rig.at(), { service: hostile.slice(0, 300), errors: { total, last_at: null, by_reason: {} } }),
    ),
  ];
  await rig.run(MINUTE, errors(0));
  telegram.faults.add({
    method: "sendMessage",
    skip: 1,
    times: 1,
    fault: { kind: "error", code: 400, description: "Bad Request: can't parse entities: Unsupported start tag" },
  });
  await rig.run(MINUTE, errors(11));
  assert.equal(texts().length, 1);
  assert.ok((texts()[0]?.length ?? 0) <= 4096);
  assert.match(texts()[0] ?? "", /1 × <b>&`_\*\[x\]\(y\)/);
  assert.equal(calls().at(-1)?.status, 200);
  const told = rig.rows()[0];
  assert.equal(told?.plain, false);
  await rig.run(80 * MINUTE, errors(11), 10_000);
  const [, refused, plain] = calls();
  assert.equal(refused?.status, 400);
  assert.equal(plain?.params["parse_mode"], undefined);
  assert.equal(plain?.params["reply_markup"], undefined);
  assert.equal(calls().filter(({ description }) => description?.includes("parse")).length, 1);
  assert.deepEqual(
    rig.rows().map(({ kind, state, plain }) => `${kind} ${state} ${plain}`),
    ["firing sent false", "repeat sent true", "edit sent false", "resolved sent false", "edit sent false"],
  );
});

test("case 7: the chat moved: resent once to the new id, after a restart straight to it", async (t) => {
  const group = -5001;
  const moved = -1_005_001;
  const first = await line(t, { chatId: group });
  const { telegram, rig, dir } = first;
  telegram.group({ id: group, title: "ops" });
  telegram.group({ id: moved, title: "ops", type: "supergroup" });
  telegram.trouble(group, { migratedTo: moved });
  await rig.run(MINUTE, whisperUp(rig));
  await rig.run(2 * MINUTE, whisperDown(rig));
  assert.deepEqual(
    first.calls().map((call) => Number(call.params["chat_id"])),
    [group, moved],
  );
  assert.equal(telegram.messages(moved, "alerts").length, 1);
  rig.close();

  const second = await line(t, { chatId: group, dir, telegram, clock: rig.clock });
  const disk = (bytes: number) => () => [...whisperDown(second.rig)(), diskSample(second.rig.at(), bytes)];
  await second.rig.run(MINUTE, disk(50 * GiB));
  await second.rig.run(6 * MINUTE, disk(GiB));
  assert.equal(telegram.messages(moved, "alerts").length, 2);
  assert.equal(first.calls().filter((call) => Number(call.params["chat_id"]) === group).length, 1);
});

test("case 8: kicked, then revoked, then repaired: second channel at once, a probe per 15 min, delivered once", async (t) => {
  const ntfy = memoryChannel();
  const { telegram, rig, texts, calls } = await line(t, { seconds: [ntfy] });
  await rig.run(MINUTE, whisperUp(rig));
  telegram.trouble(CHAT, "blocked", "alerts");
  await rig.run(70 * SECOND, whisperDown(rig));
  assert.equal(calls().length, 1);
  assert.equal(rig.rows()[0]?.state, "parked");
  assert.equal(rig.rows()[0]?.answer?.description, "Forbidden: bot was blocked by the user");
  assert.equal(ntfy.got.length, 1, "a warning too: the primary is parked");
  await rig.run(14 * MINUTE, whisperDown(rig));
  assert.equal(calls().length, 1);
  telegram.revoke("alerts");
  await rig.run(30 * MINUTE, whisperDown(rig));
  assert.equal(calls().length, 3, "one request in 15 min");
  assert.ok(
    rig.engine.alerts("firing").some(({ rule, target }) => rule === "TelegramTokenInvalid" && target === "alert bot"),
  );
  telegram.restore("alerts");
  telegram.trouble(CHAT, null, "alerts");
  await rig.run(16 * MINUTE, whisperDown(rig));
  assert.equal(texts().filter((text) => text.includes("whisper: unhealthy")).length, 1, texts().join("\n---\n"));
  assert.equal(rig.rows().find(({ channel }) => channel === "telegram")?.state, "sent");
});

const ORDERS = [
  "recover ack silence",
  "recover silence ack",
  "ack recover silence",
  "ack silence recover",
  "silence recover ack",
  "silence ack recover",
];
for (const order of ORDERS)
  test(`case 9: ${order.replaceAll(" ", ", ")}: every channel ends with the truth, no resolve without its firing`, async (t) => {
    const ntfy = memoryChannel();
    const { rig, texts } = await line(t, { seconds: [ntfy], always: ["ntfy"] });
    await rig.run(MINUTE, whisperUp(rig));
    await rig.run(70 * SECOND, whisperDown(rig));
    let look = whisperDown(rig);
    for (const act of order.split(" ")) {
      const id = rig.engine.alerts("firing")[0]?.id ?? "";
      if (act === "recover") look = whisperUp(rig);
      else if (act === "ack") rig.engine.ack(id, "@ada");
      else rig.engine.silence(id, 60 * MINUTE, "@ada");
      await rig.run(30 * SECOND, look);
    }
    await rig.run(3 * MINUTE, look);
    assert.deepEqual(
      ntfy.got.map(({ kind }) => kind),
      ["firing", "resolved"],
    );
    assert.equal(texts().length, 2);
    for (const told of rig.state.all("told")) assert.equal(told.state, "resolved");
  });

test("a silenced firing that ends inside the silence was never told, so its end is not told either", async (t) => {
  const { rig, texts } = await line(t);
  await rig.run(MINUTE, whisperUp(rig));
  await rig.run(70 * SECOND, whisperDown(rig));
  rig.engine.silence(rig.engine.alerts("firing")[0]?.id ?? "", 60 * MINUTE, "@ada");
  await rig.run(3 * MINUTE, whisperUp(rig));
  assert.equal(texts().length, 2);
  await rig.run(3 * MINUTE, whisperDown(rig));
  await rig.run(3 * MINUTE, whisperUp(rig));
  assert.equal(texts().length, 2, "the second incident lay inside the silence");
  await rig.run(50 * MINUTE, whisperUp(rig));
  await rig.run(2 * MINUTE, whisperDown(rig));
  assert.equal(texts().length, 3, "the silence is over");
});

test("what the primary has not taken within 60 s goes to the second channel if it is critical", async (t) => {
  const ntfy = memoryChannel();
  const { telegram, rig } = await line(t, { seconds: [ntfy], random: seeded(3) });
  await rig.run(MINUTE, () => fine(rig));
  const since = rig.clock.wallMs();
  telegram.faults.add({
    method: "sendMessage",
    fault: { kind: "error", code: 500, description: "Internal Server Error: restart" },
  });
  await rig.run(5 * MINUTE + 30 * SECOND, () => deaf(rig, since));
  assert.equal(ntfy.got.length, 0);
  await rig.run(50 * SECOND, () => deaf(rig, since));
  assert.deepEqual(
    ntfy.got.map(({ kind }) => kind),
    ["firing"],
  );
});

test("alerts of a process that died before it could send are sent by the next, once", async (t) => {
  const silent = memoryChannel("telegram");
  const first = createRig({ dir: undefined, channels: [silent] });
  await first.run(MINUTE, whisperUp(first));
  assert.equal(silent.got.length, 0);
  first.close();
  const { rig, dir, telegram } = await line(t);
  await rig.run(MINUTE, whisperUp(rig));
  for (let passed = 0; passed < 90; passed += 5) {
    rig.clock.advance(5000);
    rig.observe(...whisperDown(rig)());
    rig.engine.tick(); // decided and committed, not sent
  }
  assert.deepEqual(
    rig.rows().map(({ state }) => state),
    ["queued"],
  );
  rig.close();
  const next = await line(t, { dir, telegram, clock: rig.clock });
  await next.rig.run(MINUTE, whisperDown(next.rig));
  assert.equal(next.texts().length, 1);
});
