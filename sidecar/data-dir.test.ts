import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openDataDir } from "./data-dir.ts";
import { LockedError } from "./state/lock.ts";

function root(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "data-dir-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test("a directory that is not there yet is made for its owner alone, and what is saved is there again", (t) => {
  const dir = join(root(t), "deep", "data");
  const first = openDataDir(dir, 0);
  assert.deepEqual([first.dir, first.problem, statSync(dir).mode & 0o777], [dir, undefined, 0o700]);
  first.state.commit([{ table: "memory", key: "names", value: { a: 1 } }]);
  first.close();
  const second = openDataDir(dir, 0);
  assert.deepEqual(second.state.get("memory", "names"), { a: 1 });
  second.close();
});

test("a second sidecar on the same directory is refused by the name of the first", (t) => {
  const dir = root(t);
  const first = openDataDir(dir, Date.parse("2026-01-01T00:00:00Z"));
  assert.throws(
    () => openDataDir(dir, 0),
    (error) => error instanceof LockedError && error.message.includes(`process ${process.pid}`),
  );
  first.close();
  openDataDir(dir, 0).close();
});

test("a directory that cannot be made is no reason not to watch: it goes on from memory and says why", (t) => {
  const file = join(root(t), "file");
  writeFileSync(file, "");
  const opened = openDataDir(join(file, "data"), 0);
  assert.equal(opened.dir, undefined);
  assert.match(opened.problem ?? "", /^DATA_DIR .*data cannot be used \(ENOTDIR\): alerts work from memory/);
  opened.state.commit([{ table: "memory", key: "names", value: 1 }]);
  assert.equal(opened.state.get("memory", "names"), 1);
  opened.close();
});

test("a database that is none: it goes on from memory, and the next sidecar is still refused", (t) => {
  const dir = root(t);
  writeFileSync(join(dir, "state.db"), "this is not a database, but long enough to be looked at as one".repeat(20));
  const broken = openDataDir(dir, 0);
  assert.match(
    broken.problem ?? "",
    /^state\.db in .* \(state not saved: file is not a database\): .*Restore a backup/,
  );
  assert.throws(() => openDataDir(dir, 0), LockedError);
  broken.close();
});
