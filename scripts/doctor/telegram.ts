import { type Access, type Answer, callBotApi } from "../bot-api.ts";
import { bad, type Finding, ok } from "./finding.ts";

const CLOCK_OFF_MS = 30_000;

interface Me {
  id: number;
  username: string;
}
interface Webhook {
  url: string;
}
interface Chat {
  id: number;
  title?: string;
  first_name?: string;
}

/** Whose token this is, and how far our clock is from Telegram's. `setting` is where the token came from. */
export async function checkToken(setting: string, access: Access, now: () => number): Promise<Finding[]> {
  const me = await callBotApi<Me>(access, "getMe");
  if (me.kind === "nobody") return [unreachable(access, me.why)];
  if (me.kind === "refused") return [bad(setting, `${me.code} ${me.description}`, remedyOf(me))];
  const findings = [ok(setting, `@${me.result.username} at ${access.apiRoot}`)];
  if (me.serverTimeMs === undefined) return findings;
  const offMs = now() - me.serverTimeMs;
  const off = `${Math.round(Math.abs(offMs) / 1000)} s ${offMs < 0 ? "behind" : "ahead of"} Telegram's`;
  findings.push(
    Math.abs(offMs) > CLOCK_OFF_MS
      ? bad("clock", off, "Turn on time synchronization on this machine, for example `timedatectl set-ntp true`.")
      : ok("clock", "agrees with Telegram's"),
  );
  return findings;
}

function remedyOf({ code }: Answer<unknown> & { kind: "refused" }): string {
  if (code === 401) return "Copy the token again from @BotFather, or ask there for a new one with /token.";
  if (code === 404) return "Is TELEGRAM_API_ROOT a Bot API server? It does not know getMe.";
  return "Try again in a minute.";
}

function unreachable({ apiRoot }: Access, why: string): Finding {
  const remedy = /^(CERT|UNABLE|ERR_TLS|SELF|DEPTH)/.test(why)
    ? "The certificate is not accepted: check TELEGRAM_API_ROOT, this machine's clock and its CA certificates."
    : "Check this machine's DNS and network, a firewall on the way, and TELEGRAM_API_ROOT.";
  return bad("telegram", `${apiRoot}: ${why}`, remedy);
}

/** A webhook and polling exclude each other. Never getUpdates here: it would end the running bot's poll. */
export async function checkWebhook(access: Access): Promise<Finding[]> {
  const webhook = await callBotApi<Webhook>(access, "getWebhookInfo");
  if (webhook.kind !== "ok") return []; // getMe has said why
  const { url } = webhook.result;
  if (url === "") return [ok("webhook", "none, as polling needs it")];
  return [
    bad(
      "webhook",
      `a webhook at ${URL.parse(url)?.host ?? "another address"} takes the updates that the bot polls for`,
      "End the program that sets it, then start the bot: it deletes the webhook when Telegram refuses its poll.",
    ),
  ];
}

/** Can the alert bot write there? Asking does not disturb anybody. */
export async function checkChat(access: Access, chatId: number): Promise<Finding> {
  const about = "ALERT_CHAT_ID";
  const chat = await callBotApi<Chat>(access, "getChat", { chat_id: chatId });
  if (chat.kind === "ok") return ok(about, `${chat.result.title ?? chat.result.first_name ?? ""} (${chat.result.id})`);
  if (chat.kind === "nobody") return unreachable(access, chat.why);
  if (chat.migratedTo !== undefined)
    return bad(about, "the group became a supergroup", `Set ALERT_CHAT_ID=${chat.migratedTo}.`);
  const remedy =
    chatId > 0
      ? "Open the alert bot in Telegram, press Start, then run the doctor again. The id must be yours: `npm run init` finds it."
      : "Add the alert bot to the group, then run the doctor again. `npm run init` finds the group's id.";
  return bad(about, `${chatId}: ${chat.description}`, remedy);
}
