import assert from "node:assert/strict";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { createStore, type StoreOptions } from "./store.ts";
import { logRecord, spanRecord } from "./testing.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 100 * DAY_MS;

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-store-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function open(t: TestContext, over: Partial<StoreOptions> = {}) {
  const notices: string[] = [];
  const options = { dir: undefined, maxAgeMs: 3 * DAY_MS, maxBytes: 2 ** 30, wallMs: () => NOW_MS };
  const store = createStore({ ...options, notice: (message) => notices.push(message), ...over });
  t.after(() => store.close());
  return { store, notices };
}
const id = (at: number, digits = 32) => (at + 1).toString(16).padStart(digits, "0");

test("what was accepted is there for the next reader, and after a restart", (t) => {
  const dir = directory(t);
  const first = open(t, { dir });
  assert.equal(first.store.addSpans([spanRecord()]), true);
  assert.equal(first.store.traces.search({}).length, 1);
  first.store.close();
  const { store, notices } = open(t, { dir });
  assert.equal(store.traces.search({}).length, 1);
  assert.deepEqual(notices, []);
  assert.equal(store.health().persistent, true);
});

test("the file belongs to nobody else", (t) => {
  const dir = join(directory(t), "new");
  open(t, { dir }).store.addLogs([logRecord()]);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  for (const file of readdirSync(dir)) assert.equal(statSync(join(dir, file)).mode & 0o777, 0o600, file);
});

test("a file that is no database is moved aside and said, and a new one is begun", (t) => {
  const dir = directory(t);
  writeFileSync(join(dir, "telemetry.db"), "this is not SQLite, whatever its name says ".repeat(50));
  const { store, notices } = open(t, { dir });
  assert.match(notices.join(), /telemetry\.db was unreadable \(.*\) and was moved to telemetry\.db\.broken-/);
  assert.equal(store.addSpans([spanRecord()]), true);
  assert.equal(store.traces.search({}).length, 1);
  const aside = readdirSync(dir).find((name) => name.includes("broken")) as string;
  assert.match(readFileSync(join(dir, aside), "utf8"), /^this is not SQLite/);
  store.close();
  writeFileSync(join(dir, "telemetry.db"), "broken again, a day later");
  open(t, { dir, wallMs: () => NOW_MS + DAY_MS }).store.close();
  assert.equal(readdirSync(dir).filter((name) => name.includes("broken") && name.endsWith("Z")).length, 1);
});

test("a database whose pages are damaged is moved aside as well", (t) => {
  const dir = directory(t);
  const first = open(t, { dir }).store;
  first.addLogs(Array.from({ length: 2000 }, (_, at) => logRecord({ atMs: at, body: "x".repeat(500) })));
  first.close();
  const path = join(dir, "telemetry.db");
  const file = readFileSync(path);
  file.fill(0xa5, 8192, 200_000);
  writeFileSync(path, file);
  const { store, notices } = open(t, { dir });
  assert.deepEqual(store.logs.search({ q: "y" }), []);
  assert.match(notices.join(), /was moved to/);
});

test("a database of another version is moved aside, not misread", (t) => {
  const dir = directory(t);
  const old = new DatabaseSync(join(dir, "telemetry.db"));
  old.exec("CREATE TABLE spans (a); PRAGMA user_version = 99");
  old.close();
  const { store, notices } = open(t, { dir });
  assert.match(notices.join(), /it is of version 99/);
  assert.deepEqual(store.traces.search({}), []);
});

test("without a writable directory it goes on in memory and says so", (t) => {
  const file = join(directory(t), "file");
  writeFileSync(file, "");
  const { store, notices } = open(t, { dir: join(file, "below") });
  assert.match(notices.join(), /telemetry is kept in memory only, because .* cannot be written \(ENOTDIR\)/);
  assert.equal(store.health().persistent, false);
  store.addSpans([spanRecord()]);
  assert.equal(store.traces.search({}).length, 1);
});

test("the write queue is bounded by bytes; what does not fit is refused whole; one batch always fits", (t) => {
  const { store } = open(t, { maxQueueBytes: 1000 });
  assert.equal(store.addSpans([spanRecord()], 5000), true);
  assert.equal(store.addLogs([logRecord()], 10), false);
  store.flush();
  assert.equal(store.addLogs([logRecord()], 10), true);
  assert.equal(store.health().queuedBytes, 10);
});

