import type { ApiReason } from "./names.ts";
import { reasonOf } from "./reason.ts";
import { redactFreeText } from "./redact.ts";

/** `/health.telegram` of the contract. */
export interface TelegramHealth {
  mode: string;
  username: string | null;
  connected: boolean;
  last_success_at: string | null;
  seconds_since_success: number | null;
  in_flight_since: string | null;
  last_error: { at: string; reason: string; code: number | null; description: string } | null;
  next_retry_at: string | null;
  flood_until: string | null;
  stopped: boolean;
  /** Update types that the newest poll asked for; null: it named none, so what Telegram remembers holds. */
  allowed_updates: string[] | null;
}

export interface Clocks {
  /** Wall clock, Unix milliseconds: timestamps. */
  now: () => number;
  /** Milliseconds that never jump: durations. */
  monotonic: () => number;
}

/** A call that Telegram refused was answered all the same. */
const ANSWERED: ReadonlySet<ApiReason> = new Set(["bad_request", "forbidden", "conflict", "flood"]);

/** What a bot knows of its connection to Telegram. `broke` is told once per run of failed polls. */
export function createConnection({ now, monotonic }: Clocks, mode: "polling" | "webhook", broke: () => void) {
  let username: string | null = null;
  // Nothing polls there, so nothing could prove it before the first update, which who is not ready never gets.
  let connected = mode === "webhook";
  let failing = false;
  let stopped = false;
  let success: { at: number; ms: number } | undefined;
  let pending: { at: number; ms: number } | undefined;
  let nextRetryAt: number | undefined;
  let floodUntil: number | undefined;
  let lastError: TelegramHealth["last_error"] = null;
  let allowedUpdates: TelegramHealth["allowed_updates"] = null;
  const moment = () => ({ at: now(), ms: monotonic() });

  function succeeded(): void {
    connected = true;
    failing = stopped = false;
    success = moment();
    nextRetryAt = floodUntil = undefined;
  }

  function failed(error: unknown): ApiReason {
    const reason = reasonOf(error);
    const { error_code: code, description, message } = (error ?? {}) as Record<string, unknown>;
    const text = typeof description === "string" ? description : typeof message === "string" ? message : "";
    connected = false;
    lastError = {
      at: new Date(now()).toISOString(),
      reason,
      code: typeof code === "number" ? code : null,
      description: redactFreeText(text).slice(0, 300),
    };
    // A run of failed polls is one error: an outage of an hour must not look like a thousand.
    if (!failing) broke();
    failing = true;
    return reason;
  }

  return {
    poll: {
      /** A getUpdates is on its way. */
      started(): void {
        pending = moment();
        stopped = false;
        nextRetryAt = undefined;
      },
      /** A getUpdates returned, empty or not: the only thing that proves the connection of a polling bot. */
      returned(): void {
        pending = undefined;
        succeeded();
      },
      /** A getUpdates failed. Times are Unix milliseconds. Says why, in the words of `error.type`. */
      failed(error: unknown, next: { nextRetryAt?: number; floodUntil?: number } = {}): ApiReason {
        pending = undefined;
        ({ nextRetryAt, floodUntil } = next);
        return failed(error);
      },
      /** The poll in flight was given up by us (shutdown): neither success nor failure. */
      aborted: (): void => void (pending = undefined),
      /** When the next attempt comes, Unix milliseconds, if that is known only after `failed`. */
      retryAt(at: number, until?: number): void {
        nextRetryAt = at;
        floodUntil = until;
      },
      /** The loop does not run: token refused, or it ended. The next `started` or `returned` clears it. */
      stopped(): void {
        stopped = true;
        connected = false;
        pending = undefined;
      },
    },
    webhook: {
      /** Updates come by webhook; nothing polls. */
      on(): void {
        if (mode === "webhook" || success !== undefined) return;
        mode = "webhook";
        succeeded();
      },
      /** Webhook bots: a call that Telegram answered is the sign of life, one that nobody answered the opposite. */
      called(reason: ApiReason | undefined, outcome: unknown): void {
        if (mode !== "webhook" || reason === "aborted") return;
        if (reason === undefined || ANSWERED.has(reason)) succeeded();
        else failed(outcome);
      },
    },
    /** What a getUpdates names as `allowed_updates`: what Telegram says it sends can be held against it. */
    asks: (types: unknown): void => void (allowedUpdates = isTypes(types) ? [...types] : null),
    /** The bot's own name, from getMe. */
    identify: (name: string | undefined): void => void (username = name ?? null),
    isConnected: (): boolean => connected,
    isFailing: (): boolean => failing,
    isStopped: (): boolean => stopped,
    isRefused: (): boolean => !connected && lastError?.reason === "unauthorized",
    /** Milliseconds since the last poll that succeeded, or since `fromMs`; undefined: nothing polls. */
    silentMs: (fromMs: number): number | undefined =>
      mode === "polling" ? monotonic() - (success?.ms ?? fromMs) : undefined,
    /** When the last poll returned, Unix milliseconds. */
    polledAt: (): number | undefined => (mode === "polling" ? success?.at : undefined),
    pendingMs: (): number | undefined => pending && monotonic() - pending.ms,
    snapshot: (): TelegramHealth => ({
      mode,
      username,
      connected,
      last_success_at: isoOrNull(success?.at),
      seconds_since_success: success === undefined ? null : Math.round(monotonic() - success.ms) / 1000,
      in_flight_since: isoOrNull(pending?.at),
      last_error: lastError,
      next_retry_at: isoOrNull(nextRetryAt),
      flood_until: isoOrNull(floodUntil),
      stopped,
      allowed_updates: allowedUpdates,
    }),
  };
}
export type Connection = ReturnType<typeof createConnection>;

const isTypes = (given: unknown): given is string[] =>
  Array.isArray(given) && given.every((type) => typeof type === "string");

export const isoOrNull = (atMs: number | undefined): string | null =>
  atMs === undefined ? null : new Date(atMs).toISOString();
