import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { backUp, listBackups, untilTimeOfDay } from "./backup.ts";
import { openDatabase } from "./storage/database.ts";
import { fakeClock, startTestBot, temporaryDir, until } from "./testing.ts";

test("a backup is one sound file for the bot alone, readable without its -wal, and the oldest ones go", async (t) => {
  const dir = temporaryDir(t);
  const db = openDatabase(join(dir, "bot.db"));
  t.after(() => db.close());
  const backups = join(dir, "backups");
  let now = Date.UTC(2026, 10, 21, 3);
  for (let n = 0; n < 4; n++) {
    db.prepare("INSERT INTO meta VALUES (?, 'x')").run(`key${n}`);
    await backUp(db, { dir: backups, keep: 2, now: () => now });
    now += 86_400_000;
  }
  assert.deepEqual(readdirSync(backups).toSorted(), ["bot-20261123T030000Z.db", "bot-20261124T030000Z.db"]);
  assert.deepEqual(listBackups(backups), readdirSync(backups).toSorted());
  assert.equal(statSync(backups).mode & 0o777, 0o700);
  assert.equal(statSync(join(backups, "bot-20261124T030000Z.db")).mode & 0o777, 0o600);
  const copy = new DatabaseSync(join(backups, "bot-20261124T030000Z.db"), { readOnly: true });
  assert.equal(copy.prepare("SELECT count(*) AS n FROM meta").get()?.["n"], 4);
  copy.close();
});

test("what a backup left that died half way is cleared away, and other files are left alone", async (t) => {
  const dir = temporaryDir(t);
  const db = openDatabase(join(dir, "bot.db"));
  t.after(() => db.close());
  const backups = join(dir, "backups");
  mkdirSync(backups);
  writeFileSync(join(backups, "bot-20260101T000000Z.db.part"), "half");
  writeFileSync(join(backups, "notes.txt"), "mine");
  await backUp(db, { dir: backups, keep: 1, now: () => 0 });
  assert.deepEqual(readdirSync(backups).toSorted(), ["bot-19700101T000000Z.db", "notes.txt"]);
});

test("the time of day is UTC and always ahead", () => {
  const noon = Date.UTC(2026, 10, 21, 12);
  assert.equal(untilTimeOfDay(13 * 60, noon), 3_600_000);
  assert.equal(untilTimeOfDay(3 * 60, noon), 15 * 3_600_000);
  assert.equal(untilTimeOfDay(12 * 60, noon), 86_400_000);
});

test("the bot backs up at its time, says so in /health, and a failure leaves the older ones", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const clock = fakeClock();
  const bot = await startTestBot(t, { telegram, clock, env: { BACKUP_AT: "12:30", BACKUP_KEEP: "3" } });
  await bot.ask("/add tea");
  assert.deepEqual(bot.app.health.snapshot().backup, { last_verified_at: null, last_error: null });
  await clock.advance(30 * 60_000);
  await until(() => bot.app.health.snapshot().backup?.last_verified_at !== null);
  assert.deepEqual(listBackups(join(bot.dataDir, "backups")), ["bot-20261121T123000Z.db"]);
  await bot.stop();
  const again = await startTestBot(t, { telegram, clock, dataDir: bot.dataDir, env: { BACKUP_AT: "12:30" } });
  assert.equal(
    again.app.health.snapshot().backup?.last_verified_at,
    "2026-11-21T12:30:00.000Z",
    "known after a restart",
  );
  await again.stop();

  const broken = join(bot.dataDir, "file");
  writeFileSync(broken, "in the way");
  const later = fakeClock(clock.now());
  const next = await startTestBot(t, { telegram, clock: later, env: { BACKUP_AT: "13:00", BACKUP_DIR: broken } });
  await later.advance(30 * 60_000);
  await until(() => next.app.health.snapshot().backup?.last_error !== null);
  assert.match(next.app.health.snapshot().backup?.last_error ?? "", /EEXIST|ENOTDIR/);
});

test("a disk that is really full: the older backup stays, no half file does, /health says why, and the next one works", async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "gramwatch-small-disk-"));
  t.after(() => {
    spawnSync("umount", ["--lazy", disk]); // the bot on it ends after this
    rmdirSync(disk);
  });
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=700", "gramwatch", disk]).status !== 0)
    return t.skip("user side: only root may mount a small file system");
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock, env: { BACKUP_AT: "12:30", BACKUP_DIR: disk } });
  await clock.advance(30 * 60_000);
  const backup = () => bot.app.health.snapshot().backup;
  await until(() => backup()?.last_verified_at !== null);
  const [older] = listBackups(disk);
  assert.equal(older, "bot-20261121T123000Z.db");

  const others = join(disk, "somebody-elses.log");
  const free = 1024 * 1024 - statSync(join(disk, older)).size;
  writeFileSync(others, Buffer.alloc(free - 32 * 1024));
  await clock.advance(86_400_000);
  await until(() => backup()?.last_error !== null);
  assert.match(backup()?.last_error ?? "", /full/);
  assert.equal(backup()?.last_verified_at, "2026-11-21T12:30:00.000Z", "so BackupStale sees its age");
  assert.deepEqual(readdirSync(disk).toSorted(), [older, "somebody-elses.log"]);

  rmSync(others);
  await clock.advance(86_400_000);
  await until(() => backup()?.last_error === null);
  assert.equal(listBackups(disk).length, 2);
});

test("with BACKUP_AT=off there are no backups", async (t) => {
  const bot = await startTestBot(t);
  assert.equal(bot.app.health.snapshot().backup, null);
});

test("the whole database is checked once a day, and what is old is forgotten", async (t) => {
  const clock = fakeClock();
  const bot = await startTestBot(t, { clock });
  await bot.ask("/ping");
  await until(() => bot.app.health.snapshot().updates.handled === 1);
  const rows = (): unknown => bot.db.prepare("SELECT count(*) AS n FROM inbox").get()?.["n"];
  assert.equal(rows(), 1);
  await clock.advance(9 * 86_400_000);
  assert.equal(rows(), 0);
  assert.ok(bot.lines.some((line) => line["msg"] === "the database was checked"));
  assert.equal(bot.app.health.snapshot().checks["sqlite"]?.ok, true);
});