test("listeners hear of a batch once, until they leave", (t) => {
  const { store } = open(t);
  let heard = 0;
  const leave = store.onChange(() => (heard += 1));
  store.addSpans([spanRecord(), spanRecord({ spanId: id(1, 16) })]);
  store.flush();
  store.flush();
  assert.equal(heard, 1);
  leave();
  store.addLogs([logRecord()]);
  store.flush();
  assert.equal(heard, 1);
});

test("a timer writes what nobody reads", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { store } = open(t);
  let heard = 0;
  store.onChange(() => (heard += 1));
  store.addSpans([spanRecord()]);
  t.mock.timers.tick(200);
  assert.equal(heard, 1);
});

test("a locked database keeps records waiting, says so once, and writes them later", (t) => {
  const dir = directory(t);
  const { store, notices } = open(t, { dir });
  const other = new DatabaseSync(join(dir, "telemetry.db"));
  t.after(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  store.addSpans([spanRecord()], 7);
  store.flush();
  assert.equal(store.health().ok, false);
  assert.equal(store.health().queuedBytes, 7);
  other.exec("ROLLBACK");
  store.flush();
  assert.deepEqual([store.health().ok, store.health().queuedBytes, store.health().dropped], [true, 0, 0]);
  assert.equal(store.traces.search({}).length, 1);
  assert.deepEqual(
    notices.map((text) => text.slice(0, 30)),
    ["telemetry cannot be written: d", "telemetry is written again"],
  );
});

test("a record that cannot be written at all is dropped and counted, the next ones are kept", (t) => {
  const { store } = open(t);
  store.addLogs([logRecord({ body: undefined as never })]);
  store.flush();
  assert.equal(store.health().dropped, 1);
  store.addSpans([spanRecord()]);
  assert.equal(store.traces.search({}).length, 1);
});

test("after close nothing is taken and nothing throws", () => {
  const store = createStore({ dir: undefined, maxAgeMs: 1, maxBytes: 1 });
  store.close();
  store.close();
  assert.equal(store.addSpans([spanRecord()]), false);
  store.addPoint({ target: "a", series: "b", atMs: 0, value: 1 });
  assert.equal(store.health().dropped, 1);
});

test("what is older than the age goes: traces whole, logs, errors, points; uptime stays for 31 days", (t) => {
  const { store } = open(t);
  const old = NOW_MS - 4 * DAY_MS;
  store.addSpans([
    spanRecord({ traceId: id(1), atMs: old }),
    spanRecord({ traceId: id(1), spanId: id(2, 16), parentId: "a3ce929d0e0e4736", atMs: NOW_MS }),
    spanRecord({ traceId: id(2), atMs: NOW_MS - DAY_MS }),
  ]);
  store.addLogs([logRecord({ atMs: old, severity: 17 }), logRecord({ atMs: NOW_MS })]);
  for (const series of ["up", "updates"]) store.addPoint({ target: "shopbot", series, atMs: old, value: 1 });
  store.addPoint({ target: "shopbot", series: "up", atMs: NOW_MS - 40 * DAY_MS, value: 0 });
  store.flush();
  store.trim();
  assert.deepEqual(
    store.traces.search({}).map(({ trace_id }) => trace_id),
    [id(2)],
  );
  assert.equal(store.traces.get(id(1)), undefined);
  assert.equal(store.logs.search({}).length, 1);
  assert.deepEqual(store.errors.groups({ windowMs: 90 * DAY_MS }), []);
  assert.equal(store.points.mean("shopbot", "up", 0), 1);
  assert.equal(store.points.mean("shopbot", "updates", 0), undefined);
});

test("over the size the oldest go until there is room again, and the newest stay", (t) => {
  const dir = directory(t);
  const { store } = open(t, { dir, maxBytes: 1_000_000 });
  const filler = "x".repeat(2000);
  for (let at = 0; at < 1500; at += 1) {
    store.addSpans([spanRecord({ traceId: id(at), atMs: NOW_MS - 1500 + at, attributes: { filler } })]);
  }
  store.flush();
  assert.ok(store.health().sizeBytes <= 1_600_000, `${store.health().sizeBytes} bytes before the next round`);
  store.trim();
  assert.ok(store.health().sizeBytes <= 1_000_000, `${store.health().sizeBytes} bytes`);
  const left = store.traces.search({ limit: 2000 });
  assert.ok(left.length > 100, `${left.length} traces left`);
  assert.equal(left[0]?.trace_id, id(1499));
  store.close();
  assert.ok(statSync(join(dir, "telemetry.db")).size < 1_500_000);
});

test("a file that breaks while it is open is moved aside by the next reader or writer", (t) => {
  const dir = directory(t);
  const { store, notices } = open(t, { dir });
  const lines = Array.from({ length: 4000 }, (_, at) => logRecord({ atMs: at, body: "x".repeat(5000) }));
  store.addLogs(lines);
  store.flush();
  const path = join(dir, "telemetry.db");
  const other = new DatabaseSync(path);
  other.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  other.close();
  const file = openSync(path, "r+");
  const size = statSync(path).size;
  for (let at = 4096; at < size; at += 4096) writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, at);
  closeSync(file);
  assert.deepEqual(store.logs.search({ q: "y" }), []);
  assert.match(notices.join(), /was moved to telemetry\.db\.broken-/);
  assert.equal(store.addSpans([spanRecord()]), true);
  assert.equal(store.traces.search({}).length, 1);
  assert.equal(store.health().ok, true);
});

