import { errorsWithin } from "./errors.ts";
import { downCause } from "./cause.ts";
import { bots, CLEAR, type Context, type Reading, type Rule, STALE_MS, UNKNOWN } from "./rule.ts";
import type { BotView } from "./bot-view.ts";

/** The last `/health` of this run; undefined: not readable now. */
const bodyOf = ({ world, target, now }: Context) => {
  const health = world.bots[target]?.health;
  return health && now.atMs - health.atMs < STALE_MS ? health.value.body : undefined;
};

const restartsWithin = (bot: BotView | undefined, spanMs: number, atMs: number) =>
  (bot?.startsAtMs ?? []).filter((startAtMs) => atMs - startAtMs <= spanMs).length;

const restarting = ({ world, target, now, thresholds }: Context) =>
  restartsWithin(world.bots[target], thresholds.BotRestarting.windowMs, now.atMs) >= thresholds.BotRestarting.max;

/** It said so in `/health`, or, as that is read every 5 s and a stop takes a moment, with the last line it logged. */
function hasStopped({ world, target, saidStopped }: Context): boolean {
  const bot = world.bots[target];
  return bot !== undefined && (bot.stopping || (bot.healthStreak.failures > 0 && saidStopped()));
}

const down: Rule = {
  name: "TelegramBotDown",
  severity: "critical",
  targets: bots,
  read(context) {
    const bot = context.world.bots[context.target];
    if (!bot || bot.healthStreak.atMs === null) return UNKNOWN;
    if (bot.healthStreak.failures === 0) return CLEAR;
    if (bot.healthStreak.failures < context.thresholds.TelegramBotDown.reads) return context.firing ? UNKNOWN : CLEAR;
    const cause = downCause(bot, restarting(context));
    const sinceAtMs = bot.healthStreak.failingSinceAtMs ?? context.now.atMs;
    return {
      value: "breach",
      sinceAtMs,
      cause,
      facts: { failure: bot.healthStreak.error, stopped: hasStopped(context) },
    };
  },
  // A clean stop is most often a deploy: the bot has the time that a disconnect would have.
  forMs(context) {
    const limits = context.thresholds.TelegramBotDown;
    return hasStopped(context) ? Math.max(limits.forMs, limits.afterStopMs) : limits.forMs;
  },
  suspect: ({ world, target }) => (world.bots[target]?.healthStreak.failures ?? 0) > 0,
  holdMs: ({ TelegramBotDown: limits }) => Math.max(limits.forMs, limits.afterStopMs),
};

function errorCount(
  context: Context,
  rule: "TelegramBotErrorsHigh" | "TelegramBotErrorBurst",
  clearAt: number,
): Reading {
  const { world, target, now, thresholds, firing } = context;
  const body = bodyOf(context);
  if (body === undefined) return UNKNOWN;
  const errors = world.bots[target]?.errors;
  const { max, windowMs } = thresholds[rule];
  const count = errorsWithin(errors, windowMs, thresholds.TelegramBotErrorsHigh.windowMs, now.atMs);
  if (firing ? count <= clearAt : count <= max) return { ...CLEAR, facts: { count } };
  const reasons = Object.entries(body.errors.by_reason)
    .filter(([, number]) => number > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, number]) => `${reason} ${number}`);
  return {
    value: "breach",
    facts: { count, max, windowMs, reasons, lastErrorWallMs: errors?.lastErrorWallMs ?? null },
  };
}

const errorsHigh: Rule = {
  name: "TelegramBotErrorsHigh",
  severity: "warning",
  targets: bots,
  read: (context) =>
    errorCount(context, "TelegramBotErrorsHigh", Math.floor(0.7 * context.thresholds.TelegramBotErrorsHigh.max)),
};

const errorBurst: Rule = {
  name: "TelegramBotErrorBurst",
  severity: "critical",
  targets: bots,
  read: (context) => errorCount(context, "TelegramBotErrorBurst", context.thresholds.TelegramBotErrorBurst.max),
};

const backlog: Rule = {
  name: "UpdatesBacklog",
  severity: "warning",
  targets: bots,
  read(context) {
    const { world, target, now, thresholds, firing } = context;
    const bot = world.bots[target];
    const body = bodyOf(context);
    const { max, oldestMs, clearFactor } = thresholds.UpdatesBacklog;
    const factor = firing ? clearFactor : 1;
    // Telegram was asked and did not tell: what it told before says nothing of now, neither of a backlog nor of its end.
    const untold = bot?.webhook != null && (!bot.webhook.value.result.ok || now.atMs - bot.webhook.atMs > STALE_MS);
    const [first = 0, second = 0, pending = 0] = bot?.pendings.length === 3 ? bot.pendings : [];
    const rising = first < second && second < pending;
    if (body === undefined && bot?.webhook == null) return UNKNOWN;
    const inbox = body?.updates.inbox_pending ?? 0;
    const oldest = body?.updates.oldest_in_flight_seconds ?? 0;
    const waiting = !untold && pending >= max * factor && (rising || firing);
    if (!waiting && inbox < max * factor && oldest * 1000 <= oldestMs * factor)
      return body && !(untold && pending >= max * factor) ? CLEAR : UNKNOWN;
    const stuck = oldest * 1000 > oldestMs * factor;
    const cause = stuck
      ? "handlers_stuck"
      : waiting && body?.telegram.connected === false
        ? "poll_stalled"
        : "slow_handlers";
    return {
      value: "breach",
      cause,
      facts: { pending, inbox, oldestSeconds: Math.round(oldest), inFlight: body?.updates.in_flight ?? null },
    };
  },
};

