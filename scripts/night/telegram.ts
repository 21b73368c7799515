import type { Call } from "../../fake-telegram/mod.ts";
import type { FaultRule } from "../../fake-telegram/mod.ts";

/** The group that the stand-in keeps for alerts. */
export const ALERTS = -100_200_300;

interface Shown {
  message_id: number;
  date: number;
  text?: string;
  from?: { is_bot: boolean };
}

/** fake-telegram as a process of its own, by its control API. */
export function createTelegram(url: string) {
  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}${path}`, {
      method,
      signal: AbortSignal.timeout(5000),
      ...(body !== undefined && { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as T & { error?: string };
    if (!response.ok) throw new Error(`fake-telegram: ${answer.error ?? response.status}`);
    return answer;
  }
  return {
    say: (text: string, user: number) => ask<Shown>("POST", "/say", { text, user, bot: "shop" }),
    voice: (content: string, user: number) =>
      ask<Shown>("POST", "/voice", { base64: Buffer.from(content).toString("base64"), user, bot: "shop" }),
    messages: (chat: number, bot: "shop" | "alerts") => ask<Shown[]>("GET", `/messages?chat=${chat}&bot=${bot}`),
    calls: (method: string) => ask<Call[]>("GET", `/calls?method=${method}`),
    /** The answer takes the fault away again. */
    async fault(rule: FaultRule): Promise<() => Promise<void>> {
      const { id } = await ask<{ id: number }>("POST", "/faults", rule);
      return () => ask<void>("DELETE", `/faults/${id}`);
    },
    tokens: async (): Promise<Record<string, string>> => {
      const { bots } = await ask<{ bots: { name: string; token: string }[] }>("GET", "/state");
      return Object.fromEntries(bots.map(({ name, token }) => [name, token]));
    },
    pending: async (): Promise<number> => {
      const { bots } = await ask<{ bots: { name: string; pending: number }[] }>("GET", "/state");
      return bots.find(({ name }) => name === "shop")?.pending ?? 0;
    },
  };
}
export type Telegram = ReturnType<typeof createTelegram>;
