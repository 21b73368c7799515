import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { createLog } from "@gramwatch/otel";
import { createDatabaseCheck, createDependencyCheck } from "./checks.ts";
import { openDatabase } from "./storage/database.ts";
import { migrate } from "./storage/schema.ts";
import { fakeClock, temporaryDir } from "./testing.ts";

test("the database is unwell after a refused write until one works, and when it cannot be read", (t) => {
  const db = openDatabase(`${temporaryDir(t)}/bot.db`);
  const check = createDatabaseCheck(db);
  assert.deepEqual(check.result(), { ok: true });
  check.failed(new Error("database or disk is full"));
  assert.deepEqual(check.result(), { ok: false, error: "database or disk is full" });
  check.worked();
  assert.deepEqual(check.result(), { ok: true });
  check.quickCheck();
  assert.deepEqual(check.result(), { ok: true });
  db.close();
  assert.equal(check.result().ok, false);
});

test("a damaged file is found by the daily check and stays found", (t) => {
  const path = `${temporaryDir(t)}/bot.db`;
  openDatabase(path).close();
  const vandal = new DatabaseSync(path, { defensive: false });
  vandal.exec("PRAGMA writable_schema = 1; UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'tasks'");
  vandal.close();
  const reopened = openDatabase(path);
  t.after(() => reopened.close());
  const check = createDatabaseCheck(reopened);
  check.quickCheck();
  check.worked();
  assert.match(check.result().error ?? "", /^damaged: .*; restore a backup$/s);
});

test("a database of a newer version is not touched", (t) => {
  const db = openDatabase(`${temporaryDir(t)}/bot.db`);
  t.after(() => db.close());
  db.exec("PRAGMA user_version = 99");
  assert.throws(() => migrate(db), /schema 99 is newer than this bot knows \(1\); start the newer version/);
});

test("a dependency is looked at again and again, each look with a deadline; changes are logged once", async () => {
  const clock = fakeClock();
  const lines: string[] = [];
  const log = createLog({ destination: { write: (line: string) => void lines.push(line) } });
  const answers = [true, false, false, true];
  const stop = new AbortController();
  const check = createDependencyCheck(
    (signal) => {
      assert.equal(signal.aborted, false);
      return answers.shift() ? Promise.resolve() : Promise.reject(new Error("answered 503"));
    },
    { clock, log, name: "whisper" },
  );
  const running = check.run(stop.signal);
  const seen: boolean[] = [];
  for (let look = 0; look < 4; look++) {
    await clock.sleeping(30_000);
    seen.push(check.result().ok);
    await clock.advance(30_000);
  }
  stop.abort();
  await running;
  assert.deepEqual(seen, [true, false, false, true]);
  assert.equal(lines.length, 3, "gone, back, and the last look finds no answer left");
});