const slow: Rule = {
  name: "SlowResponses",
  severity: "warning",
  targets: bots,
  read({ world, target, now, thresholds, firing }) {
    const handling = world.bots[target]?.handling;
    const { p95Ms, clearP95Ms, minUpdates } = thresholds.SlowResponses;
    if (!handling || now.atMs - handling.atMs > STALE_MS || !handling.value.result.ok) return UNKNOWN;
    const { p95Seconds, updates } = handling.value.result;
    if (updates < minUpdates) return CLEAR;
    if (p95Seconds === undefined) return UNKNOWN;
    if (p95Seconds * 1000 <= (firing ? clearP95Ms : p95Ms)) return CLEAR;
    return {
      value: "breach",
      facts: { p95Seconds: Number(p95Seconds.toFixed(2)), updates, limitSeconds: p95Ms / 1000 },
    };
  },
};

const blocked: Rule = {
  name: "EventLoopBlocked",
  severity: "warning",
  targets: bots,
  read(context) {
    const body = bodyOf(context);
    const { delayMs, reads } = context.thresholds.EventLoopBlocked;
    if (body === undefined) return UNKNOWN;
    const late = body.event_loop.delay_p99_ms > delayMs;
    const slowReads = context.world.bots[context.target]?.slowReads ?? 0;
    if (!late && slowReads < (context.firing ? 1 : reads)) return CLEAR;
    const facts = { delayMs: Math.round(body.event_loop.delay_p99_ms), utilization: body.event_loop.utilization };
    return { value: "breach", cause: "event_loop_blocked", facts };
  },
};

const memory: Rule = {
  name: "MemoryHigh",
  severity: "warning",
  targets: bots,
  read(context) {
    const body = bodyOf(context);
    if (body === undefined) return UNKNOWN;
    const { rss_bytes, heap_used_bytes, heap_limit_bytes, limit_bytes } = body.memory;
    const limits = context.thresholds.MemoryHigh;
    const limit = context.firing ? limits.clearRatio : limits.ratio;
    const heap = heap_limit_bytes > 0 ? heap_used_bytes / heap_limit_bytes : 0;
    const rss = limit_bytes === null || limit_bytes <= 0 ? 0 : rss_bytes / limit_bytes;
    if (heap <= limit && rss <= limit) return CLEAR;
    const facts = { heapRatio: heap, rssRatio: rss, rssBytes: rss_bytes, heapBytes: heap_used_bytes };
    return { value: "breach", cause: heap >= rss ? "heap" : "rss", facts };
  },
};

const restarts: Rule = {
  name: "BotRestarting",
  severity: "warning",
  targets: bots,
  read(context) {
    const { world, target, now, thresholds, firing } = context;
    const bot = world.bots[target];
    const { max, windowMs } = thresholds.BotRestarting;
    if (!bot || bot.startedAt === null) return UNKNOWN;
    const count = restartsWithin(bot, windowMs, now.atMs);
    if (count >= max || (firing && count > 0)) {
      // The exit code is known to whoever started it; that there was no clean stop is told by the next process.
      const unclean = (bodyOf(context)?.errors.by_reason["crash"] ?? 0) > 0;
      return { value: "breach", cause: "crash_loop", facts: { count: Math.max(count, max), windowMs, unclean } };
    }
    return bodyOf(context) === undefined ? UNKNOWN : CLEAR;
  },
};

const telemetry: Rule = {
  name: "TelemetryAbsent",
  severity: "warning",
  targets: bots,
  read(context) {
    const { world, target, now, thresholds } = context;
    const body = bodyOf(context);
    const bot = world.bots[target];
    if (!bot || body === undefined) return UNKNOWN;
    if (!body.telemetry.enabled) return CLEAR;
    const { afterMs } = thresholds.TelemetryAbsent;
    const facts = { error: body.telemetry.last_export_error?.reason ?? null, dropped: bot.dropped };
    if (bot.notExportingSinceAtMs !== null && now.atMs - bot.notExportingSinceAtMs >= afterMs) {
      return { value: "breach", cause: "exporter_failing", facts };
    }
    // Arrivals count only once this instance has arrived here: it may export to a collector that does not pass them on.
    const arrival = world.own?.value.lastMetricsAtMs[body.service];
    // A silence that was told of ends with an arrival: that the bot or the sidecar was restarted is none.
    if (arrival?.instance !== body.instance) return context.cause === "collector_down" ? UNKNOWN : CLEAR;
    if (now.atMs - arrival.atMs > afterMs) {
      return { value: "breach", cause: "collector_down", facts: { ...facts, silentMs: now.atMs - arrival.atMs } };
    }
    return CLEAR;
  },
};

const backup: Rule = {
  name: "BackupStale",
  severity: "warning",
  // What was read and has no backups is not watched for them: else one that was open when they were turned off stays so.
  targets: (world) => [
    ...bots(world).filter((bot) => !world.bots[bot]?.health || world.bots[bot].backup !== null),
    ...(world.own === null || world.ownBackup !== null ? ["sidecar"] : []),
  ],
  read({ world, target, now, thresholds }) {
    const age = target === "sidecar" ? world.ownBackup : world.bots[target]?.backup;
    if (!age) return UNKNOWN;
    const ageMs = now.atMs - age.sinceAtMs;
    if (ageMs <= thresholds.BackupStale.afterMs) return CLEAR;
    return { value: "breach", facts: { ageMs, error: age.error, never: age.lastVerified === null } };
  },
};

export { bodyOf };
export const botRules: Rule[] = [
  down,
  errorBurst,
  errorsHigh,
  backlog,
  slow,
  blocked,
  memory,
  restarts,
  telemetry,
  backup,
];
