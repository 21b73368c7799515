import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createLog } from "@gramwatch/otel";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { createFeed } from "./inbox/feed.ts";
import type { InboxItem } from "./inbox/inbox.ts";
import { supervise } from "./supervise.ts";
import { fakeClock, startTestBot, temporaryDir, until } from "./testing.ts";

test("failure 18, b9: a handler that never ends is cut off after 90 s; its user is told, its chat goes on", async (t) => {
  const silent = createServer(() => {}); // accepts and never answers
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    silent.close();
    silent.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock, env: { BOT_ADMINS: "4242", SIDECAR_URL: url } });
  bot.telegram.say("/alerts");
  bot.telegram.say("/ping");
  assert.equal(await bot.ask("/ping", { user: 7 }), "pong", "other chats do not wait");
  await until(() => bot.app.health.snapshot().updates.in_flight === 1);
  assert.equal(bot.app.health.snapshot().updates.inbox_pending, 1);
  await clock.sleeping(90_000);
  await clock.advance(90_000);
  await bot.telegram.called("sendMessage", { skip: 2 });
  const texts = bot.telegram.messages(4242).flatMap((message) => ("text" in message ? [message.text] : []));
  assert.match(texts[2] ?? "", /something went wrong/);
  assert.equal(texts[3], "pong");
  await until(() => bot.app.health.snapshot().updates.failed === 1);
  assert.equal(bot.app.health.snapshot().errors.by_reason["handler"], 1);
});

test(
  "failure 20: an apology that nobody takes does not outlast the drain; the next process sends it",
  {
    timeout: 30_000, // the call itself may take a minute
  },
  async (t) => {
    const telegram = await startFakeTelegram({ bots: ["shop"] });
    t.after(() => telegram.close());
    const bot = await startTestBot(t, { telegram, env: { SHUTDOWN_TIMEOUT: "1s" } });
    const blackHole = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
    telegram.say("/boom");
    await telegram.called("sendMessage");
    await bot.stop();
    await blackHole.remove();
    const next = await startTestBot(t, { telegram, dataDir: bot.dataDir });
    await until(() => telegram.messages(4242).length === 2);
    assert.match((telegram.messages(4242).at(-1) as { text: string }).text, /^Sorry, something went wrong on my side/);
    assert.equal(next.app.health.snapshot().updates.handled, 0, "the update itself is over");
  },
);

test("failure 19: an update that ended three processes is put aside, counted as lost, and its user is told", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const dataDir = temporaryDir(t);
  const hang = telegram.faults.add({ method: "sendMessage", fault: { kind: "hang" } });
  const clock = fakeClock();
  const first = await startTestBot(t, { telegram, dataDir, clock, crash: true, env: { SHUTDOWN_TIMEOUT: "1s" } });
  const { id } = telegram.group({ id: -500, title: "Forum", topics: [7] });
  telegram.say("/ping", { chat: id, thread: 7 });
  await telegram.called("sendMessage");
  first.db.exec("UPDATE inbox SET attempts = 3");
  const stopped = first.stop();
  await clock.sleeping(500);
  await clock.advance(500);
  await stopped;
  await hang.remove();
  const next = await startTestBot(t, { telegram, dataDir });
  const { params } = await telegram.called("sendMessage", { skip: 1 });
  assert.match(String(params["text"]), /could not handle your last message.*mention <code>[0-9a-f]{8}/);
  assert.deepEqual([params["chat_id"], params["message_thread_id"]], [id, 7], "where it was asked");
  const { errors, updates } = next.app.health.snapshot();
  assert.deepEqual([errors.by_reason["lost"], updates.handled], [1, 0]);
});

const items = (count: number): InboxItem[] =>
  Array.from({ length: count }, (_, n) => ({
    update: { update_id: n } as InboxItem["update"],
    correlationId: "",
    replayed: false,
  }));

test("no more updates are at work than allowed, and what was cut off is not marked as handled", async () => {
  const waiting = items(5);
  const finished: number[] = [];
  const work = Promise.withResolvers<void>();
  let atWork = 0;
  let most = 0;
  const stop = new AbortController();
  const feed = createFeed(
    {
      inbox: {
        take: (limit: number) => waiting.splice(0, limit),
        finish: (id: number) => void finished.push(id),
        flush: () => {},
      } as never,
      async handle(item) {
        most = Math.max(most, ++atWork);
        await work.promise;
        atWork--;
        return item.update.update_id !== 1;
      },
      storageFailed: (error) => assert.fail(error as Error),
      wait: () => Promise.resolve(),
    },
    { concurrency: 2 },
  );
  const running = feed.run(stop.signal);
  assert.equal(most, 2);
  work.resolve();
  await until(() => finished.length === 4);
  await feed.idle();
  stop.abort();
  await running;
  assert.equal(most, 2);
  assert.deepEqual(new Set(finished), new Set([0, 2, 3, 4]));
});

test("an inbox that cannot be read is asked again after a while", async () => {
  const stop = new AbortController();
  const clock = fakeClock();
  const failures: unknown[] = [];
  let broken = true;
  const waiting = items(1);
  const finished: number[] = [];
  const feed = createFeed({
    inbox: {
      take(limit: number) {
        if (broken) throw new Error("disk I/O error");
        return waiting.splice(0, limit);
      },
      finish: (id: number) => void finished.push(id),
      flush: () => {},
    } as never,
    handle: () => Promise.resolve(true),
    storageFailed: (error) => void failures.push(error),
    wait: clock.wait,
  });
  const running = feed.run(stop.signal);
  await clock.sleeping(5000);
  broken = false;
  await clock.advance(5000);
  await until(() => finished.length === 1);
  stop.abort();
  await running;
  assert.equal(failures.length, 1);
});

test("failure 1, b4: a loop that ends or throws by itself is started again, later each time, and counted", async () => {
  const clock = fakeClock();
  const lines: string[] = [];
  const log = createLog({ destination: { write: (line: string) => void lines.push(line) } });
  const stop = new AbortController();
  let failures = 0;
  const ways = [() => undefined, () => assert.fail("a bug"), () => undefined];
  const ended = supervise(
    "polling",
    async () => {
      const way = ways.shift();
      if (way) return way();
      return "decided" as const;
    },
    stop.signal,
    { log, clock, failed: () => failures++ },
  );
  for (const pauseMs of [1000, 2000, 4000]) {
    await clock.sleeping(pauseMs);
    await clock.advance(pauseMs);
  }
  assert.equal(await ended, "decided");
  assert.equal(failures, 3);
  assert.equal(lines.length, 3);
});
