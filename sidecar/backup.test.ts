import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { createBackups } from "./backup.ts";

const at = (text: string) => Date.parse(`${text}:00Z`);

function setUp(
  t: TestContext,
  over: { keep?: number; atMinuteUtc?: number | undefined; startedAt?: string; dir?: string } = {},
) {
  const root = mkdtempSync(join(tmpdir(), "backup-"));
  const database = new DatabaseSync(join(root, "state.db"));
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE facts (text TEXT); INSERT INTO facts VALUES ('kept')");
  t.after(() => {
    if (database.isOpen) database.close();
    rmSync(root, { recursive: true });
  });
  const { keep = 7, startedAt = "2026-01-01T12:00", dir = join(root, "backups") } = over;
  const atMinuteUtc = "atMinuteUtc" in over ? over.atMinuteUtc : 180;
  const options = { dir, name: "state", keep, ...(atMinuteUtc !== undefined && { atMinuteUtc }) };
  const create = () => createBackups(database, options, at(startedAt));
  return { root, dir, database, create, files: () => readdirSync(dir).toSorted() };
}

test("a backup of an open database is one whole file that only its owner can read", async (t) => {
  const { dir, create, files } = setUp(t);
  const backups = create();
  await backups.run(at("2026-01-02T03:00"));
  assert.deepEqual(files(), ["state-20260102T030000Z.db"]);
  const path = join(dir, "state-20260102T030000Z.db");
  assert.deepEqual([statSync(dir).mode & 0o777, statSync(path).mode & 0o777], [0o700, 0o600]);
  const copy = new DatabaseSync(path, { readOnly: true });
  assert.equal(copy.prepare("SELECT text FROM facts").get()?.["text"], "kept");
  copy.close();
  assert.deepEqual(backups.status(), { lastVerifiedAtMs: at("2026-01-02T03:00"), lastError: null });
});

test("of two backups at once none is an empty file", async (t) => {
  const { dir, create, files } = setUp(t);
  await Promise.all(["03:00", "03:01"].map((time) => create().run(at(`2026-01-02T${time}`))));
  assert.ok(files().length > 0);
  for (const file of files()) {
    const copy = new DatabaseSync(join(dir, file));
    assert.equal(copy.prepare("SELECT text FROM facts").get()?.["text"], "kept", file);
    copy.close();
  }
});

test("the first backup comes at the time of day, and one a day after it", async (t) => {
  const { create, files, dir } = setUp(t);
  const backups = create();
  await backups.runIfDue(at("2026-01-01T23:00"));
  assert.throws(() => readdirSync(dir), { code: "ENOENT" });
  for (const time of ["2026-01-02T03:00", "2026-01-02T03:01", "2026-01-03T02:59", "2026-01-03T03:05"]) {
    await backups.runIfDue(at(time));
  }
  assert.deepEqual(files(), ["state-20260102T030000Z.db", "state-20260103T030500Z.db"]);
});

test("a backup missed while the sidecar was off is made at the start", async (t) => {
  const { create, files, dir } = setUp(t);
  await create().run(at("2026-01-01T03:00"));
  const path = join(dir, "state-20260101T030000Z.db");
  utimesSync(path, at("2026-01-01T03:00") / 1000, at("2026-01-01T03:00") / 1000);
  const next = create();
  assert.equal(next.status()?.lastVerifiedAtMs, at("2026-01-01T03:00"));
  await next.runIfDue(at("2026-01-02T09:00"));
  assert.equal(files().length, 2);
});

test("the newest ones stay, and files that are not ours are left alone", async (t) => {
  const { create, files, dir } = setUp(t, { keep: 2 });
  const backups = create();
  await backups.run(at("2026-01-01T03:00"));
  writeFileSync(join(dir, "bot-20250101T030000Z.db"), "another's");
  for (const day of ["02", "03", "04"]) await backups.run(at(`2026-01-${day}T03:00`));
  assert.deepEqual(files(), ["bot-20250101T030000Z.db", "state-20260103T030000Z.db", "state-20260104T030000Z.db"]);
});

test("a failed backup leaves no file, says why, keeps the last good time and is tried again after 15 minutes", async (t) => {
  const { create, root, dir, files } = setUp(t);
  const backups = create();
  await backups.run(at("2026-01-01T03:00"));
  rmSync(dir, { recursive: true });
  writeFileSync(dir, "not a directory");
  await backups.runIfDue(at("2026-01-02T03:00"));
  assert.match(backups.status()?.lastError ?? "", /EEXIST|ENOTDIR/);
  assert.equal(backups.status()?.lastVerifiedAtMs, at("2026-01-01T03:00"));
  rmSync(join(root, "backups"));
  await backups.runIfDue(at("2026-01-02T03:14"));
  assert.throws(files, { code: "ENOENT" });
  await backups.runIfDue(at("2026-01-02T03:15"));
  assert.deepEqual(files(), ["state-20260102T031500Z.db"]);
  assert.equal(backups.status()?.lastError, null);
});

test("a disk that is really full: the older backup stays, no half file does, and the reason is told", async (t) => {
  const disk = mkdtempSync(join(tmpdir(), "backup-small-disk-"));
  t.after(() => {
    spawnSync("umount", [disk]);
    rmdirSync(disk);
  });
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=700", "gramwatch", disk]).status !== 0)
    return t.skip("user side: only root may mount a small file system");
  const { create, database, files } = setUp(t, { dir: disk });
  const backups = create();
  await backups.run(at("2026-01-01T03:00"));
  database.prepare("INSERT INTO facts VALUES (?)").run("x".repeat(2_000_000));
  await backups.run(at("2026-01-02T03:00"));
  assert.match(backups.status()?.lastError ?? "", /full/);
  assert.equal(backups.status()?.lastVerifiedAtMs, at("2026-01-01T03:00"), "so BackupStale sees its age");
  assert.deepEqual(files(), ["state-20260101T030000Z.db"]);
});

test("a closed database cannot be backed up, and what a process left half made goes with the next backup", async (t) => {
  const { create, database, files } = setUp(t);
  const backups = create();
  database.close();
  await backups.run(at("2026-01-01T03:00"));
  assert.match(backups.status()?.lastError ?? "", /not open/);
  database.open();
  await backups.run(at("2026-01-02T03:00"));
  assert.deepEqual(files(), ["state-20260102T030000Z.db"]);
});

test("BACKUP_AT=off makes none and has no status", async (t) => {
  const { create, dir } = setUp(t, { atMinuteUtc: undefined });
  const backups = create();
  await backups.runIfDue(at("2026-01-05T03:00"));
  assert.equal(backups.status(), undefined);
  assert.throws(() => readdirSync(dir), { code: "ENOENT" });
});
