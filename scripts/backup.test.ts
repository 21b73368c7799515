import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { lockDataDir } from "../bot/storage/lock.ts";
import { takeLock } from "../sidecar/state/lock.ts";

function scene(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-backup-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

function fill(dir: string, file: string, text: string): DatabaseSync {
  const db = new DatabaseSync(join(dir, file));
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS notes (text TEXT)");
  db.prepare("INSERT INTO notes VALUES (?)").run(text);
  return db;
}

function notes(path: string): unknown[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db.prepare("SELECT text FROM notes").all();
  db.close();
  return rows.map(({ text }) => text);
}

function run(script: "backup" | "restore", dir: string, ...args: string[]) {
  const path = join(import.meta.dirname, `${script}.ts`);
  const env = { DATA_DIR: dir };
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], {
    cwd: tmpdir(),
    env,
    encoding: "utf8",
  });
  return { status, said: stdout + stderr };
}
const backupsIn = (dir: string): string[] => readdirSync(join(dir, "backups")).toSorted();

test("both databases are backed up while they are written, restored, and the replaced one is kept", (t) => {
  const dir = scene(t);
  const bot = fill(dir, "bot.db", "kept");
  const state = fill(dir, "state.db", "state"); // both stay open: their owners run
  const saved = run("backup", dir);
  assert.equal(saved.status, 0, saved.said);
  assert.deepEqual(
    backupsIn(dir).map((name) => name.replace(/\d{8}T\d{6}Z/, "…")),
    ["bot-….db", "state-….db"],
  );
  for (const name of backupsIn(dir)) assert.equal(statSync(join(dir, "backups", name)).mode & 0o777, 0o600);
  bot.prepare("INSERT INTO notes VALUES (?)").run("lost");
  bot.close();
  state.close();

  const restored = run("restore", dir);
  assert.equal(restored.status, 0, restored.said);
  assert.deepEqual(notes(join(dir, "bot.db")), ["kept"]);
  const aside = readdirSync(dir).find((name) => /^bot\.db\.replaced-\d{8}T\d{6}Z$/.test(name)) ?? "";
  assert.deepEqual(notes(join(dir, aside)), ["kept", "lost"]);
});

test("a restore is refused while the owner holds its lock, and changes nothing", (t) => {
  const dir = scene(t);
  fill(dir, "bot.db", "now").close();
  fill(dir, "state.db", "now").close();
  run("backup", dir);
  const bot = lockDataDir(dir);
  const refused = run("restore", dir);
  bot.release();
  assert.equal(refused.status, 1);
  assert.match(refused.said, /^The bot is running: stop it first\./);
  const sidecar = takeLock(dir, Date.now());
  const [, newest = ""] = backupsIn(dir);
  const alsoRefused = run("restore", dir, newest);
  sidecar.release();
  assert.match(alsoRefused.said, /^The sidecar is running: stop it first\./);
  assert.deepEqual(
    readdirSync(dir).filter((name) => /replaced|restoring/.test(name)),
    [],
  );
});

test("a damaged backup is refused, and the database stays as it is", (t) => {
  const dir = scene(t);
  fill(dir, "bot.db", "well").close();
  mkdirSync(join(dir, "backups"));
  writeFileSync(join(dir, "backups", "bot-20260101T030000Z.db"), "not a database at all".repeat(500));
  const refused = run("restore", dir, "bot-20260101T030000Z.db");
  assert.equal(refused.status, 1);
  assert.match(refused.said, /is damaged \(.*\): choose another backup/);
  assert.deepEqual(notes(join(dir, "bot.db")), ["well"]);
});

test("an empty file is no backup, though SQLite finds nothing wrong with it", (t) => {
  const dir = scene(t);
  fill(dir, "bot.db", "well").close();
  mkdirSync(join(dir, "backups"));
  writeFileSync(join(dir, "backups", "bot-20260101T030000Z.db"), "");
  const refused = run("restore", dir);
  assert.equal(refused.status, 1, refused.said);
  assert.match(refused.said, /is damaged \(it is empty\): choose another backup/);
  assert.deepEqual(notes(join(dir, "bot.db")), ["well"]);
});

test("a journal whose database is gone does not get into the restored one", (t) => {
  const dir = scene(t);
  const db = fill(dir, "bot.db", "kept");
  run("backup", dir);
  db.exec("PRAGMA wal_autocheckpoint = 0");
  for (let n = 0; n < 50; n++) db.prepare("INSERT INTO notes VALUES (?)").run("lost".repeat(500));
  for (const suffix of ["", "-wal"]) copyFileSync(join(dir, `bot.db${suffix}`), join(dir, `crashed.db${suffix}`));
  db.close();
  rmSync(join(dir, "bot.db"));
  renameSync(join(dir, "crashed.db-wal"), join(dir, "bot.db-wal"));
  const restored = run("restore", dir);
  assert.equal(restored.status, 0, restored.said);
  assert.deepEqual(notes(join(dir, "bot.db")), ["kept"]);
});

test("a restore on a new machine makes DATA_DIR", (t) => {
  const dir = scene(t);
  fill(dir, "bot.db", "moved").close();
  run("backup", dir);
  const [name = ""] = backupsIn(dir);
  const restored = run("restore", join(dir, "new"), join(dir, "backups", name));
  assert.equal(restored.status, 0, restored.said);
  assert.equal(statSync(join(dir, "new")).mode & 0o777, 0o700);
  assert.deepEqual(notes(join(dir, "new", "bot.db")), ["moved"]);
});

test("a backup during a load of writes is whole", async (t) => {
  const dir = scene(t);
  fill(dir, "bot.db", "first").close();
  const writer = spawn(
    process.execPath,
    [
      "-e",
      `const db = new (require("node:sqlite").DatabaseSync)("bot.db", { timeout: 5000 });
       const add = db.prepare("INSERT INTO notes VALUES (?)");
       for (let n = 0; ; n++) { add.run("x".repeat(500)); if (n === 0) console.log("writing"); }`,
    ],
    { cwd: dir, stdio: ["ignore", "pipe", "inherit"] },
  );
  t.after(() => writer.kill("SIGKILL"));
  await once(writer.stdout, "data");
  const saved = run("backup", dir);
  writer.kill("SIGKILL");
  await once(writer, "close");
  assert.equal(saved.status, 0, saved.said);
  assert.ok(notes(join(dir, "backups", backupsIn(dir)[0] ?? "")).length > 1);
});

test("nothing to back up, nothing to restore, a name that is no backup: each is said", (t) => {
  const dir = scene(t);
  assert.match(run("backup", dir).said, /holds no database yet/);
  assert.match(run("restore", dir).said, /holds no backup/);
  assert.match(run("restore", dir, "data.db").said, /a backup is called bot-….db or state-….db/);
  fill(dir, "bot.db", "x").close();
  run("backup", dir);
  assert.match(run("restore", dir, "--list").said, /^bot-\d{8}T\d{6}Z\.db\n$/);
});
