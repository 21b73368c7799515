import type { BotView } from "./bot-view.ts";
import { botAgeMs, disconnectCause, errorSince, isBack, otherBot, telegramFails, wayToTelegram } from "./cause.ts";
import { bots, CLEAR, type Context, type Rule, STALE_MS, UNKNOWN } from "./rule.ts";
import { bodyOf } from "./rules-bot.ts";

/** Since the last poll that returned, whatever process made it; without one since the bot was first seen. */
function pollAgeMs({ world, target, now }: Context): number | undefined {
  const bot = world.bots[target];
  return bot && Math.max(0, now.atMs - (bot.lastSuccessAtMs ?? bot.firstSeenAtMs));
}

/** A long poll that simply waits: begun after the last success, no error since, not older than it may be. */
function waitsHealthily(context: Context): boolean {
  const telegram = bodyOf(context)?.telegram;
  const body = bodyOf(context);
  if (!telegram || !body || telegram.in_flight_since === null) return false;
  const readAtMs = context.world.bots[context.target]?.health?.atMs ?? context.now.atMs;
  const ageMs = (botAgeMs(body, telegram.in_flight_since) ?? 0) + context.now.atMs - readAtMs;
  return errorSince(body) === null && ageMs < context.thresholds.TelegramBotDisconnected.waitingMs;
}

const disconnected: Rule = {
  name: "TelegramBotDisconnected",
  severity: "critical",
  targets: bots,
  read(context) {
    const { world, target, now, thresholds } = context;
    const bot = world.bots[target];
    const body = bodyOf(context);
    const ageMs = pollAgeMs(context);
    if (!bot || !body || ageMs === undefined) return UNKNOWN;
    const { afterMs, startMs, patienceMs } = thresholds.TelegramBotDisconnected;
    // After a long stop the last success is old before the first poll had a chance; a crash loop does not renew this.
    if (bot.unpolledSinceAtMs !== null && now.atMs - bot.unpolledSinceAtMs < startMs) return UNKNOWN;
    if (ageMs <= afterMs || waitsHealthily(context)) return CLEAR;
    const error = errorSince(body);
    const facts = {
      ageMs,
      limitMs: afterMs,
      since: bot.lastSuccessWallMs ?? bot.firstSeenWallMs,
      never: bot.lastSuccessWallMs === null,
      way: wayToTelegram(bot),
      back: isBack(bot),
      noControl: Object.keys(world.controls).length === 0 && telegramFails(bot) === true,
      uptimeSeconds: body.uptime_seconds,
      waiting: bot.pendings.at(-1) ?? null,
      lastError: error && (error.code === null ? `${error.reason}: ${error.description}` : error.description),
      lastErrorCode: error?.code ?? null,
      nextRetryInMs: negated(botAgeMs(body, body.telegram.next_retry_at)),
      floodForMs: negated(botAgeMs(body, body.telegram.flood_until)),
      inFlightMs: botAgeMs(body, body.telegram.in_flight_since) ?? null,
      oldestSeconds: body.updates.oldest_in_flight_seconds,
      delayMs: Math.round(body.event_loop.delay_p99_ms),
    };
    return {
      value: "breach",
      sinceAtMs: now.atMs - ageMs,
      cause: disconnectCause(world, bot, now.atMs, patienceMs),
      facts,
    };
  },
  suspect(context) {
    const body = bodyOf(context);
    const ageMs = pollAgeMs(context);
    if (body === undefined || ageMs === undefined || waitsHealthily(context)) return false;
    const failed = errorSince(body) !== null;
    const unreachable = context.world.bots[context.target]?.telegramStreak.lately[0] === true;
    return failed || unreachable || ageMs > context.thresholds.TelegramBotDisconnected.suspectMs;
  },
  holdMs: (thresholds) => thresholds.TelegramBotDisconnected.afterMs,
};
const negated = (ageMs: number | undefined) => (ageMs === undefined ? null : -ageMs);

const token: Rule = {
  name: "TelegramTokenInvalid",
  severity: "critical",
  targets: (world) => [...bots(world).filter((bot) => hasToken(world.bots[bot])), ALERT_BOT],
  read({ world, target, thresholds, alertTokenRefused }) {
    if (target === ALERT_BOT) {
      if (alertTokenRefused === undefined) return UNKNOWN;
      return alertTokenRefused ? { value: "breach", cause: "auth_revoked", facts: {} } : CLEAR;
    }
    const bot = world.bots[target];
    const getMe = bot?.telegram?.value.getMe;
    if (!bot || !getMe) return UNKNOWN;
    if (getMe.ok && !otherBot(bot)) return CLEAR;
    if (bot.tokenRefusals >= thresholds.TelegramTokenInvalid.reads) {
      const cause = getMe.ok ? "wrong_token" : "auth_revoked";
      return { value: "breach", cause, facts: { answered: getMe.ok ? `@${getMe.username}` : getMe.description } };
    }
    return UNKNOWN;
  },
};
/** Until it was looked at it may have one. */
const hasToken = (bot: BotView | undefined) => !bot?.telegram || bot.telegram.value.expectedId !== undefined;
/** The target of the rule about the token that alerts are sent with. */
export const ALERT_BOT = "alert bot";

const conflict: Rule = {
  name: "TelegramPollingConflict",
  severity: "critical",
  targets: bots,
  read(context) {
    const { world, target, now, thresholds } = context;
    const bot = world.bots[target];
    const body = bodyOf(context);
    if (!bot || !body) return UNKNOWN;
    const { max, windowMs } = thresholds.TelegramPollingConflict;
    const newest = errorSince(body)?.code === 409;
    const count = bot.conflictsAtMs.filter((seenAtMs) => now.atMs - seenAtMs <= windowMs).length;
    if (!newest && count < max) return CLEAR;
    const webhookSet = bot.webhook?.value.result.ok === true && bot.webhook.value.result.url !== "";
    const facts = { count, windowMs, lastError: body.telegram.last_error?.description ?? null };
    return { value: "breach", cause: webhookSet ? "webhook_set" : "second_poller", facts };
  },
};

const webhook: Rule = {
  name: "TelegramWebhookMisconfigured",
  severity: "critical",
  targets: bots,
  read(context) {
    const { world, target, now, thresholds, firing } = context;
    const bot = world.bots[target];
    const body = bodyOf(context);
    const result = bot?.webhook?.value.result;
    if (!bot?.webhook || !body || now.atMs - bot.webhook.atMs > STALE_MS || !result?.ok) return UNKNOWN;
    const reads = firing ? 1 : thresholds.TelegramWebhookMisconfigured.reads;
    if (bot.webhookSet >= reads && body.telegram.mode === "polling") {
      return {
        value: "breach",
        cause: "webhook_set",
        facts: { host: URL.parse(result.url)?.hostname ?? "unreadable" },
      };
    }
    if (bot.missingUpdates >= reads) {
      const allowed = result.allowedUpdates ?? [];
      const asked = body.telegram.allowed_updates ?? [];
      const facts = { allowed, missing: asked.filter((type) => !allowed.includes(type)) };
      return { value: "breach", severity: "warning", cause: "allowed_updates", facts };
    }
    return CLEAR;
  },
  suspect: ({ world, target }) => (world.bots[target]?.webhookSet ?? 0) > 0,
  holdMs: ({ TelegramWebhookMisconfigured: { holdMs } }) => holdMs,
};

export const telegramRules: Rule[] = [disconnected, token, conflict, webhook];
