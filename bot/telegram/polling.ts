import type { Update, UserFromGetMe } from "grammy/types";
import { reasonOf, type ApiReason } from "@gramwatch/otel";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { nextPoll, worthLogging, type NextPoll } from "./backoff.ts";

/** The calls that the loop makes; each has its deadline in the transport. */
export interface PollingApi {
  getMe(signal: AbortSignal): Promise<UserFromGetMe>;
  /** Long poll of 30 s. `span` is what the span of this poll can be found by. */
  getUpdates(offset: number, signal: AbortSignal): Promise<{ updates: Update[]; span?: string | undefined }>;
  deleteWebhook(signal: AbortSignal): Promise<unknown>;
}

/** What the loop tells `/health`. */
export interface PollHealth {
  started(): void;
  returned(updates: readonly Update[]): void;
  failed(error: unknown, next: { nextRetryAt?: Date }): void;
  /** No polling until somebody acts: the token is refused, or the process ends. */
  stopped(stopped: boolean): void;
}

export interface PollingDeps {
  api: PollingApi;
  inbox: {
    commit(updates: readonly Update[], span?: string): { fresh: Update[]; duplicates: number };
    nextOffset(): number;
  };
  /** The bot as Telegram last described it, kept over restarts: an outage at start need not keep the bot deaf. */
  identity: { load(): UserFromGetMe | undefined; save(me: UserFromGetMe): void };
  health: PollHealth;
  /** Updates are in the inbox. */
  received(fresh: readonly Update[], duplicates: number): void;
  /** The database refused a batch: it stays unconfirmed, Telegram keeps it. */
  storageFailed(error: unknown): void;
  /** Called with the bot's identity before the first update, and again when it changed. */
  identified(me: UserFromGetMe): void;
  clock: Clock;
  random: () => number;
  log: Logger;
}

export interface PollingOptions {
  /** A token that is refused and never worked here ends the loop (development); otherwise it waits and asks again. */
  endWhenRefused: boolean;
}

/** Why the loop ended by itself. */
export type Ending = "stopped" | "refused";

/**
 * Polls until `signal` aborts. Failures are values here: whatever happens, the loop goes on, says so in `health`, and
 * confirms nothing that is not in the inbox.
 */
export function createPolling(deps: PollingDeps, { endWhenRefused }: PollingOptions) {
  const { api, inbox, identity, health, clock, random, log } = deps;
  let run = 0;
  let runSince = 0;
  let webhookDeleted = false;

  /** Tells everybody and waits as the policy says. */
  async function fail(error: unknown, method: string, signal: AbortSignal): Promise<NextPoll> {
    if (run++ === 0) runSince = clock.monotonicMs();
    const reason = reasonOf(error);
    const next = nextPoll({ reason, retryAfterSeconds: retryAfterOf(error), run }, random);
    health.failed(error, { nextRetryAt: new Date(clock.now() + next.waitMs) });
    if (worthLogging(run)) {
      log.warn(
        { event: "telegram.poll.failed", method, reason, run, wait_ms: Math.round(next.waitMs), err: error },
        sentence(next, reason),
      );
    }
    if (reason === "conflict" && isWebhookConflict(error) && !webhookDeleted) {
      webhookDeleted = true;
      await api
        .deleteWebhook(signal)
        .catch((refused: unknown) => log.warn({ err: refused }, "webhook could not be deleted"));
    }
    await clock.wait(next.waitMs, signal);
    return next;
  }

  function succeed(): void {
    if (run > 0) {
      const duration_ms = Math.round(clock.monotonicMs() - runSince);
      log.info({ event: "telegram.poll.recovered", run, duration_ms }, "polling works again");
    }
    run = 0;
    webhookDeleted = false;
  }

  /** Asks who we are until Telegram says so or refuses. A stored answer will do while nobody answers. */
  async function identify(signal: AbortSignal, mayUseStored: boolean): Promise<Ending | "identified"> {
    const stored = identity.load();
    while (!signal.aborted) {
      try {
        const me = await api.getMe(signal);
        identity.save(me);
        deps.identified(me);
        health.stopped(false);
        return "identified";
      } catch (error) {
        if (signal.aborted) break;
        const refused = reasonOf(error) === "unauthorized";
        if (refused && endWhenRefused && stored === undefined) return "refused";
        if (!refused && stored !== undefined && mayUseStored) {
          deps.identified(stored);
          return "identified";
        }
        if (refused) health.stopped(true);
        await fail(error, "getMe", signal);
      }
    }
    return "stopped";
  }

  /** Polls until the token is refused or we stop. */
  async function poll(signal: AbortSignal): Promise<void> {
    let offset = inbox.nextOffset();
    while (!signal.aborted) {
      try {
        health.started();
        const { updates, span } = await api.getUpdates(offset, signal);
        offset = store(updates, span) ?? offset;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof NotStored) {
          await clock.wait(STORAGE_RETRY_MS, signal);
          continue;
        }
        if (reasonOf(error) === "unauthorized") health.stopped(true);
        const next = await fail(error, "getUpdates", signal);
        if (next.state === "unauthorized") return;
      }
    }
  }

  function store(updates: readonly Update[], span: string | undefined): number | undefined {
    try {
      const { fresh, duplicates } = inbox.commit(updates, span);
      health.returned(updates);
      succeed();
      deps.received(fresh, duplicates);
    } catch (error) {
      // Telegram did answer; what is broken is ours, and /health says so through the check of the database.
      health.returned([]);
      deps.storageFailed(error);
      throw new NotStored();
    }
    const last = updates.at(-1);
    return last === undefined ? undefined : last.update_id + 1;
  }

  return {
    async run(signal: AbortSignal): Promise<Ending> {
      // Explicit, because an old webhook would answer every poll with 409; pending updates are kept.
      for (let first = true; !signal.aborted; first = false) {
        const identified = await identify(signal, first);
        if (identified !== "identified") return identified;
        if (first)
          await api.deleteWebhook(signal).catch((error: unknown) => log.debug({ err: error }, "deleteWebhook failed"));
        await poll(signal);
      }
      return "stopped";
    },
  };
}

/** Not an API failure, so no part of its run. */
class NotStored extends Error {}
const STORAGE_RETRY_MS = 5000;

const sentence = (next: NextPoll, reason: ApiReason): string =>
  next.state === "retrying" ? `polling failed: ${reason}` : `polling waits: ${next.state}`;

const retryAfterOf = (error: unknown): number | undefined =>
  (error as { parameters?: { retry_after?: number } }).parameters?.retry_after;

// The only two 409s of getUpdates differ in their text alone (tdlib/telegram-bot-api:Client.cpp).
const isWebhookConflict = (error: unknown): boolean =>
  ((error as { description?: string }).description ?? "").includes("webhook is active");
