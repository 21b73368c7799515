import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../probes/probe.ts";
import {
  controlSample,
  dependencySample,
  diskSample,
  health,
  healthSample,
  type Rig,
  telegramSample,
  unreachable,
} from "./testing.ts";
import { deaf, fine, line } from "./testing-line.ts";

const MINUTE = 60_000;

test("a disconnect of 5 min is told once with its cause, and its end once", async (t) => {
  const { rig, texts } = await line(t);
  await rig.run(MINUTE, () => fine(rig));
  const since = rig.clock.wallMs();
  await rig.run(5 * MINUTE, () => deaf(rig, since));
  assert.deepEqual(texts(), []);
  await rig.run(2 * MINUTE, () => deaf(rig, since));
  assert.equal(texts().length, 1);
  assert.match(texts()[0] ?? "", /shopbot: disconnected from Telegram/);
  assert.match(texts()[0] ?? "", /Cause: poll stalled/);
  assert.match(texts()[0] ?? "", /Runbook: http:\/\/127.0.0.1:8090\/runbooks\/telegram-bot-disconnected/);
  await rig.run(3 * MINUTE, () => fine(rig));
  assert.equal(texts().length, 2);
  assert.match(texts()[1] ?? "", /✅ shopbot: connected again/);
  assert.match(texts()[0] ?? "", /^✅/, "the firing message is edited");
  assert.deepEqual(
    rig.rows().map(({ kind, state }) => `${kind} ${state}`),
    ["firing sent", "resolved sent", "edit sent"],
  );
});

test("the eleventh error in an hour fires, the tenth does not", async (t) => {
  const { rig, texts } = await line(t, {
    evidence: {
      lastFailingTrace: () => "4bf92f3577b34da6a3ce929d0e0e4736",
      topErrors: () => [{ fingerprint: "TypeError <b>x</b> at pay", count: 9, isNew: true, traceId: null }],
    },
  });
  const failing = (total: number) => () => [
    healthSample(rig.at(), health(rig.at(), { errors: { total, last_at: null, by_reason: {} } })),
  ];
  await rig.run(MINUTE, failing(0));
  await rig.run(MINUTE, failing(10));
  assert.deepEqual(texts(), []);
  await rig.run(MINUTE, failing(11));
  assert.equal(texts().length, 1);
  assert.match(
    texts()[0] ?? "",
    /shopbot: too many errors[^]*11 errors in 1 h \(limit 10\)[^]*9 × TypeError <b>x<\/b> at pay \(new\)/,
  );
  assert.match(texts()[0] ?? "", /4bf92f3577b34da6a3ce929d0e0e4736/);
  await rig.run(62 * MINUTE, failing(11), 10_000);
  await rig.run(12 * MINUTE, failing(11), 10_000);
  assert.match(texts().at(-1) ?? "", /errors are back to normal/);
});

const CASES: { rule: string; bad: (rig: Rig) => Sample[]; good: (rig: Rig) => Sample[]; says: RegExp; over: RegExp }[] =
  [
    {
      rule: "TelegramBotDown",
      bad: (rig) => [unreachable(rig.at())],
      good: fine,
      says: /🔴 shopbot: is down[^]*Cause: the process is down/,
      over: /✅ shopbot: is up again/,
    },
    {
      rule: "DependencyUnhealthy",
      bad: (rig) => [dependencySample(rig.at(), true)],
      good: (rig) => [dependencySample(rig.at(), false)],
      says: /🟠 whisper: unhealthy[^]*tcp: ECONNREFUSED/,
      over: /✅ whisper: healthy again/,
    },
    {
      rule: "DiskSpaceLow",
      bad: (rig) => [diskSample(rig.at(), 2 * 1024 ** 3)],
      good: (rig) => [diskSample(rig.at(), 50 * 1024 ** 3)],
      says: /🔴 \/data: disk space is low[^]*2\.0 GiB of 100 GiB left \(2 %\)/,
      over: /✅ \/data: enough disk space again/,
    },
    {
      rule: "HostOffline",
      bad: (rig) => [telegramSample(rig.at(), "tcp"), controlSample(rig.at(), true)],
      good: fine,
      says: /🔴 host: no network[^]*1\.1\.1\.1:443 tcp: ENETUNREACH/,
      over: /✅ host: the network is back/,
    },
  ];
for (const { rule, bad, good, says, over } of CASES)
  test(`${rule} is told when it fires and when it is over`, async (t) => {
    const { rig, texts } = await line(t);
    await rig.run(MINUTE, () => [...fine(rig), ...good(rig)]);
    await rig.run(6 * MINUTE, () => bad(rig));
    assert.equal(texts().length, 1, texts().join("\n---\n"));
    assert.match(texts()[0] ?? "", says);
    assert.equal(rig.engine.alerts("firing")[0]?.rule, rule);
    await rig.run(6 * MINUTE, () => [...fine(rig), ...good(rig)]);
    assert.equal(texts().length, 2, texts().join("\n---\n"));
    assert.match(texts()[1] ?? "", over);
    assert.equal(rig.engine.alerts("firing").length, 0);
  });
