import type { Chat } from "@grammyjs/types";
import type { Bot } from "./bots.ts";
import type { Clock } from "./clock.ts";
import { flood } from "./refusals.ts";

export interface SendLimits {
  /** Counts one message that this bot sent; throws the 429 that ends a burst. Each bot has limits of its own. */
  count(bot: Bot, chat: Chat): void;
}

/** The figures of Telegram's FAQ; the real ones are not published: 1/s per chat, 20/min per group, 30/s in all. */
export function createFaqLimits(clock: Clock): SendLimits {
  const sent = new Map<string, number[]>();

  function wait(key: string, max: number, windowMs: number): number {
    const since = clock.now() - windowMs;
    const times = (sent.get(key) ?? []).filter((atMs) => atMs > since);
    sent.set(key, times);
    return times.length < max ? 0 : Math.max(1, Math.ceil((times[times.length - max]! - since) / 1000));
  }

  return {
    count({ name }, chat) {
      const rules = [
        { key: `${name} chat ${chat.id}`, max: 1, windowMs: 1000 },
        ...(chat.type === "private" ? [] : [{ key: `${name} group ${chat.id}`, max: 20, windowMs: 60_000 }]),
        { key: `${name} all`, max: 30, windowMs: 1000 },
      ];
      const seconds = Math.max(...rules.map(({ key, max, windowMs }) => wait(key, max, windowMs)));
      if (seconds > 0) throw flood(seconds);
      for (const { key } of rules) sent.get(key)?.push(clock.now());
    },
  };
}
