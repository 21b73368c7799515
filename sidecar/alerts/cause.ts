import type { BotHealth, PathPhases } from "../probes/probe.ts";
import type { BotView } from "./bot-view.ts";
import type { World } from "./world.ts";

export type Cause =
  | "process_down"
  | "bot_host_unreachable"
  | "process_wedged"
  | "host_offline"
  | "auth_revoked"
  | "wrong_token"
  | "webhook_set"
  | "second_poller"
  | "flood_wait"
  | "dns_broken"
  | "telegram_unreachable"
  | "ipv6_broken"
  | "telegram_5xx"
  | "poll_loop_ended"
  | "bot_egress"
  | "event_loop_blocked"
  | "handlers_stuck"
  | "poll_stalled"
  | "backoff_wait"
  | "unknown";

/** Two of the last three looks failed. */
const mostlyFails = (lately: boolean[]) => lately.filter(Boolean).length >= 2;

const DAY_MS = 86_400_000;
/** Control targets that count: they have answered within a day, so their silence means something. */
export const countingControls = (world: World, atMs: number) =>
  Object.values(world.controls).filter((control) => control.lastOkAtMs !== null && atMs - control.lastOkAtMs < DAY_MS);

/** undefined: nothing was read. */
export function telegramFails(bot: BotView): boolean | undefined {
  if (bot.telegram === null || bot.telegram.value.paths.length === 0) return undefined;
  return mostlyFails(bot.telegramStreak.lately);
}

/** undefined: no control target counts or was read. */
export function controlsFail(world: World, atMs: number): boolean | undefined {
  const read = countingControls(world, atMs).filter((control) => control.atMs !== null);
  if (read.length === 0) return undefined;
  return read.every((control) => mostlyFails(control.lately));
}

/** Milliseconds between an ISO time of the bot and the bot's own now; its clock is never compared with ours. */
export function botAgeMs(body: BotHealth, at: string | null): number | undefined {
  if (at === null) return undefined;
  return Date.parse(body.started_at) + body.uptime_seconds * 1000 - Date.parse(at);
}

/** Why `/health` cannot be read. */
export function downCause(bot: BotView, restarting: boolean): Cause | "crash_loop" {
  if (restarting) return "crash_loop";
  const failure = bot.healthFailure;
  if (failure?.phase === "ttfb" || failure?.phase === "body") return "process_wedged";
  if (failure?.phase === "tcp" && failure.code !== "ECONNREFUSED") return "bot_host_unreachable";
  return "process_down";
}

/**
 * Why the polls do not return: the first cause that fits what is seen. `patienceMs`: how long a
 * request, a handler or a wait lasts before it is to blame.
 */
export function disconnectCause(world: World, bot: BotView, atMs: number, patienceMs: number): Cause {
  const failed = (bot.telegram?.value.paths ?? []).flatMap((path) => (path.failure ? [path.failure] : []));
  const getMe = bot.telegram?.value.getMe;
  const body = bot.health?.value.body;
  const error = body === undefined ? null : errorSince(body);
  // One failed look of ours may be chance; with the bot's own word it is two that see the same.
  const agree = isNetwork(error) && bot.telegramStreak.lately[0] === true;
  const fails = agree || telegramFails(bot);

  if (body === undefined) return downCause(bot, false) as Cause;
  if (fails === true && controlsFail(world, atMs) === true) return "host_offline";
  if (getMe?.ok === false && (getMe.errorCode === 401 || getMe.errorCode === 404)) return "auth_revoked";
  if (getMe?.ok === true && otherBot(bot)) return "wrong_token";
  const url = bot.webhook?.value.result.ok === true && bot.webhook.value.result.url !== "";
  if (url) return "webhook_set";
  if (error?.code === 409) return "second_poller";
  if ((botAgeMs(body, body.telegram.flood_until) ?? 0) < 0) return "flood_wait";
  if (fails === true) return failed.some(({ phase }) => phase === "dns") ? "dns_broken" : "telegram_unreachable";
  if (isBack(bot)) return bot.telegramOutage?.phase === "dns" ? "dns_broken" : "telegram_unreachable";
  if (oneFamily(bot.telegram?.value.paths ?? [], 6) && isNetwork(error)) return "ipv6_broken";
  // With a status somebody did answer: a look that failed on its way says nothing of Telegram's health.
  const answered = getMe?.ok === false && getMe.status !== undefined;
  if (answered && (getMe.errorCode === undefined || getMe.errorCode >= 500)) return "telegram_5xx";
  return fails === false || fails === undefined ? ofBot(body, error, patienceMs) : "unknown";
}

