import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BotHealth } from "@gramwatch/otel";
import { until } from "./testing.ts";
import { ask, chatShows, startWorld } from "./testing-world.ts";

/** A file system of this size; undefined: this user may mount none. */
function mounted(t: TestContext, limits: string): string | undefined {
  const path = mkdtempSync(join(tmpdir(), "small-disk-"));
  t.after(() => {
    spawnSync("umount", ["--lazy", path]); // the processes on it end after this
    rmSync(path, { recursive: true, force: true });
  });
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `${limits},mode=700`, "gramwatch", path]);
  return status === 0 ? path : undefined;
}

/** Somebody else's file takes every byte that is free, also those that are freed, until it is stopped. */
function fill(path: string): () => void {
  const file = join(path, "somebody-elses.log");
  const take = (): void => {
    for (let bytes = 64 * 1024; bytes >= 1; bytes = Math.floor(bytes / 8)) {
      try {
        for (;;) appendFileSync(file, Buffer.alloc(bytes, "x"));
      } catch {
        // ENOSPC: a smaller piece may still fit
      }
    }
  };
  take();
  const timer = setInterval(take, 20);
  return () => {
    clearInterval(timer);
    rmSync(file);
  };
}

test("failure 22: on a full disk the sidecar goes on alerting, the bot confirms nothing that it could not store, and nothing is lost", async (t) => {
  const disk = mounted(t, "size=24m");
  if (disk === undefined) return t.skip("user side: only root may mount a small file system");
  const world = await startWorld(t, {
    dataDir: disk,
    sidecar: { DISCONNECTED_AFTER: "30s" },
    bot: { BOT_RATE_LIMIT: "1000/1s" },
    rules: { DiskSpaceLow: { after: "1s" }, DependencyUnhealthy: { after: "1s" } },
  });
  const { telegram } = world;
  const health = async () => (await (await fetch(`${world.page}/health`)).json()) as BotHealth;

  const free = fill(disk);
  const low = await chatShows(world, /disk space is low/);
  assert.match(low, /Cause: files that are not ours; the largest of ours is \S+ \(\d/);
  const tasks = 80;
  for (let n = 0; n < tasks; n++) telegram.say(`/add ${n} ${"x".repeat(150)}`);
  await until("the bot's own word", async () => ((await health()).checks["sqlite"]?.ok === false ? true : undefined));
  await chatShows(world, /sqlite: unhealthy[^]*⚠ state not saved: no space left/);
  assert.ok(telegram.pending() > 0, "what could not be stored is not confirmed");
  assert.equal((await health()).telegram.connected, true, "and it is not Telegram that is broken");

  free();
  const added = () =>
    new Set(
      telegram
        .messages(4242)
        .flatMap((message) => ("text" in message ? (/^Added \d+: (\d+) x/.exec(message.text)?.[1] ?? []) : [])),
    );
  await until("every task", () => (added().size === tasks ? true : undefined), { otherwise: () => world.bot.output() });
  await chatShows(world, /enough disk space again/);
  await until(
    "a state that is saved",
    () => /"probe":"own".*"a probe succeeds again"/.test(world.sidecar.output()) || undefined,
  );
  const told = world.shown().length;
  assert.equal(await world.sidecar.end("SIGKILL"), null);
  await world.startSidecar();
  await ask(telegram, "/help");
  await until("a look at the disk", async () => {
    const { probes } = (await (await fetch(`${world.api}/api/status`)).json()) as { probes: { kind: string }[] };
    return probes.find(({ kind }) => kind === "disk");
  });
  const { alerts } = (await (await fetch(`${world.api}/api/alerts?state=resolved`)).json()) as {
    alerts: { rule: string }[];
  };
  assert.ok(
    alerts.some(({ rule }) => rule === "DiskSpaceLow"),
    "what happened while nothing could be saved is known",
  );
  assert.equal(world.shown().length, told, "and not told again");
});

test("failure 22: a disk that has room and no inodes left", async (t) => {
  const disk = mounted(t, "size=64m,nr_inodes=64");
  if (disk === undefined) return t.skip("user side: only root may mount a small file system");
  const world = await startWorld(t, {
    dataDir: disk,
    rules: { DiskInodesLow: { after: "1s" }, DiskSpaceLow: { enabled: false } },
    sidecar: { DISCONNECTED_AFTER: "30s" },
  });
  const sessions = join(disk, "sessions");
  mkdirSync(sessions);
  assert.throws(() => {
    for (let n = 0; n < 100; n++) writeFileSync(join(sessions, String(n)), "");
  }, /ENOSPC/);
  await chatShows(world, /the disk runs out of inodes\n0 of 64 inodes left/);
  rmSync(sessions, { recursive: true });
  await chatShows(world, /enough inodes again/);
  await ask(world.telegram, "/help");
});
