import type {
  BotHealth,
  DiskSample,
  Failure,
  HandlingSample,
  HealthSample,
  OwnSample,
  Sample,
  TelegramSample,
  WebhookSample,
} from "../probes/probe.ts";
import { addLevel, type Level } from "./disk.ts";
import { countErrors, type ErrorCount } from "./errors.ts";

/** The newest reading of a kind; `atMs` is steady time. */
export interface Read<T> {
  atMs: number;
  value: T;
}
/** Something that is asked again and again: how it went lately, newest first. */
export interface Streak {
  /** The last three; true: failed. */
  lately: boolean[];
  failures: number;
  failingSinceAtMs: number | null;
  lastOkAtMs: number | null;
  /** null: not read in this run. */
  atMs: number | null;
  error: string | null;
}
export interface BackupAge {
  lastVerified: string | number | null;
  /** Steady time of that verification; without one of the first sight. */
  sinceAtMs: number;
  error: string | null;
}

export interface BotView {
  service: string | null;
  username: string | null;
  firstSeenAtMs: number;
  firstSeenWallMs: number;
  health: Read<{ body: BotHealth; durationMs: number; wallMs: number }> | null;
  healthStreak: Streak;
  healthFailure: Failure | null;
  slowReads: number;
  /** The last poll that returned, from whatever process. */
  lastSuccessAtMs: number | null;
  lastSuccessWallMs: number | null;
  /** The last `/health` said that it was stopping. */
  stopping: boolean;
  startedAt: string | null;
  startsAtMs: number[];
  errors?: ErrorCount;
  conflictsAtMs: number[];
  lastConflictAt: string | null;
  /** Age that held before a gap: nothing in the gap counts. */
  gap: { atMs: number; ageMs: number } | null;
  droppedAtMs: number | null;
  dropped: number;
  notExportingSinceAtMs: number | null;
  checks: Record<string, Streak>;
  backup: BackupAge | null;
  telegram: Read<TelegramSample> | null;
  telegramStreak: Streak;
  tokenRefusals: number;
  webhook: Read<WebhookSample> | null;
  pendings: number[];
  webhookSet: number;
  missingUpdates: number;
  handling: Read<HandlingSample> | null;
}

export interface World {
  bots: Record<string, BotView>;
  controls: Record<string, Streak>;
  dependencies: Record<string, Streak & { phase: string | null; status: number | null }>;
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
  expectedUpdates: string[];
}

export const noStreak = (): Streak => ({
  lately: [],
  failures: 0,
  failingSinceAtMs: null,
  lastOkAtMs: null,
  atMs: null,
  error: null,
});

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

