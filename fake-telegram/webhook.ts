import type { WebhookInfo } from "@grammyjs/types";
import type { Bot } from "./bots.ts";
import type { Clock } from "./clock.ts";
import type { Params } from "./params.ts";
import { badRequest, flood } from "./refusals.ts";
import { structured } from "./structured.ts";

/** Deliveries are not served: with a webhook set the updates wait, and getUpdates is refused. */
export interface WebhookState {
  /** Empty: none. */
  url: string;
  /** Unix milliseconds from which the next setWebhook is served. */
  nextSetMs: number;
}

/** An answer of `true` with words beside it, in `description`. */
export class Described {
  readonly description: string;

  constructor(description: string) {
    this.description = description;
  }
}

/** Client::process_set_webhook_query; deleteWebhook is the same with an empty `url`. */
export function setWebhook(bot: Bot, params: Params, clock: Clock): Described {
  const url = params.text("url") ?? "";
  const now = clock.now();
  if (url) {
    if (now < bot.webhook.nextSetMs) throw flood(1);
    bot.webhook.nextSetMs = now + 1000;
    if (!url.startsWith("https://")) throw badRequest("bad webhook: An HTTPS URL must be provided for webhook");
  }
  bot.updates.setAllowed(structured(params, "allowed_updates"));
  const drop = params.flag("drop_pending_updates");
  const verb = url ? "set" : "deleted";
  if (url === bot.webhook.url && !drop) return new Described(`Webhook is already ${verb}`);
  if (url) bot.updates.endPoll("terminated by setWebhook request");
  if (drop) bot.updates.drop();
  bot.webhook.url = url;
  return new Described(`Webhook was ${verb}`);
}

export function webhookInfo(bot: Bot): WebhookInfo {
  const allowed = bot.updates.allowed();
  return {
    url: bot.webhook.url,
    has_custom_certificate: false,
    pending_update_count: bot.updates.pending(),
    ...(bot.webhook.url ? { max_connections: 40, ip_address: "127.0.0.1" } : {}),
    ...(allowed ? { allowed_updates: allowed } : {}),
  };
}
