import type { WebhookInfo } from "@grammyjs/types";
import type { Bot } from "./bots.ts";
import type { Clock } from "./clock.ts";
import { parseUrl } from "./links.ts";
import type { Params } from "./params.ts";
import { badRequest, flood } from "./refusals.ts";
import { structured } from "./structured.ts";

/** An answer of `true` with words beside it, in `description`. */
export class Described {
  readonly description: string;

  constructor(description: string) {
    this.description = description;
  }
}

const ports = [80, 88, 443, 8443];

/** Client::do_set_webhook, then the checks of WebhookActor that need no network. */
function checkUrl(url: string, secretToken: string): void {
  let parsed: ReturnType<typeof parseUrl>;
  try {
    parsed = parseUrl(url, "https");
  } catch {
    throw badRequest("invalid webhook URL specified");
  }
  if (secretToken.length > 256) throw badRequest("secret token is too long");
  if (!/^[A-Za-z0-9_-]*$/.test(secretToken)) throw badRequest("secret token contains unallowed characters");
  if (parsed.protocol === "http") throw badRequest("bad webhook: An HTTPS URL must be provided for webhook");
  if (!ports.includes(parsed.port ?? 443)) {
    throw badRequest("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443");
  }
}

/** Client::process_set_webhook_query; deleteWebhook is the same without a `url`. */
export function setWebhook(bot: Bot, url: string, params: Params, clock: Clock): Described {
  const { webhook, updates } = bot;
  const now = clock.now();
  if (url) {
    if (now < webhook.nextSetMs) throw flood(1);
    webhook.nextSetMs = now + 1000;
    checkUrl(url, params.text("secret_token") ?? "");
  }
  updates.setAllowed(structured(params, "allowed_updates"));
  const drop = params.flag("drop_pending_updates");
  if (drop) updates.drop();
  if (url === webhook.url && (!url || !drop)) return new Described(`Webhook is already ${url ? "set" : "deleted"}`);
  if (url) updates.endPoll("terminated by setWebhook request");
  webhook.url = url;
  return new Described(`Webhook was ${url ? "set" : "deleted"}`);
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