/** A bot that is watched but was never read. */
export const newBot = (atMs: number, wallMs: number): BotView => ({
  service: null,
  username: null,
  firstSeenAtMs: atMs,
  firstSeenWallMs: wallMs,
  health: null,
  healthStreak: noStreak(),
  healthFailure: null,
  slowReads: 0,
  lastSuccessAtMs: null,
  lastSuccessWallMs: null,
  stopping: false,
  startedAt: null,
  startsAtMs: [],
  conflictsAtMs: [],
  lastConflictAt: null,
  gap: null,
  droppedAtMs: null,
  dropped: 0,
  notExportingSinceAtMs: null,
  checks: {},
  backup: null,
  telegram: null,
  telegramStreak: noStreak(),
  tokenRefusals: 0,
  webhook: null,
  pendings: [],
  webhookSet: 0,
  missingUpdates: 0,
  handling: null,
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
      return withBot(webhookOf(bot, sample, options.expectedUpdates));
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

function healthOf(bot: BotView, sample: HealthSample, knownSinceMs: number, options: WorldOptions): Partial<BotView> {
  const { atMs, wallMs, result } = sample;
  const healthStreak = next(bot.healthStreak, atMs, result.ok ? undefined : reasonOf(result.failure));
  if (!result.ok) return { healthStreak, healthFailure: result.failure, health: null };
  const { body, durationMs } = result;
  const { telegram } = body;
  const saidMs = telegram.seconds_since_success === null ? null : telegram.seconds_since_success * 1000;
  // What lay in a gap does not count: only the age before it and the time since.
  const boundMs = bot.gap === null ? Number.POSITIVE_INFINITY : bot.gap.ageMs + atMs - bot.gap.atMs;
  const sinceMs = saidMs === null ? null : Math.min(saidMs, boundMs);
  const started = bot.startedAt !== null && bot.startedAt !== body.started_at;
  const conflict = telegram.last_error?.code === 409 ? telegram.last_error.at : null;
  const newConflict = conflict !== null && conflict !== bot.lastConflictAt;
  const dropped = body.telemetry.dropped.spans + body.telemetry.dropped.logs;
  const checks = Object.entries(body.checks).map(([name, check]): [string, Streak] => [
    name,
    next(bot.checks[name], atMs, check.ok ? undefined : (check.error ?? "failed")),
  ]);
  // The bot's own now: its times are compared with nothing else.
  const botNowMs = Date.parse(body.started_at) + body.uptime_seconds * 1000;
  return {
    service: body.service,
    username: telegram.username ?? bot.username,
    health: { atMs, value: { body, durationMs, wallMs } },
    healthStreak,
    healthFailure: null,
    slowReads: durationMs > options.slowAnswerMs ? bot.slowReads + 1 : 0,
    lastSuccessAtMs: sinceMs === null ? bot.lastSuccessAtMs : atMs - sinceMs,
    lastSuccessWallMs: sinceMs === null ? bot.lastSuccessWallMs : wallMs - sinceMs,
    gap: bot.gap !== null && saidMs !== null && saidMs < atMs - bot.gap.atMs ? null : bot.gap,
    stopping: body.stopping,
    startedAt: body.started_at,
    startsAtMs: started ? [...bot.startsAtMs.slice(-19), atMs] : bot.startsAtMs,
    errors: countErrors(bot.errors, body, sample, options.errorsWindowMs, knownSinceMs - 60_000),
    conflictsAtMs: newConflict ? [...bot.conflictsAtMs.slice(-19), atMs] : bot.conflictsAtMs,
    lastConflictAt: conflict ?? bot.lastConflictAt,
    dropped,
    droppedAtMs: dropped > bot.dropped && !started ? atMs : bot.droppedAtMs,
    notExportingSinceAtMs: exportTrouble(bot, body, dropped, atMs),
    checks: Object.fromEntries(checks),
    backup: body.backup
      ? backupOf(
          bot.backup,
          atMs,
          body.backup.last_verified_at,
          (verified) => botNowMs - Date.parse(verified),
          body.backup.last_error,
        )
      : null,
  };
}

const DROPS_COUNT_MS = 60_000;

function exportTrouble(bot: BotView, body: BotHealth, dropped: number, atMs: number): number | null {
  if (!body.telemetry.enabled) return null;
  const dropping = dropped > bot.dropped || (bot.droppedAtMs !== null && atMs - bot.droppedAtMs < DROPS_COUNT_MS);
  return !body.telemetry.exporting || dropping ? (bot.notExportingSinceAtMs ?? atMs) : null;
}

function telegramOf(bot: BotView, sample: TelegramSample): Partial<BotView> {
  const { atMs, paths, getMe, expectedId } = sample;
  const failed = paths.length > 0 && paths.every((path) => path.failure !== undefined);
  const failure = paths.find((path) => path.failure)?.failure;
  const refused = getMe?.ok === false && (getMe.errorCode === 401 || getMe.errorCode === 404);
  const other = getMe?.ok === true && expectedId !== undefined && getMe.id !== expectedId;
  const seenByBot = bot.health?.value.body.telegram.last_error?.code === 401;
  return {
    telegram: { atMs, value: sample },
    telegramStreak: next(bot.telegramStreak, atMs, failed ? (failure ? reasonOf(failure) : "failed") : undefined),
    username: getMe?.ok === true && !other ? getMe.username : bot.username,
    tokenRefusals:
      refused || other ? bot.tokenRefusals + (seenByBot || other ? 2 : 1) : getMe?.ok ? 0 : bot.tokenRefusals,
  };
}

function webhookOf(bot: BotView, sample: WebhookSample, expected: string[]): Partial<BotView> {
  const { result, atMs } = sample;
  if (!result.ok) return { webhook: { atMs, value: sample } };
  // An absent list is Telegram's default, which leaves out three rare types only.
  const missing =
    result.allowedUpdates !== undefined && expected.some((type) => !result.allowedUpdates?.includes(type));
  return {
    webhook: { atMs, value: sample },
    pendings: [...bot.pendings.slice(-2), result.pending],
    webhookSet: result.url === "" ? 0 : bot.webhookSet + 1,
    missingUpdates: missing ? bot.missingUpdates + 1 : 0,
  };
}

function next(before: Streak | undefined, atMs: number, error: string | undefined): Streak {
  const failed = error !== undefined;
  const lately = [failed, ...(before?.lately ?? [])].slice(0, 3);
  return {
    lately,
    failures: failed ? (before?.failures ?? 0) + 1 : 0,
    failingSinceAtMs: failed ? (before?.failingSinceAtMs ?? atMs) : null,
    lastOkAtMs: failed ? (before?.lastOkAtMs ?? null) : atMs,
    atMs,
    error: error ?? null,
  };
}

function backupOf<T extends string | number>(
  before: BackupAge | null,
  atMs: number,
  lastVerified: T | null,
  ageMs: (verified: T) => number,
  error: string | null,
): BackupAge {
  if (before !== null && before.lastVerified === lastVerified) return { ...before, error };
  const sinceAtMs = lastVerified === null ? atMs : atMs - Math.max(0, ageMs(lastVerified));
  return { lastVerified, sinceAtMs, error };
}

const reasonOf = (failure: Failure) => `${failure.phase}: ${failure.code}`;
