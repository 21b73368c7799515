import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Update } from "grammy/types";
import { openDatabase } from "../storage/database.ts";
import { temporaryDir } from "../testing.ts";
import { createInbox, MAX_ATTEMPTS } from "./inbox.ts";

let ids = 0;
const options = { botId: 1, now: () => 1_000_000, newCorrelationId: () => String(++ids).padStart(32, "0") };

const message = (update_id: number, chat: number): Update =>
  ({
    update_id,
    message: { message_id: update_id, date: 0, chat: { id: chat, type: "private" }, text: "x" },
  }) as Update;

function setUp(t: TestContext, botId = 1) {
  const path = `${temporaryDir(t)}/bot.db`;
  const open = () => createInbox(openDatabase(path), { ...options, botId });
  return {
    inbox: open(),
    reopen: open,
    another: (id: number) => createInbox(openDatabase(path), { ...options, botId: id }),
  };
}

const taken = (items: { update: Update }[]): number[] => items.map((item) => item.update.update_id);

test("the same update comes in once, also after it was handled", (t) => {
  const { inbox } = setUp(t);
  assert.deepEqual(inbox.commit([message(1, 7), message(2, 7)]), {
    fresh: [message(1, 7), message(2, 7)],
    duplicates: 0,
  });
  assert.equal(taken(inbox.take(10)).length, 1);
  inbox.finish(1);
  assert.deepEqual(inbox.commit([message(1, 7), message(2, 7), message(3, 7)]), {
    fresh: [message(3, 7)],
    duplicates: 2,
  });
  assert.equal(inbox.pending(), 2);
});

test("b23: each chat is handled in order and does not wait for another", (t) => {
  const { inbox } = setUp(t);
  inbox.commit([message(1, 7), message(2, 7), message(3, 8), message(4, 7)]);
  assert.deepEqual(taken(inbox.take(10)), [1, 3]);
  assert.deepEqual(taken(inbox.take(10)), []);
  inbox.finish(3);
  assert.deepEqual(taken(inbox.take(10)), [], "chat 7 is still at work");
  inbox.finish(1);
  assert.deepEqual(taken(inbox.take(10)), [2]);
});

test("no more are taken than asked for, oldest first", (t) => {
  const { inbox } = setUp(t);
  inbox.commit([message(5, 1), message(6, 2), message(7, 3)]);
  assert.deepEqual(taken(inbox.take(2)), [5, 6]);
  assert.deepEqual(taken(inbox.take(0)), []);
});

test("after a crash what was in work comes again, marked and under the same correlation id; the rest is not marked", (t) => {
  const { inbox, reopen } = setUp(t);
  inbox.commit([message(1, 7), message(2, 7)]);
  const [before] = inbox.take(10);
  const survivor = reopen();
  assert.equal(survivor.recover(), 1);
  const [after] = survivor.take(10);
  assert.deepEqual(after, { ...before, replayed: true });
  survivor.finish(1);
  assert.equal(survivor.take(10)[0]?.replayed, false);
});

test("an update that ended the process three times is put aside and its chat goes on", (t) => {
  const { inbox, reopen } = setUp(t);
  inbox.commit([message(1, 7), message(2, 7)]);
  let current = inbox;
  for (let crash = 0; crash < MAX_ATTEMPTS; crash++) {
    assert.deepEqual(taken(current.take(10)), [1]);
    current = reopen();
    current.recover();
    assert.deepEqual(taken(current.bury()), crash === MAX_ATTEMPTS - 1 ? [1] : []);
  }
  assert.deepEqual(taken(current.take(10)), [2]);
  assert.deepEqual(current.bury(), []);
});

test("the last try is made alone, so that no innocent update loses its own", (t) => {
  const { inbox, reopen } = setUp(t);
  inbox.commit([message(1, 7), message(2, 8), message(3, 9)]);
  let current = inbox;
  for (let crash = 0; crash < MAX_ATTEMPTS - 1; crash++) {
    assert.deepEqual(taken(current.take(2)), [1, 2]);
    current = reopen();
    current.recover();
  }
  assert.deepEqual(taken(current.take(10)), [1]);
  assert.deepEqual(taken(current.take(10)), [], "nothing beside the last try");
  current = reopen();
  current.recover();
  assert.deepEqual(taken(current.bury()), [1]);
  assert.deepEqual(taken(current.take(10)), [2]);
  current.finish(2);
  assert.deepEqual(taken(current.take(10)), [3]);
});

