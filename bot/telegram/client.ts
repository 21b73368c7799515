import { Bot } from "grammy";
import type { UserFromGetMe } from "grammy/types";
import { observeApi, type BotHealthState, type Telemetry, type Transport } from "@gramwatch/otel";
import type { BotContext } from "../context.ts";
import type { Clock } from "../clock.ts";
import type { PollingApi } from "./polling.ts";
import { createRetrying } from "./retrying.ts";

const POLL_SECONDS = 30;
const DELETE_WEBHOOK_MS = 15_000;

// Sent with every poll: left out, the server keeps an old list and whole kinds of updates never come (grammyjs website #990).
export const ALLOWED_UPDATES = ["message", "callback_query"] as const;

export interface ClientDeps {
  transport: Transport;
  telemetry: Telemetry;
  health: BotHealthState;
  clock: Clock;
  random: () => number;
}

/** grammY over our transport: the `Bot` never holds the token, and every attempt of every call is seen. */
export function createClient({ transport, telemetry, health, clock, random }: ClientDeps): Bot<BotContext> {
  const { apiRoot } = transport;
  const bot = new Bot<BotContext>(transport.token, {
    client: { apiRoot, fetch: transport.fetch },
  });
  bot.api.config.use(
    observeApi({ telemetry, health, apiRoot }),
    createRetrying({
      clock,
      random,
      retried: (method, reason) => health.api.retried(method, reason),
    }),
  );
  return bot;
}

/** What the poll loop calls. */
export const pollingApi = (bot: Bot<BotContext>): PollingApi => ({
  getMe: (signal): Promise<UserFromGetMe> => bot.api.getMe(signal as never),
  getUpdates: (offset, long, signal) =>
    bot.api.getUpdates(
      { offset, limit: 100, timeout: long ? POLL_SECONDS : 0, allowed_updates: ALLOWED_UPDATES },
      signal as never,
    ),
  deleteWebhook: (signal) =>
    bot.api.deleteWebhook({}, AbortSignal.any([signal, AbortSignal.timeout(DELETE_WEBHOOK_MS)]) as never),
});
