import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ownFiles } from "./own-files.ts";

test("our databases, telemetry and backups are found by their names, largest first, and nothing else is", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "own-"));
  t.after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, "backups"));
  const write = (name: string, bytes: number) => writeFileSync(join(dir, name), "x".repeat(bytes));
  write("telemetry.db-wal", 30);
  write("bot.db", 10);
  write("somebody-elses.db", 99);
  write("backups/state-20260102T030000Z.db", 20);
  write("backups/notes.txt", 99);
  const { dev } = statSync(dir);
  assert.deepEqual(await ownFiles([dir, dir, "/no/such/dir"], dev), [
    { name: "telemetry.db-wal", kind: "telemetry", bytes: 30 },
    { name: "state-20260102T030000Z.db", kind: "backup", bytes: 20 },
    { name: "bot.db", kind: "database", bytes: 10 },
  ]);
  assert.deepEqual(await ownFiles([dir], dev + 1), [], "on another device");
});
