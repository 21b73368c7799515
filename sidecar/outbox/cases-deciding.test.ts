import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { LockedError, takeLock } from "../state/lock.ts";
import {
  controlSample,
  createRig,
  dependencySample,
  diskSample,
  fakeClock,
  health,
  healthSample,
  type Rig,
  telegramSample,
  temporaryDir,
  unreachable,
} from "./testing.ts";
import { CHAT, deaf, fine, line, memoryChannel } from "./testing-line.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const GiB = 1024 ** 3;

const kinds = (channel: ReturnType<typeof memoryChannel>) => channel.got.map(({ kind, rule }) => `${kind} ${rule}`);

for (const [point, count, marked] of [
  ["committed", 1, false],
  ["accepted", 2, true],
] as const)
  test(`cases 2 and 3: SIGKILL after the firing was ${point}: ${count} message${count > 1 ? "s, the second marked" : ""}`, async (t) => {
    const { rig, dir, telegram, texts } = await line(t);
    rig.close(); // the child works on this directory now
    const args = [
      join(import.meta.dirname, "testing-child.ts"),
      dir,
      telegram.url,
      telegram.bot("alerts").token,
      String(CHAT),
      point,
    ];
    const child = spawn(process.execPath, args, { stdio: "inherit" });
    const [, signal] = await once(child, "exit");
    assert.equal(signal, "SIGKILL");
    assert.equal(texts().length, point === "accepted" ? 1 : 0);

    const clock = fakeClock();
    clock.advance(3 * MINUTE);
    const next = await line(t, { dir, telegram, clock });
    await next.rig.run(2 * MINUTE, () => [dependencySample(next.rig.at(), true)]);
    assert.equal(texts().length, count, texts().join("\n---\n"));
    assert.equal(/↻ may repeat #/.test(texts().at(-1) ?? ""), marked);
    const ids = new Set(texts().map((text) => /#([2-9A-Z]{4}) ·/.exec(text)?.[1]));
    assert.equal(ids.size, 1, "the same incident");
  });

test("case 10: 40 s bad and 40 s good for an hour on a 30 s rule is at most two messages, then the settled state", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel], rules: { DependencyUnhealthy: { after: 30_000 } } });
  const start = rig.clock.wallMs();
  await rig.run(HOUR, () => [dependencySample(rig.at(), (rig.clock.wallMs() - start) % 80_000 < 40_000)]);
  assert.ok(channel.got.length <= 2, kinds(channel).join());
  assert.ok(channel.got.length >= 1);
  await rig.run(HOUR, () => [dependencySample(rig.at(), false)]);
  assert.equal(channel.got.at(-1)?.kind, "resolved");
  assert.ok(channel.got.length <= 3, kinds(channel).join());
});

test("three incidents in an hour are told as flapping, then only the settled state", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  const start = rig.clock.wallMs();
  const flap = () => [dependencySample(rig.at(), (rig.clock.wallMs() - start) % (8 * MINUTE) < 4 * MINUTE)];
  await rig.run(2 * HOUR, flap);
  assert.deepEqual(
    channel.got.map(({ kind }) => kind),
    ["firing", "resolved", "firing", "resolved", "firing"],
  );
  assert.match(channel.got[4]?.title ?? "", /flapping/);
  await rig.run(40 * MINUTE, () => [dependencySample(rig.at(), false)]);
  assert.equal(channel.got.length, 6, kinds(channel).join());
  assert.equal(channel.got[5]?.kind, "resolved");
});

test("case 11: a sidecar restart at 4:30 of 5:00 does not start the five minutes anew", async (t) => {
  const dir = temporaryDir(t);
  const clock = fakeClock();
  const channel = memoryChannel("telegram");
  const since = clock.wallMs();
  const first = createRig({ dir, clock, channels: [channel] });
  await first.run(4.5 * MINUTE, () => deaf(first, since));
  first.close();
  const second = createRig({ dir, clock, channels: [channel] });
  await second.run(25 * SECOND, () => deaf(second, since));
  assert.equal(channel.got.length, 0);
  await second.run(10 * SECOND, () => deaf(second, since));
  assert.deepEqual(kinds(channel), ["firing TelegramBotDisconnected"]);
  second.close();
});

test("case 11: a sidecar that is killed every two minutes tells a disconnect once, at five minutes", async (t) => {
  const dir = temporaryDir(t);
  const clock = fakeClock();
  const channel = memoryChannel("telegram");
  const since = clock.wallMs();
  for (let life = 0; life < 6; life++) {
    const rig = createRig({ dir, clock, channels: [channel] });
    const before = channel.got.length;
    await rig.run(2 * MINUTE, () => deaf(rig, since));
    if (life < 2) assert.equal(channel.got.length, 0);
    if (life > 2) assert.equal(channel.got.length, before);
    rig.state.database()?.close(); // as a kill leaves it: no last write
  }
  assert.deepEqual(kinds(channel), ["firing TelegramBotDisconnected"]);
});