test("a store of logs alone is bounded as well", (t) => {
  const { store } = open(t, { maxBytes: 500_000 });
  store.addLogs(
    Array.from({ length: 3000 }, (_, at) => logRecord({ atMs: NOW_MS - 3000 + at, body: "x".repeat(500) })),
  );
  store.flush();
  store.trim();
  assert.ok(store.health().sizeBytes <= 500_000);
  assert.ok(store.logs.search({ limit: 10 }).length === 10);
});

test("charts take half of a small store at most, and the newest traces stay", (t) => {
  const { store } = open(t, { maxBytes: 1_000_000 });
  for (let minute = 0; minute < 40_000; minute += 1) {
    store.addPoint({ target: "shopbot", series: "up", atMs: NOW_MS - minute * 60_000, value: 1 });
  }
  store.addSpans([spanRecord({ traceId: id(1), atMs: NOW_MS - 1000 })]);
  store.flush();
  store.trim();
  assert.ok(store.health().sizeBytes <= 1_000_000, `${store.health().sizeBytes} bytes`);
  assert.equal(store.traces.search({}).length, 1);
  const day = { sinceMs: NOW_MS - DAY_MS, untilMs: NOW_MS, stepMs: DAY_MS };
  assert.ok((store.points.read("shopbot", "up", day)[0]?.n ?? 0) > 1000, "the newest day is there");
});

test("a service has said that it stops when that is the last it logged", (t) => {
  const { store } = open(t);
  const stopped = { eventName: "telegram.bot.stopped" };
  assert.equal(store.evidence.saidStopped("shopbot"), false);
  store.addLogs([logRecord({ atMs: NOW_MS - 5000, ...stopped }), logRecord({ atMs: NOW_MS - 9000 })]);
  assert.equal(store.evidence.saidStopped("shopbot"), true);
  assert.equal(store.evidence.saidStopped("other"), false);
  store.addLogs([logRecord({ atMs: NOW_MS - 1000 })]);
  assert.equal(store.evidence.saidStopped("shopbot"), false, "a new process has begun");
});

test("evidence names the newest failing trace and the top three errors", (t) => {
  const { store } = open(t);
  const failed = { status: 2, attributes: { "error.type": "handler" } };
  store.addSpans([
    spanRecord({ traceId: id(1), atMs: NOW_MS - 9000, ...failed }),
    spanRecord({ traceId: id(2), atMs: NOW_MS - 5000, ...failed }),
    spanRecord({ traceId: id(3), atMs: NOW_MS - 1000 }),
  ]);
  const error = (message: string, traceId: string) =>
    logRecord({
      atMs: NOW_MS - 5000,
      severity: 17,
      traceId,
      attributes: { "exception.type": "E", "exception.message": message },
    });
  store.addLogs(["a", "b", "b", "c", "d"].map((message) => error(message, id(2))));
  assert.equal(store.evidence.lastFailingTrace("shopbot", 0), id(2));
  assert.equal(store.evidence.lastFailingTrace("shopbot", NOW_MS - 4000), undefined);
  assert.equal(store.evidence.lastFailingTrace("other", 0), undefined);
  const top = store.evidence.topErrors("shopbot", 60_000);
  assert.equal(top.length, 3);
  assert.deepEqual(top[0], { fingerprint: "E: b", count: 2, isNew: true, traceId: id(2) });
});
