import { countingControls, controlsFail, telegramFails } from "./cause.ts";
import { fillRate } from "./disk.ts";
import { CLEAR, type Context, type Rule, STALE_MS, UNKNOWN } from "./rule.ts";
import type { Streak } from "./streak.ts";
import type { World } from "./world.ts";

const mounts = (world: World) => Object.keys(world.mounts);

function diskOf({ world, target, now }: Context) {
  const disk = world.mounts[target]?.disk;
  return disk && now.atMs - disk.atMs < STALE_MS && disk.value.ok && disk.value.sizeBytes > 0 ? disk.value : undefined;
}

const space: Rule = {
  name: "DiskSpaceLow",
  severity: "warning",
  targets: mounts,
  read(context) {
    const disk = diskOf(context);
    if (disk === undefined) return UNKNOWN;
    const { warning, critical, clearFactor } = context.thresholds.DiskSpaceLow;
    const { availableBytes, sizeBytes } = disk;
    const factor = context.firing ? clearFactor : 1;
    const within = (limits: { ratio: number; bytes: number }[], by: number) =>
      limits.some(({ ratio, bytes }) => availableBytes < ratio * sizeBytes * by && availableBytes < bytes * by);
    const facts = {
      availableBytes,
      sizeBytes,
      largest: disk.own?.largest.name ?? null,
      largestBytes: disk.own?.largest.bytes ?? null,
    };
    const breach = { value: "breach", cause: fillerOf(disk), facts } as const;
    if (within(critical, 1)) return { ...breach, severity: "critical" };
    return within(warning, factor) || within(critical, factor) ? breach : CLEAR;
  },
};

/** Ours, if our files are at least half of what is used; which of them, by the largest. */
function fillerOf({ own, sizeBytes, availableBytes }: NonNullable<ReturnType<typeof diskOf>>): string {
  if (own === undefined || own.bytes < (sizeBytes - availableBytes) / 2) return "other_files";
  return `own_${own.largest.kind}`;
}

const filling: Rule = {
  name: "DiskFillingUp",
  severity: "warning",
  targets: mounts,
  read(context) {
    const disk = diskOf(context);
    if (disk === undefined) return UNKNOWN;
    const limits = context.thresholds.DiskFillingUp;
    const rate = fillRate(context.world.mounts[context.target]?.ring ?? []);
    const roomy = disk.availableBytes >= limits.maxAvailableRatio * disk.sizeBytes;
    if (roomy || rate === undefined || rate.spanMs < limits.minHistoryMs || rate.bytesPerMs <= 0) return CLEAR;
    if (rate.fit < limits.minFit) return CLEAR;
    const fullInMs = disk.availableBytes / rate.bytesPerMs;
    const facts = { fullInMs, availableBytes: disk.availableBytes, bytesPerHour: rate.bytesPerMs * 3_600_000 };
    if (fullInMs < limits.criticalMs) return { value: "breach", severity: "critical", facts };
    return fullInMs < limits.warningMs * (context.firing ? limits.clearFactor : 1) ? { value: "breach", facts } : CLEAR;
  },
};

const inodes: Rule = {
  name: "DiskInodesLow",
  severity: "warning",
  targets: mounts,
  read(context) {
    const disk = diskOf(context);
    // Some file systems have no fixed number of inodes and say 0.
    if (disk === undefined || disk.inodes === 0) return UNKNOWN;
    const { warningRatio, criticalRatio, clearFactor } = context.thresholds.DiskInodesLow;
    const ratio = disk.inodesFree / disk.inodes;
    const facts = { inodesFree: disk.inodesFree, inodes: disk.inodes };
    if (ratio < criticalRatio) return { value: "breach", severity: "critical", facts };
    return ratio < warningRatio * (context.firing ? clearFactor : 1) ? { value: "breach", facts } : CLEAR;
  },
};

const dependency: Rule = {
  name: "DependencyUnhealthy",
  severity: "warning",
  // What our probe and a bot's check both watch is one target: one broken service, one message.
  targets: (world) => [
    ...Object.keys(world.dependencies),
    ...Object.entries(world.bots).flatMap(([bot, view]) =>
      Object.keys(view.checks).flatMap((check) => (isOwn(world, check) ? [`${bot}/${check}`] : [])),
    ),
    "sidecar/sqlite",
  ],
  read({ world, target, now, thresholds }) {
    const { reads } = thresholds.DependencyUnhealthy;
    const seen = streaksOf(world, target).filter(
      ([, streak]) => streak.atMs !== null && now.atMs - streak.atMs < STALE_MS,
    );
    if (seen.length === 0) return UNKNOWN;
    const failing = seen.filter(([, streak]) => streak.failures >= reads);
    const [first] = failing;
    if (first === undefined) return seen.some(([, streak]) => streak.failures > 0) ? UNKNOWN : CLEAR;
    return {
      value: "breach",
      sinceAtMs: first[1].failingSinceAtMs ?? now.atMs,
      cause: phaseOf(world.dependencies[target]),
      facts: {
        error: first[1].error,
        seenBy: failing.map(([by]) => by),
        dependency: target.split("/").at(-1) ?? target,
        nearby: world.dependencies[target]?.nearby ?? false,
      },
    };
  },
};

/** Where our own probe fails; a check of the bot says only that it does. */
const phaseOf = (probe: World["dependencies"][string] | undefined): string =>
  probe === undefined || probe.failures === 0 ? "check_failed" : (probe.phase ?? "status");

// `telegram` is judged by rules of its own.
const isOwn = (world: World, check: string) => check !== "telegram" && world.dependencies[check] === undefined;

function streaksOf(world: World, target: string): [string, Streak][] {
  if (target === "sidecar/sqlite") return [["sidecar", world.ownSqlite]];
  const probe = world.dependencies[target];
  if (probe === undefined) {
    const slash = target.lastIndexOf("/");
    const bot = target.slice(0, slash);
    const check = world.bots[bot]?.checks[target.slice(slash + 1)];
    return check === undefined ? [] : [[bot, check]];
  }
  const checks = Object.entries(world.bots).flatMap(([bot, view]): [string, Streak][] =>
    view.checks[target] === undefined ? [] : [[bot, view.checks[target]]],
  );
  return [["sidecar", probe], ...checks];
}

const offline: Rule = {
  name: "HostOffline",
  severity: "critical",
  targets: () => ["host"],
  read({ world, now }) {
    const controls = controlsFail(world, now.atMs);
    const views = Object.values(world.bots).map(telegramFails);
    const telegram = views.filter((fails) => fails !== undefined);
    if (controls === undefined || telegram.length === 0) return UNKNOWN;
    if (!controls || !telegram.every(Boolean)) return CLEAR;
    const failures = Object.entries(world.controls).map(([name, control]) => `${name} ${control.error ?? ""}`.trim());
    return { value: "breach", cause: "host_offline", facts: { controls: failures.slice(0, 4) } };
  },
  suspect({ world, now }) {
    const controls = countingControls(world, now.atMs).filter((control) => control.atMs !== null);
    const failing = Object.values(world.bots).some((bot) => bot.telegramStreak.lately[0] === true);
    return failing && controls.length > 0 && controls.every((control) => control.lately[0] === true);
  },
  holdMs: (thresholds) => 3 * thresholds.HostOffline.forMs,
};

export const hostRules: Rule[] = [space, filling, inodes, dependency, offline];
