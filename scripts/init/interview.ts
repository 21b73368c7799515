import { type Access, callBotApi } from "../bot-api.ts";
import type { Terminal } from "./terminal.ts";
import type { Answers } from "./write.ts";

interface Me {
  id: number;
  username: string;
}
interface Update {
  update_id: number;
  message?: {
    chat: { id: number; type: string; title?: string };
    from?: { id: number; first_name: string; is_bot: boolean };
    message_thread_id?: number;
    is_topic_message?: boolean;
  };
}

const POLL_SECONDS = 25;
const yes = (answer: string): boolean => answer === "" || /^y/i.test(answer);

/** Asks for what nobody can guess, and finds out the rest from a message to the bot. Runs before the bot does. */
export async function interview(terminal: Terminal, apiRoot: string): Promise<Omit<Answers, "TELEGRAM_API_ROOT">> {
  const bot = await askToken(terminal, apiRoot, "Token of the bot, from @BotFather: ");
  terminal.say("\nA second bot for the alerts is better: a revoked or flooded bot then cannot silence its own alarm.");
  const alerts = await askToken(terminal, apiRoot, "Token of the alert bot (Enter: the same bot): ", bot);
  const { chat, from, message_thread_id, is_topic_message } = await waitForMessage(terminal, alerts);
  const here = { chat_id: chat.id, ...(is_topic_message && { message_thread_id }) };
  const hello = await callBotApi(alerts, "sendMessage", { ...here, text: "Gramwatch will write its alerts here." });
  if (hello.kind !== "ok") {
    const why = hello.kind === "refused" ? hello.description : hello.why;
    terminal.say(`The alert bot could not answer there: ${why}. \`npm run doctor\` says more.`);
  }
  return {
    BOT_TOKEN: bot.token,
    ALERT_BOT_TOKEN: alerts.token === bot.token ? undefined : alerts.token,
    ALERT_CHAT_ID: String(chat.id),
    ALERT_THREAD_ID: is_topic_message ? String(message_thread_id) : undefined,
    BOT_ADMINS: String(from.id),
  };
}

type Checked = Access & { username: string };

async function askToken(terminal: Terminal, apiRoot: string, question: string, byDefault?: Checked): Promise<Checked> {
  for (;;) {
    const token = await terminal.ask(question, { secret: true });
    if (token === "" && byDefault !== undefined) return byDefault;
    if (!/^[1-9]\d*:[\w-]+$/.test(token)) {
      terminal.say("  That is not a token: it looks like 123456789:AAF…");
      continue;
    }
    const me = await callBotApi<Me>({ apiRoot, token }, "getMe");
    if (me.kind === "ok") {
      terminal.say(`  @${me.result.username}`);
      return { apiRoot, token, username: me.result.username };
    }
    terminal.say(me.kind === "refused" ? `  Telegram says: ${me.description}` : `  ${apiRoot}: ${me.why}`);
  }
}

type Message = NonNullable<Update["message"]>;

async function waitForMessage(
  terminal: Terminal,
  access: Checked,
): Promise<Message & { from: NonNullable<Message["from"]> }> {
  terminal.say(
    `\nWrite to @${access.username} now: open https://t.me/${access.username} and press Start.` +
      `\nFor alerts in a group, add the bot to it and write /start@${access.username} there. Waiting …`,
  );
  let offset: number | undefined;
  for (;;) {
    const parameters = { offset, timeout: POLL_SECONDS, allowed_updates: ["message", "callback_query"] };
    const updates = await callBotApi<Update[]>(access, "getUpdates", parameters, (POLL_SECONDS + 15) * 1000);
    if (updates.kind === "refused" && updates.code === 409) {
      await resolveConflict(terminal, access, updates.description);
      continue;
    }
    if (updates.kind !== "ok") {
      await terminal.ask(
        `  ${updates.kind === "refused" ? updates.description : updates.why}. Enter: try again. Ctrl-C: stop. `,
      );
      continue;
    }
    for (const { update_id, message } of updates.result) {
      offset = update_id + 1;
      if (message?.from === undefined || message.from.is_bot) continue;
      const place =
        message.chat.type === "private" ? "this private chat" : `"${message.chat.title ?? message.chat.id}"`;
      terminal.say(`  ${message.from.first_name} (${message.from.id}) wrote in ${place} (${message.chat.id}).`);
      const answer = await terminal.ask("Alerts go there, and this person is the admin [Y/n]: ");
      // The message stays unconfirmed: the bot answers it when it starts.
      if (yes(answer)) return { ...message, from: message.from };
    }
  }
}

async function resolveConflict(terminal: Terminal, access: Access, description: string): Promise<void> {
  if (/webhook is active/.test(description)) {
    const answer = await terminal.ask("  A webhook takes this bot's updates. Delete it [Y/n]: ");
    if (!yes(answer)) throw new Error("With a webhook the bot cannot poll; nothing is written");
    await callBotApi(access, "deleteWebhook");
    return;
  }
  await terminal.ask("  Another program polls with this token. End it, then press Enter. ");
}
