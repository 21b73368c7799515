import type { UserFromGetMe } from "grammy/types";
import type { Meta } from "../storage/meta.ts";

/** The last answer of getMe, kept for the bot that it belongs to. */
export function createIdentity(meta: Meta, botId: number) {
  const key = `identity:${botId}`;
  return {
    load(): UserFromGetMe | undefined {
      const stored = meta.get(key);
      return stored === undefined ? undefined : (JSON.parse(stored) as UserFromGetMe);
    },
    save(me: UserFromGetMe): void {
      const text = JSON.stringify(me);
      if (meta.get(key) !== text) meta.set(key, text);
    },
  };
}

/** Digits before the colon. */
export const botIdOf = (token: string): number => Number(token.split(":", 1)[0]);
