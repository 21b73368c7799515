import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FakeTelegram } from "../../fake-telegram/mod.ts";

export { freePorts } from "../product/product.ts";

export const API_TOKEN = "a-token-for-the-console-of-the-tests";

/** Secret files as `init` writes them: readable by the containers' user, in a directory that others cannot enter. */
export function writeSecrets(telegram: FakeTelegram): {
  dir: string;
  names: string[];
  values: string[];
  remove(): void;
} {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-secrets-"));
  const secrets: Record<string, string> = {
    bot_token: telegram.bot("shop").token,
    alert_bot_token: telegram.bot("alerts").token,
    api_token: API_TOKEN,
    grafana_password: "a-password-of-the-tests",
  };
  for (const [name, value] of Object.entries(secrets)) {
    writeFileSync(join(dir, name), value);
    chmodSync(join(dir, name), 0o444);
  }
  return {
    dir,
    names: Object.keys(secrets),
    values: Object.values(secrets).map((value) => value.split(":").at(-1) ?? value),
    remove: () => rmSync(dir, { recursive: true }),
  };
}

/** Resolves with the first answer that `look` finds; rejects with the last error, or its last nothing, after `withinMs`. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, withinMs = 30_000): Promise<T> {
  const end = performance.now() + withinMs;
  let last: unknown = "nothing";
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`${what} did not come within ${withinMs} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** A person writes `text`; resolves when the bot's answer has reached the chat. */
export async function story(telegram: FakeTelegram, text = "/start"): Promise<string> {
  const skip = telegram.calls().filter(({ method, bot }) => method === "sendMessage" && bot === "shop").length;
  telegram.say(text, { bot: "shop" });
  const call = await telegram.called("sendMessage", { bot: "shop", skip, timeoutMs: 20_000 });
  return String(call.params["text"]);
}

/** The longest time since `sinceMs` during which nobody polled with the bot's token: what a restart costs. */
export function deafMs(telegram: FakeTelegram, sinceMs: number): number {
  const polls = telegram
    .calls()
    .filter(
      ({ method, bot, atMs, durationMs = 0 }) =>
        /^getUpdates$/i.test(method) && bot === "shop" && atMs + durationMs >= sinceMs,
    )
    .map(({ atMs, durationMs = 0 }) => ({ from: atMs, to: atMs + durationMs }));
  return Math.max(0, ...polls.slice(1).map(({ from }, before) => from - (polls[before]?.to ?? from)));
}