/**
 * What the bot's polls met since the last that returned: an older error explains nothing of now. That it is connected
 * is told first, for the bot's clock may have been set back since the error.
 */
export function errorSince({ telegram }: BotHealth): BotHealth["telegram"]["last_error"] {
  const { connected, last_error: error, last_success_at: success } = telegram;
  if (connected || error === null) return null;
  return success !== null && Date.parse(error.at) < Date.parse(success) ? null : error;
}

/**
 * Telegram was out of reach for us too and answers again, but what the bot met last is from before: it waits for its next
 * try. To blame the bot's own way out for that would be a lie.
 */
export function isBack(bot: BotView): boolean {
  const read = bot.health;
  const overAtMs = bot.telegramOutage?.overAtMs;
  const errorAgeMs = read && botAgeMs(read.value.body, read.value.body.telegram.last_error?.at ?? null);
  return overAtMs != null && errorAgeMs != null && read !== null && read.atMs - errorAgeMs <= overAtMs;
}

/** Telegram answers us: it lies with the bot. */
function ofBot(body: BotHealth, error: BotHealth["telegram"]["last_error"], patienceMs: number): Cause {
  const { telegram, updates, event_loop } = body;
  const inFlightMs = botAgeMs(body, telegram.in_flight_since);
  if (telegram.stopped) return "poll_loop_ended";
  if (isNetwork(error)) return "bot_egress";
  if (event_loop.delay_p99_ms > 1000) return "event_loop_blocked";
  if (inFlightMs === undefined && (updates.oldest_in_flight_seconds ?? 0) * 1000 > patienceMs) return "handlers_stuck";
  if (inFlightMs !== undefined && inFlightMs > patienceMs) return "poll_stalled";
  const retryInMs = -(botAgeMs(body, telegram.next_retry_at) ?? 0);
  if (retryInMs > patienceMs) return "backoff_wait";
  // A bot that gives its polls up in time never shows a long one.
  if (error?.reason === "timeout") return "poll_stalled";
  // Nothing failed, nothing is on its way and nothing is planned: nobody polls any more.
  const polled = telegram.last_success_at !== null;
  if (polled && error === null && inFlightMs === undefined && retryInMs <= 0) return "poll_loop_ended";
  return "unknown";
}

export function otherBot(bot: BotView): boolean {
  const seen = bot.telegram?.value;
  return seen?.getMe?.ok === true && seen.expectedId !== undefined && seen.getMe.id !== seen.expectedId;
}

// The closed words of otel's `reasonOf` for a call that got no answer.
const NETWORK = new Set(["dns", "connect", "tls"]);
const isNetwork = (error: BotHealth["telegram"]["last_error"]) => error !== null && NETWORK.has(error.reason);

/** This family fails while the other one works. */
function oneFamily(paths: PathPhases[], family: 4 | 6): boolean {
  return paths.length > 1 && paths.every((path) => (path.failure !== undefined) === (path.family === family));
}

/** Numbers of the way to Telegram in one line: `dns 9 · tcp 31 · tls 64 · ttfb 88 ms`, or where it ends. */
export function wayToTelegram(bot: BotView): string | null {
  const paths = bot.telegram?.value.paths ?? [];
  const good = paths.find((path) => path.failure === undefined);
  if (good !== undefined) {
    // The first good look after an outage stands against two that failed: "not reachable" and "reachable" in one message.
    if (telegramFails(bot) === true) return null;
    const parts = (["dns", "tcp", "tls", "ttfb"] as const).flatMap((phase) => {
      const ms = good[`${phase}Ms`];
      return ms === undefined ? [] : [`${phase} ${Math.round(ms)}`];
    });
    return `Telegram is reachable from this host (${parts.join(" · ")} ms)`;
  }
  const failures = paths.flatMap((path) =>
    path.failure ? [`${path.failure.phase} ${path.failure.code} (v${path.family})`] : [],
  );
  return failures.length === 0 ? null : `from this host too: ${failures.join(", ")}`;
}
