import type {
  BotHealth,
  Failure,
  HandlingSample,
  HealthSample,
  Phase,
  TelegramSample,
  WebhookSample,
} from "../probes/probe.ts";
import { countErrors, type ErrorCount } from "./errors.ts";
import { type BackupAge, backupOf, next, noStreak, type Read, reasonOf, type Streak } from "./streak.ts";
import { REMEMBERED } from "./thresholds.ts";

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
  /** Since when every process that was read had not polled yet; null: the last one read had. */
  unpolledSinceAtMs: number | null;
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
  /** The last outage on the way to Telegram that we saw ourselves: where it broke, and when it was over; null: it lasts. */
  telegramOutage: { phase: Phase | null; overAtMs: number | null } | null;
  tokenRefusals: number;
  webhook: Read<WebhookSample> | null;
  pendings: number[];
  webhookSet: number;
  missingUpdates: number;
  handling: Read<HandlingSample> | null;
}

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
  unpolledSinceAtMs: null,
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
  telegramOutage: null,
  tokenRefusals: 0,
  webhook: null,
  pendings: [],
  webhookSet: 0,
  missingUpdates: 0,
  handling: null,
});

/** What one look at `/health` changes. `knownSinceMs`: errors of a bot never seen count if it started after that. */
export function healthOf(
  bot: BotView,
  sample: HealthSample,
  knownSinceMs: number,
  options: { errorsWindowMs: number; slowAnswerMs: number },
): Partial<BotView> {
  const { atMs, wallMs, result } = sample;
  const healthStreak = next(bot.healthStreak, atMs, result.ok ? undefined : reasonOf(result.failure));
  if (!result.ok) return { healthStreak, healthFailure: result.failure, health: null };
  const { body, durationMs } = result;
  const { telegram } = body;
  const saidMs = sinceSuccessMs(bot, telegram, atMs);
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
    unpolledSinceAtMs: saidMs === null ? (bot.unpolledSinceAtMs ?? atMs) : null,
    gap: bot.gap !== null && saidMs !== null && saidMs < atMs - bot.gap.atMs ? null : bot.gap,
    stopping: body.stopping,
    startedAt: body.started_at,
    startsAtMs: started ? [...bot.startsAtMs, atMs].slice(-REMEMBERED) : bot.startsAtMs,
    errors: countErrors(bot.errors, body, sample, options.errorsWindowMs, knownSinceMs - 60_000),
    conflictsAtMs: newConflict ? [...bot.conflictsAtMs, atMs].slice(-REMEMBERED) : bot.conflictsAtMs,
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

/** Of a bot on webhooks nothing returns by itself: it is connected until a call fails, however quiet it is. */
function sinceSuccessMs(bot: BotView, telegram: BotHealth["telegram"], atMs: number): number | null {
  const saidMs = telegram.seconds_since_success === null ? null : telegram.seconds_since_success * 1000;
  if (telegram.mode !== "webhook") return saidMs;
  if (telegram.connected) return 0;
  return bot.lastSuccessAtMs === null
    ? saidMs
    : Math.min(saidMs ?? Number.POSITIVE_INFINITY, atMs - bot.lastSuccessAtMs);
}

const DROPS_COUNT_MS = 60_000;

function exportTrouble(bot: BotView, body: BotHealth, dropped: number, atMs: number): number | null {
  if (!body.telemetry.enabled) return null;
  const dropping = dropped > bot.dropped || (bot.droppedAtMs !== null && atMs - bot.droppedAtMs < DROPS_COUNT_MS);
  return !body.telemetry.exporting || dropping ? (bot.notExportingSinceAtMs ?? atMs) : null;
}

export function telegramOf(bot: BotView, sample: TelegramSample): Partial<BotView> {
  const { atMs, paths, getMe, expectedId } = sample;
  const failed = paths.length > 0 && paths.every((path) => path.failure !== undefined);
  const failure = paths.find((path) => path.failure)?.failure;
  const before = bot.telegramOutage ?? null;
  const refused = getMe?.ok === false && (getMe.errorCode === 401 || getMe.errorCode === 404);
  const other = getMe?.ok === true && expectedId !== undefined && getMe.id !== expectedId;
  const seenByBot = bot.health?.value.body.telegram.last_error?.code === 401;
  return {
    telegram: { atMs, value: sample },
    telegramStreak: next(bot.telegramStreak, atMs, failed ? (failure ? reasonOf(failure) : "failed") : undefined),
    telegramOutage: failed
      ? { phase: failure?.phase ?? null, overAtMs: null }
      : before && { ...before, overAtMs: before.overAtMs ?? atMs },
    username: getMe?.ok === true && !other ? getMe.username : bot.username,
    tokenRefusals:
      refused || other ? bot.tokenRefusals + (seenByBot || other ? 2 : 1) : getMe?.ok ? 0 : bot.tokenRefusals,
  };
}

export function webhookOf(bot: BotView, sample: WebhookSample): Partial<BotView> {
  const { result, atMs } = sample;
  if (!result.ok) return { webhook: { atMs, value: sample } };
  // What the bot asks for is what it needs; one that does not say (any other program's page) is held to nothing.
  const asked = bot.health?.value.body.telegram.allowed_updates ?? [];
  // An absent list is Telegram's default, which leaves out three rare types only.
  const missing = result.allowedUpdates !== undefined && asked.some((type) => !result.allowedUpdates?.includes(type));
  return {
    webhook: { atMs, value: sample },
    pendings: [...bot.pendings.slice(-2), result.pending],
    webhookSet: result.url === "" ? 0 : bot.webhookSet + 1,
    missingUpdates: missing ? bot.missingUpdates + 1 : 0,
  };
}
