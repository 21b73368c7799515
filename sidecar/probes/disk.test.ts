import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskProbe, type Disks, onePathPerDevice, systemDisks } from "./disk.ts";
import type { DiskSample } from "./probe.ts";
import { systemClocks } from "./seen.ts";

const read = async (path: string, disks: Disks = systemDisks, signal = AbortSignal.timeout(2000)) =>
  (await diskProbe(path, [path], disks, systemClocks, 1000).run(signal)) as DiskSample;

test("a real directory has a size, free space, inodes and a device", async (t) => {
  const path = mkdtempSync(join(tmpdir(), "disk-"));
  t.after(() => rmSync(path, { recursive: true }));
  const { target, result } = await read(path);
  assert.equal(target, path);
  assert.ok(result.ok);
  assert.ok(result.sizeBytes > 0 && result.availableBytes <= result.sizeBytes && result.inodes >= result.inodesFree);
  assert.equal(result.readOnly, false);
  assert.match(result.device, /^\d+$/);
});

test("space is what an unprivileged process may use, in bytes", async () => {
  const disks: Disks = {
    statfs: async () => ({ bavail: 3, blocks: 10, bsize: 4096, ffree: 1, files: 2 }),
    device: async () => 7,
    readOnly: async () => true,
    ownFiles: async () => [
      { name: "telemetry.db", kind: "telemetry", bytes: 20 },
      { name: "bot.db", kind: "database", bytes: 3 },
    ],
  };
  assert.deepEqual((await read("/x", disks)).result, {
    ok: true,
    availableBytes: 12_288,
    sizeBytes: 40_960,
    inodesFree: 1,
    inodes: 2,
    readOnly: true,
    device: "7",
    own: { largest: { name: "telemetry.db", kind: "telemetry", bytes: 20 }, bytes: 23 },
  });
});

test("a missing path is a sample", async () => {
  assert.deepEqual((await read("/no/such/path")).result, { ok: false, code: "ENOENT" });
});

test("a file system that never answers ends at the deadline", async () => {
  const hanging: Disks = { ...systemDisks, statfs: () => new Promise(() => {}) };
  assert.deepEqual((await read("/", hanging, AbortSignal.abort())).result, { ok: false, code: "ETIMEDOUT" });
});

test("several paths on one device are one target, the first of them", () => {
  const devices: Record<string, number> = { "/data": 1, "/data/backups": 1, "/bot": 2 };
  const deviceOf = (path: string) => devices[path] ?? assert.fail("ENOENT");
  assert.deepEqual(onePathPerDevice(["/data", "/data/backups", "/bot", "/later", "/later"], deviceOf), [
    "/data",
    "/bot",
    "/later",
  ]);
  assert.deepEqual(onePathPerDevice(["/", "/"]), ["/"]);
});