test("case 11: a bot that crash-loops without ever polling is disconnected at five minutes of real age", async (t) => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ dir: temporaryDir(t), channels: [channel] });
  const start = rig.clock.wallMs();
  const crashing = () => {
    const lives = Math.floor((rig.clock.wallMs() - start) / 40_000);
    const body = health(rig.at(), {
      instance: `i${lives}`,
      started_at: new Date(start + lives * 40_000).toISOString(),
      uptime_seconds: ((rig.clock.wallMs() - start) % 40_000) / 1000,
      telegram: { connected: false, last_success_at: null, seconds_since_success: null, in_flight_since: null },
    });
    return [healthSample(rig.at(), body)];
  };
  await rig.run(5 * MINUTE, crashing);
  assert.ok(!kinds(channel).includes("firing TelegramBotDisconnected"));
  await rig.run(10 * SECOND, crashing);
  assert.equal(kinds(channel).filter((kind) => kind === "firing TelegramBotDisconnected").length, 1);
  rig.close();
});

test("case 12: a clock that is set two hours ahead, and ten minutes of suspend, alert nobody and lengthen nothing", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  await rig.run(10 * MINUTE, () => fine(rig));
  rig.clock.jumpWall(2 * HOUR);
  // A bot that measures by the wall says so once, before its next poll returns.
  await rig.run(5 * SECOND, () => deaf(rig, rig.clock.wallMs() - 2 * HOUR));
  await rig.run(10 * MINUTE, () => fine(rig));
  rig.clock.jumpWall(10 * MINUTE);
  await rig.run(5 * SECOND, () => deaf(rig, rig.clock.wallMs() - 10 * MINUTE));
  await rig.run(10 * MINUTE, () => fine(rig));
  assert.deepEqual(kinds(channel), []);

  await rig.run(2 * MINUTE, () => [...fine(rig), dependencySample(rig.at(), true)]);
  rig.clock.jumpWall(2 * HOUR);
  await rig.run(8 * MINUTE, () => [...fine(rig), dependencySample(rig.at(), true)]);
  await rig.run(3 * MINUTE, () => [...fine(rig), dependencySample(rig.at(), false)]);
  assert.deepEqual(kinds(channel), ["firing DependencyUnhealthy", "resolved DependencyUnhealthy"]);
  assert.match(channel.got[1]?.plain ?? "", /\((9|10) min( \d+ s)?\)/, "ten minutes, not two hours and ten");
});

test("failure 24: case 12: a process that was stopped for ten minutes counts none of them", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  await rig.run(MINUTE, () => fine(rig));
  await rig.run(20 * SECOND, () => [...fine(rig), dependencySample(rig.at(), true)]);
  rig.clock.advance(10 * MINUTE);
  await rig.run(30 * SECOND, () => [...fine(rig), dependencySample(rig.at(), true)]);
  assert.deepEqual(kinds(channel), []);
  await rig.run(30 * SECOND, () => [...fine(rig), dependencySample(rig.at(), true)]);
  assert.deepEqual(kinds(channel), ["firing DependencyUnhealthy"]);
});

test("case 13: with no space for the state the alert is delivered and says so; it is not repeated later", async (t) => {
  const dir = temporaryDir(t);
  const clock = fakeClock();
  const channel = memoryChannel("telegram");
  const rig = createRig({ dir, clock, channels: [channel] });
  await rig.run(MINUTE, () => [diskSample(rig.at(), 50 * GiB)]);
  const database = rig.state.database();
  const pages = Number(database?.prepare("PRAGMA page_count").get()?.["page_count"]);
  database?.exec(`PRAGMA max_page_count = ${pages}`); // SQLITE_FULL, as a full disk gives it
  const full = "x".repeat(20_000);
  rig.state.commit([{ table: "memory", key: "filler", value: full }]);
  await rig.run(6 * MINUTE, () => [diskSample(rig.at(), GiB)]);
  assert.deepEqual(kinds(channel), ["firing DiskSpaceLow"]);
  assert.match(channel.got[0]?.plain ?? "", /⚠ state not saved: no space left/);
  database?.exec("PRAGMA max_page_count = 1000000");
  await rig.run(MINUTE, () => [diskSample(rig.at(), GiB)]);
  assert.equal(rig.state.problem(), undefined);
  rig.close();
  const next = createRig({ dir, clock, channels: [channel] });
  await next.run(10 * MINUTE, () => [diskSample(next.at(), GiB)]);
  assert.deepEqual(kinds(channel), ["firing DiskSpaceLow"]);
  next.close();
});

const errorsOf = (
  rig: Rig,
  total: number,
  over: { instance?: string; started_at?: string; uptime_seconds?: number } = {},
) => [healthSample(rig.at(), health(rig.at(), { ...over, errors: { total, last_at: null, by_reason: {} } }))];
const countOf = (rig: Rig) =>
  Number(/^shopbot: too many errors\. (\d+)/.exec(rig.engine.alerts("all")[0]?.summary ?? "")?.[1] ?? 0);

