import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { LockedError, takeLock } from "./lock.ts";

function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-lock-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("the second is refused also when the file that names the first is gone", (t) => {
  const dir = temporaryDir(t);
  const lock = takeLock(dir, 0);
  t.after(() => lock.release());
  rmSync(join(dir, "sidecar.holder"));
  assert.throws(() => takeLock(dir, 0), { name: "LockedError", message: /unknown process/ });
});

test("a directory that is not there is another error", (t) => {
  const missing = join(temporaryDir(t), "missing");
  assert.throws(
    () => takeLock(missing, 0),
    (error: Error) => !(error instanceof LockedError),
  );
});
