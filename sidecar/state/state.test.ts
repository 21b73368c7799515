import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createBallast } from "./ballast.ts";
import { openState, type Change } from "./state.ts";

function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-state-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
const note = (key: string, value: unknown): Change => ({ table: "memory", key, value });

test("what was committed is there after a restart, what was staged goes with the next commit", (t) => {
  const dir = temporaryDir(t);
  const first = openState(dir);
  assert.equal(first.commit([note("a", 1), note("b", 2)]), true);
  first.stage([note("c", 3), note("a", null)]);
  assert.equal(first.get("memory", "c"), 3, "at once in memory");
  first.commit([]);
  first.close();
  const second = openState(dir);
  t.after(second.close);
  assert.deepEqual(second.all("memory"), [2, 3]);
  assert.equal(second.get("memory", "a"), undefined);
  assert.equal(second.problem(), undefined);
  assert.equal(second.quickCheck(), undefined);
});

test("a transition survives power loss: WAL with synchronous FULL; only its owner may read it", (t) => {
  const dir = join(temporaryDir(t), "data");
  const state = openState(dir);
  t.after(state.close);
  state.commit([note("a", 1)]);
  const pragma = (name: string) => Object.values(state.database()?.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  assert.equal(pragma("journal_mode"), "wal");
  assert.equal(pragma("synchronous"), 2);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  for (const file of ["state.db", "state.db-wal", "state.ballast"])
    assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
});

test("a transaction that fails leaves the disk as it was and is written with the next", (t) => {
  const dir = temporaryDir(t);
  const state = openState(dir);
  state.commit([note("a", 1)]);
  const db = state.database();
  const pages = Number(db?.prepare("PRAGMA page_count").get()?.["page_count"]);
  db?.exec(`PRAGMA max_page_count = ${pages}`);
  assert.equal(state.commit([note("big", "x".repeat(50_000)), note("a", 2)]), false);
  assert.equal(state.problem(), "state not saved: no space left");
  assert.equal(state.get("memory", "a"), 2, "the truth is in memory");
  const onDisk = new DatabaseSync(join(dir, "state.db"), { readOnly: true });
  assert.equal(onDisk.prepare("SELECT value FROM memory WHERE key = 'a'").get()?.["value"], "1");
  onDisk.close();
  db?.exec("PRAGMA max_page_count = 100000");
  assert.equal(state.commit([note("b", 3)]), true);
  assert.equal(state.problem(), undefined);
  state.close();
  const next = openState(dir);
  t.after(next.close);
  assert.deepEqual([next.get("memory", "a"), next.get("memory", "b")], [2, 3]);
});

test("without a usable directory the state lives in memory and says so", (t) => {
  const dir = temporaryDir(t);
  writeFileSync(join(dir, "file"), "");
  for (const unusable of [undefined, join(dir, "file", "data")]) {
    const state = openState(unusable);
    assert.equal(state.commit([note("a", 1)]), false);
    assert.equal(state.get("memory", "a"), 1);
    assert.match(state.problem() ?? "", /^state not saved: /);
    assert.equal(state.quickCheck(), undefined);
    assert.equal(state.database(), undefined);
    state.close();
  }
});

test("a database of a newer sidecar is left alone", (t) => {
  const dir = temporaryDir(t);
  openState(dir).close();
  const db = new DatabaseSync(join(dir, "state.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  assert.match(openState(dir).problem() ?? "", /version 99/);
});

test("a file that is no database is left alone", (t) => {
  const dir = temporaryDir(t);
  writeFileSync(join(dir, "state.db"), "not a database, but somebody's file, longer than a header of SQLite would be");
  assert.match(openState(dir).problem() ?? "", /state not saved: file is not a database/);
  assert.match(readFileSync(join(dir, "state.db"), "utf8"), /somebody's file/);
});

test("the ballast gives its room once, and takes it again after a while", (t) => {
  const path = join(temporaryDir(t), "ballast");
  let now = 0;
  const ballast = createBallast(path, () => now);
  assert.equal(statSync(path).size, 1024 * 1024);
  assert.equal(ballast.release(), true);
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
  assert.equal(ballast.release(), false);
  ballast.refill();
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined, "not within a minute");
  now += 60_000;
  ballast.refill();
  assert.equal(statSync(path).size, 1024 * 1024);
  assert.equal(createBallast(path).release(), true, "one that lies there is taken over");
});

test("where there is no room for the ballast it goes without", (t) => {
  const ballast = createBallast(join(temporaryDir(t), "missing", "ballast"));
  assert.equal(ballast.release(), false);
});