test("case 14: exactly ten errors are quiet, the eleventh fires", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  await rig.run(MINUTE, () => errorsOf(rig, 0));
  await rig.run(MINUTE, () => errorsOf(rig, 10));
  assert.deepEqual(kinds(channel), []);
  await rig.run(5 * SECOND, () => errorsOf(rig, 11));
  assert.deepEqual(kinds(channel), ["firing TelegramBotErrorsHigh"]);
  assert.equal(countOf(rig), 11);
});

test("case 14: three bot restarts with four errors each count twelve, never twenty-four", async (t) => {
  const dir = temporaryDir(t);
  const clock = fakeClock();
  const channel = memoryChannel("telegram");
  let rig = createRig({ dir, clock, channels: [channel] });
  await rig.run(MINUTE, () => errorsOf(rig, 0));
  for (const life of [1, 2, 3]) {
    const startedWallMs = clock.wallMs();
    const process = () => ({
      instance: `life${life}`,
      started_at: new Date(startedWallMs).toISOString(),
      uptime_seconds: (clock.wallMs() - startedWallMs) / 1000,
    });
    await rig.run(5 * MINUTE, () => errorsOf(rig, 4, process()));
    // The sidecar restarts too: nothing is lost or doubled by it.
    rig.close();
    rig = createRig({ dir, clock, channels: [channel] });
    await rig.run(MINUTE, () => errorsOf(rig, 4, process()));
  }
  assert.deepEqual(
    kinds(channel).filter((kind) => kind.includes("Errors")),
    ["firing TelegramBotErrorsHigh"],
  );
  assert.equal(countOf(rig), 12);
  rig.close();
});

test("case 14: a counter that fell is a new one; a gap of 20 min is spread over it", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  await rig.run(MINUTE, () => errorsOf(rig, 50));
  assert.deepEqual(kinds(channel), [], "errors from before the first sight are of an unknown age");
  await rig.run(MINUTE, () => errorsOf(rig, 3));
  for (let minute = 0; minute < 20; minute++) await rig.run(MINUTE, () => [unreachable(rig.at())]);
  await rig.run(MINUTE, () => errorsOf(rig, 11));
  assert.equal(countOf(rig), 11, "3 after the reset and 8 in the gap");
});

test("case 15: fifteen minutes offline are one HostOffline after the return, with what it explains", async (t) => {
  const { rig, telegram, texts } = await line(t);
  await rig.run(MINUTE, () => fine(rig));
  const since = rig.clock.wallMs();
  telegram.faults.add({ fault: { kind: "refuse" } });
  const offline = () => [...deaf(rig, since), telegramSample(rig.at(), "tcp"), controlSample(rig.at(), true)];
  await rig.run(15 * MINUTE, offline);
  const firing = rig.engine.alerts("firing");
  assert.deepEqual(firing.map(({ rule }) => rule).sort(), ["HostOffline", "TelegramBotDisconnected"]);
  const host = firing.find(({ rule }) => rule === "HostOffline");
  assert.equal(firing.find(({ rule }) => rule !== "HostOffline")?.inhibited_by, host?.id);
  await telegram.faults.clear();
  await rig.run(10 * MINUTE, () => fine(rig));
  assert.equal(texts().length, 1, texts().join("\n---\n"));
  assert.match(texts()[0] ?? "", /🟠 host: had no network, over now/);
  assert.match(texts()[0] ?? "", /Explains #[2-9A-Z]{4} shopbot: disconnected from Telegram/);
});

test("what fired before an outage began is not explained by it", async () => {
  const channel = memoryChannel("telegram");
  const rig = createRig({ channels: [channel] });
  await rig.run(MINUTE, () => errorsOf(rig, 0));
  await rig.run(MINUTE, () => errorsOf(rig, 11));
  const since = rig.clock.wallMs();
  await rig.run(6 * MINUTE, () => [...deaf(rig, since), telegramSample(rig.at(), "tcp")]);
  assert.deepEqual(kinds(channel), ["firing TelegramBotErrorsHigh", "firing TelegramBotDisconnected"]);
  assert.doesNotMatch(channel.got[1]?.plain ?? "", /Explains/);
});

test("case 15: a second sidecar on the same volume is refused and told who holds it", (t) => {
  const dir = temporaryDir(t);
  const lock = takeLock(dir, Date.parse("2026-11-20T14:00:00Z"));
  assert.throws(
    () => takeLock(dir, Date.now()),
    (error: Error) => {
      assert.ok(error instanceof LockedError);
      assert.match(error.message, new RegExp(`process ${process.pid} on .+ since 2026-11-20T14:00:00`));
      return true;
    },
  );
  lock.release();
  takeLock(dir, Date.now()).release();
});
