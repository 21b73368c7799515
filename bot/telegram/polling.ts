import type { Update, UserFromGetMe } from "grammy/types";
import { attributes, createRuns, events, reasonOf, type BotHealthState } from "@gramwatch/otel";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { nextPoll, type NextPoll } from "./backoff.ts";

/** The calls that the loop makes; each has its deadline in the transport. */
export interface PollingApi {
  getMe: (signal: AbortSignal) => Promise<UserFromGetMe>;
  /** `long`: Telegram holds the answer back until there is an update or its time is over. */
  getUpdates: (offset: number, long: boolean, signal: AbortSignal) => Promise<Update[]>;
  /** Pending updates are kept. */
  deleteWebhook: (signal: AbortSignal) => Promise<unknown>;
}

export interface PollingDeps {
  api: PollingApi;
  inbox: {
    commit(updates: readonly Update[]): { fresh: Update[]; duplicates: number };
    nextOffset(): number;
  };
  /** The bot as Telegram last described it, kept over restarts: an outage at start need not keep the bot deaf. */
  identity: { load(): UserFromGetMe | undefined; save(me: UserFromGetMe): void };
  health: Pick<BotHealthState, "poll">;
  /** Called with the bot's identity before the first update. */
  identified: (me: UserFromGetMe) => void;
  /** Updates are in the inbox. */
  received: (fresh: readonly Update[], duplicates: number) => void;
  /** The database refused a batch: it stays unconfirmed, Telegram keeps it. */
  storageFailed: (error: unknown) => void;
  clock: Clock;
  random: () => number;
  log: Logger;
}

export interface PollingOptions {
  /** A refused token that never worked here ends the loop (development); otherwise it stays and asks again. */
  endWhenRefused: boolean;
}

/** Why the loop ended. */
export type Ending = "stopped" | "refused";

const STORAGE_RETRY_MS = 5000;

/**
 * Polls until `signal` aborts. Failures are values here: whatever happens, the loop goes on, says so in `health`, and
 * confirms nothing that is not in the inbox.
 */
export function createPolling(deps: PollingDeps, { endWhenRefused }: PollingOptions) {
  const { api, inbox, identity, clock, random, log } = deps;
  const health = deps.health.poll;
  const runs = createRuns();
  let run = 0;
  let runSince = 0;
  let webhookDeleted = false;

  /** Tells everybody and waits as the policy says. */
  async function fail(error: unknown, method: string, signal: AbortSignal): Promise<NextPoll> {
    if (run++ === 0) runSince = clock.monotonicMs();
    const reason = reasonOf(error);
    const next = nextPoll({ reason, retryAfterSeconds: retryAfterOf(error), run }, random);
    const nextRetryAt = clock.now() + next.waitMs;
    health.failed(error, next.state === "flood" ? { nextRetryAt, floodUntil: nextRetryAt } : { nextRetryAt });
    if (next.state === "unauthorized") health.stopped();
    if (runs.failed("poll") !== undefined) {
      const wait_ms = Math.round(next.waitMs);
      log.warn(
        { event: events.pollFailed, [attributes.rpcMethod]: method, reason, run, wait_ms, err: error },
        "polling failed",
      );
    }
    if (isWebhookConflict(error) && !webhookDeleted) {
      webhookDeleted = true;
      await api.deleteWebhook(signal).catch((refused: unknown) => log.warn({ err: refused }, "webhook not deleted"));
    }
    await clock.wait(next.waitMs, signal);
    return next;
  }

  function succeed(): void {
    if (run > 0) {
      const duration_ms = Math.round(clock.monotonicMs() - runSince);
      log.info({ event: events.pollRecovered, run, duration_ms }, "polling works again");
    }
    runs.ended("poll");
    run = 0;
    webhookDeleted = false;
  }

  /** Asks who we are until Telegram says so or refuses. At the start a stored answer will do while nobody answers. */
  async function identify(signal: AbortSignal, atStart: boolean): Promise<Ending | "identified"> {
    const stored = identity.load();
    while (!signal.aborted) {
      try {
        const me = await api.getMe(signal);
        identity.save(me);
        deps.identified(me);
        return "identified";
      } catch (error) {
        if (signal.aborted) break;
        const refused = reasonOf(error) === "unauthorized";
        if (refused && endWhenRefused && stored === undefined) return "refused";
        if (!refused && atStart && stored !== undefined) {
          deps.identified(stored);
          return "identified";
        }
        await fail(error, "getMe", signal);
      }
    }
    return "stopped";
  }

  /** Polls until the token is refused or we stop. */
  async function poll(signal: AbortSignal): Promise<void> {
    let offset = inbox.nextOffset();
    // The first poll, and the first after an outage, waits for nothing: a quiet bot is known to be connected at once and
    // not after a whole long poll. Not after a conflict: a poll that need not wait proves nothing about the other poller.
    let long = false;
    while (!signal.aborted) {
      let updates: Update[];
      try {
        health.started();
        updates = await api.getUpdates(offset, long, signal);
        health.returned();
        succeed();
        long = true;
      } catch (error) {
        if (signal.aborted) return health.aborted();
        const next = await fail(error, "getUpdates", signal);
        if (next.state === "unauthorized") return;
        long = next.state === "conflict";
        continue;
      }
      try {
        const { fresh, duplicates } = inbox.commit(updates);
        deps.received(fresh, duplicates);
        offset = (updates.at(-1)?.update_id ?? offset - 1) + 1;
      } catch (error) {
        // Telegram did answer. What is broken is ours, and the check of the database says so.
        deps.storageFailed(error);
        health.retryAt(clock.now() + STORAGE_RETRY_MS); // else it looks as if nobody polled any more
        await clock.wait(STORAGE_RETRY_MS, signal);
      }
    }
  }

  return {
    async run(signal: AbortSignal): Promise<Ending> {
      for (let atStart = true; !signal.aborted; atStart = false) {
        const identified = await identify(signal, atStart);
        if (identified !== "identified") return identified;
        // Explicit: an old webhook would answer every poll with 409.
        if (atStart)
          await api.deleteWebhook(signal).catch((error: unknown) => log.debug({ err: error }, "webhook not deleted"));
        await poll(signal);
      }
      return "stopped";
    },
  };
}

const retryAfterOf = (error: unknown): number | undefined =>
  (error as { parameters?: { retry_after?: number } }).parameters?.retry_after;

// The two kinds of 409 differ in their text alone (tdlib/telegram-bot-api:Client.cpp).
const isWebhookConflict = (error: unknown): boolean =>
  ((error as { description?: string }).description ?? "").includes("webhook is active");