test("a last try waits until the others have ended", (t) => {
  const { inbox, reopen } = setUp(t);
  inbox.commit([message(1, 7)]);
  inbox.take(1);
  const second = reopen();
  second.recover();
  second.take(1);
  const third = reopen();
  third.recover();
  third.commit([message(2, 8)]);
  assert.deepEqual(taken(third.take(10)), [1], "the last try goes first when nothing runs");
});

test("the next poll asks for what follows the newest update; a bot that was idle for a day asks from the beginning", (t) => {
  const { inbox } = setUp(t);
  assert.equal(inbox.nextOffset(), 0);
  inbox.commit([message(41, 7)]);
  assert.equal(inbox.nextOffset(), 42);
  const tomorrow = createInbox(openDatabase(`${temporaryDir(t)}/bot.db`), {
    ...options,
    now: () => 1_000_000 + 26 * 3_600_000,
  });
  assert.equal(tomorrow.nextOffset(), 0);
});

test("handled updates are forgotten when Telegram cannot send them again, open ones never", (t) => {
  const path = `${temporaryDir(t)}/bot.db`;
  let now = 0;
  const inbox = createInbox(openDatabase(path), { ...options, now: () => now });
  inbox.commit([message(1, 7), message(2, 7)]);
  inbox.take(1);
  inbox.finish(1);
  inbox.flush();
  now = 24 * 3_600_000;
  inbox.purge(now);
  assert.equal(inbox.commit([message(1, 7)]).duplicates, 1);
  now = 26 * 3_600_000;
  inbox.purge(now);
  assert.equal(inbox.commit([message(1, 7)]).duplicates, 0);
  assert.equal(inbox.pending(), 2);
});

test("another bot in the same database starts anew", (t) => {
  const { inbox, another } = setUp(t);
  inbox.commit([message(1, 7)]);
  const other = another(2);
  assert.equal(other.pending(), 0);
  assert.equal(other.commit([message(1, 7)]).duplicates, 0);
});

test("a full disk takes nothing in, and a handled update is marked as soon as there is room", (t) => {
  const db = openDatabase(`${temporaryDir(t)}/bot.db`);
  const inbox = createInbox(db, options);
  inbox.commit([message(1, 7)]);
  inbox.take(1);
  const pages = Number(db.prepare("PRAGMA page_count").get()?.["page_count"]);
  db.exec(`PRAGMA max_page_count = ${pages}`);
  const long = { ...message(2, 8), message: { ...message(2, 8).message, text: "x".repeat(100_000) } } as Update;
  assert.throws(() => inbox.commit([long]), { code: "ERR_SQLITE_ERROR", errcode: 13 });
  assert.equal(inbox.pending(), 0, "the whole batch is refused");
  db.exec("PRAGMA query_only = 1");
  inbox.finish(1);
  assert.throws(() => inbox.flush());
  db.exec("PRAGMA query_only = 0; PRAGMA max_page_count = 100000");
  inbox.commit([message(3, 9)]);
  assert.deepEqual(taken(inbox.take(1)), [3]);
  inbox.finish(3);
  inbox.flush();
  assert.equal(inbox.recover(), 0, "update 1 was marked together with the start of update 3");
});

test("what is open is found without a look at the handled updates of a week", (t) => {
  const db = openDatabase(`${temporaryDir(t)}/bot.db`);
  const statements: string[] = [];
  const prepare = db.prepare.bind(db);
  db.prepare = (sql) => {
    statements.push(sql);
    return prepare(sql);
  };
  createInbox(db, options);
  const aboutOpen = statements.filter((sql) => /WHERE.* state = '(pending|running)'/.test(sql));
  assert.equal(aboutOpen.length, 4);
  for (const sql of aboutOpen) {
    const plan = prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    assert.match(String(plan[0]?.["detail"]), /USING (COVERING )?INDEX inbox_open /, sql);
  }
});
