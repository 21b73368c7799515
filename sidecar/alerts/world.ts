import type { DiskSample, OwnSample, Sample } from "../probes/probe.ts";
import { type BotView, healthOf, newBot, telegramOf, webhookOf } from "./bot-view.ts";
import { addLevel, type Level } from "./disk.ts";
import { type BackupAge, backupOf, next, noStreak, type Read, reasonOf, type Streak } from "./streak.ts";

export interface World {
  bots: Record<string, BotView>;
  controls: Record<string, Streak>;
  dependencies: Record<string, Streak & { phase: string | null; status: number | null; nearby: boolean }>;
  mounts: Record<string, { disk: Read<DiskSample["result"]> | null; ring: Level[] }>;
  own: Read<OwnSample> | null;
  ownSqlite: Streak;
  ownBackup: BackupAge | null;
  /** Steady time of the last checkpoint that was loaded; now, when there was none. */
  knownSinceMs: number;
}

export interface WorldOptions {
  errorsWindowMs: number;
  slowAnswerMs: number;
}

export const createWorld = (knownSinceMs: number): World => ({
  bots: {},
  controls: {},
  dependencies: {},
  mounts: {},
  own: null,
  ownSqlite: noStreak(),
  ownBackup: null,
  knownSinceMs,
});

/** Folds one sample into what is known. `sample.atMs` is steady time here. */
export function observe(world: World, sample: Sample, options: WorldOptions): World {
  const { target, atMs } = sample;
  const bot = world.bots[target] ?? newBot(atMs, sample.wallMs);
  const withBot = (change: Partial<BotView>): World => ({
    ...world,
    bots: { ...world.bots, [target]: { ...bot, ...change } },
  });
  switch (sample.kind) {
    case "health":
      return withBot(healthOf(bot, sample, world.knownSinceMs, options));
    case "handling":
      return withBot({ handling: { atMs, value: sample } });
    case "telegram":
      return withBot(telegramOf(bot, sample));
    case "webhook":
      return withBot(webhookOf(bot, sample));
    case "control": {
      const streak = next(world.controls[target], atMs, sample.failure && reasonOf(sample.failure));
      return { ...world, controls: { ...world.controls, [target]: streak } };
    }
    case "dependency": {
      const refused = sample.status !== undefined && sample.status >= 400 ? `status ${sample.status}` : undefined;
      const failure = sample.failure ? reasonOf(sample.failure) : refused;
      const streak = {
        ...next(world.dependencies[target], atMs, failure),
        phase: sample.failure?.phase ?? null,
        status: sample.status ?? null,
        nearby: sample.nearby ?? false,
      };
      return { ...world, dependencies: { ...world.dependencies, [target]: streak } };
    }
    case "disk": {
      const ring = world.mounts[target]?.ring ?? [];
      const { result } = sample;
      const grown = result.ok
        ? addLevel(ring, { atMs, availableBytes: result.availableBytes }, result.sizeBytes)
        : ring;
      return { ...world, mounts: { ...world.mounts, [target]: { disk: { atMs, value: result }, ring: grown } } };
    }
    default:
      return {
        ...world,
        own: { atMs, value: sample },
        ownSqlite: next(world.ownSqlite, atMs, sample.sqlite.ok ? undefined : (sample.sqlite.error ?? "failed")),
        ownBackup: sample.backup
          ? backupOf(
              world.ownBackup,
              atMs,
              sample.backup.lastVerifiedAtMs,
              (verified) => sample.wallMs - verified,
              sample.backup.lastError,
            )
          : null,
      };
  }
}

/**
 * After a restart, or a gap in which nobody looked, the last readings say nothing of now: every rule is `unknown` until
 * it was read again. What was counted stays.
 */
export function forgetReadings(world: World, gapAtMs?: number): World {
  const unread = <S extends Streak>(streaks: Record<string, S>) =>
    Object.fromEntries(Object.entries(streaks).map(([name, streak]) => [name, { ...streak, atMs: null }]));
  const bots = Object.entries(world.bots).map(([name, bot]): [string, BotView] => [
    name,
    {
      ...bot,
      gap: gapAtMs === undefined ? bot.gap : { atMs: gapAtMs, ageMs: ageBefore(bot, gapAtMs) },
      health: null,
      healthStreak: { ...bot.healthStreak, atMs: null },
      telegram: null,
      telegramStreak: { ...bot.telegramStreak, atMs: null },
      webhook: null,
      handling: null,
      checks: unread(bot.checks),
    },
  ]);
  return {
    ...world,
    bots: Object.fromEntries(bots),
    controls: unread(world.controls),
    dependencies: unread(world.dependencies),
    mounts: Object.fromEntries(Object.entries(world.mounts).map(([name, mount]) => [name, { ...mount, disk: null }])),
    own: null,
    ownSqlite: { ...world.ownSqlite, atMs: null },
  };
}

/** Drops what the configuration no longer names: `seen` are the targets that were read since the start. */
export function forgetUnseen(world: World, seen: ReadonlySet<string>): World {
  const kept = <T>(views: Record<string, T>) =>
    Object.fromEntries(Object.entries(views).filter(([name]) => seen.has(name)));
  return {
    ...world,
    bots: kept(world.bots),
    controls: kept(world.controls),
    dependencies: kept(world.dependencies),
    mounts: kept(world.mounts),
  };
}

/** A bot that is known by another name from now on, with all that was learnt of it. */
export function renameBot(world: World, from: string, to: string): World {
  const { [from]: view, ...bots } = world.bots;
  if (view === undefined) return world;
  return { ...world, bots: { ...bots, [to]: bots[to] ?? view } };
}

const ageBefore = (bot: BotView, atMs: number) => Math.max(0, atMs - (bot.lastSuccessAtMs ?? bot.firstSeenAtMs));
