import { setTimeout as sleep } from "node:timers/promises";

/** The group that the stand-in keeps for alerts. */
const ALERTS = -100_200_300;

export interface Shown {
  message_id: number;
  text?: string;
  from?: { is_bot: boolean };
}

/** What the story can do and see, over the control API of fake-telegram and the sidecar's. Waits end with `signal`. */
export function createWorld(env: NodeJS.ProcessEnv, signal: AbortSignal) {
  const at = (name: string, fallback: number): string => `http://127.0.0.1:${env[name]?.trim() || fallback}`;
  const chat = at("FAKE_TELEGRAM_CONTROL_PORT", 8082);
  const console = at("CONSOLE_PORT", 8090);
  const bot = at("BOT_HTTP_PORT", 8080);

  async function json<T>(url: string, init: RequestInit = {}): Promise<T> {
    const response = await fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]) });
    if (!response.ok) throw new Error(`${url} answered ${response.status}`);
    return (await response.json()) as T;
  }
  const control = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    json(`${chat}${path}`, {
      method,
      ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
  const messages = (chatId: number, from: string): Promise<Shown[]> =>
    json(`${chat}/messages?chat=${chatId}&bot=${from}`);

  /** Asks until there is an answer; what is not there yet may be refused. Rejects after `withinMs`. */
  async function until<T>(what: string, look: () => Promise<T | undefined>, withinMs = 60_000): Promise<T> {
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline) {
      const seen = await look().catch(() => undefined);
      if (seen !== undefined) return seen;
      await sleep(100, undefined, { signal });
    }
    throw new Error(`Waited ${withinMs / 1000} s for ${what}`);
  }

  /** The bot's first words in the chat after the message `since`. */
  const answer = (chatId: number, since: number): Promise<string> =>
    until(
      `an answer in chat ${chatId}`,
      async () =>
        (await messages(chatId, "shop")).find((shown) => shown.from?.is_bot && shown.message_id > since)?.text,
    );

  return {
    chat,
    console,
    until,
    pause: (ms: number): Promise<void> => sleep(ms, undefined, { signal }),
    ready: () => json<{ status: string }>(`${bot}/readyz`).then(({ status }) => (status === "ok" ? true : undefined)),
    api: <T>(path: string): Promise<T> => json(`${console}${path}`),
    alerts: (): Promise<Shown[]> => messages(ALERTS, "alerts"),

    /** A person writes to the bot; resolves with what the bot answered, or undefined when `waiting` is false. */
    async says(person: { id: number; first_name: string }, text: string, waiting = true): Promise<string | undefined> {
      const { message_id } = await control<Shown>("POST", "/say", { text, user: person, bot: "shop" });
      return waiting ? answer(person.id, message_id) : undefined;
    },
    answer,
    lastMessage: async (chatId: number): Promise<number> => (await messages(chatId, "shop")).at(-1)?.message_id ?? 0,

    /** A dozen people who write now and then, for so many seconds; resolves at once. */
    traffic: (seconds: number) => {
      const texts = ["/list", "/ping", "/add water the plants", "/done 1", "thanks!", "/start"];
      return control("POST", "/load", { perSecond: 2, seconds, people: 12, texts });
    },
    /** Every call of the watched bot's token is reset; the bot that writes the alerts gets through. */
    breakTelegram: () => control("POST", "/faults", { bot: "shop", fault: { kind: "reset" } }),
    mendTelegram: () => control("DELETE", "/faults"),
  };
}

export type World = ReturnType<typeof createWorld>;
