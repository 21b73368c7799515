import type { Update } from "grammy/types";

/** Updates with the same key are handled one after the other, in Telegram's order. */
export function chatKey(update: Update): string {
  const [type, body] = Object.entries(update).find(([key]) => key !== "update_id") ?? ["", {}];
  const { chat, message, from, user } = body as Partial<Record<string, { id?: number; chat?: { id: number } }>>;
  const id = chat?.id ?? message?.chat?.id ?? from?.id ?? user?.id;
  return id === undefined ? `${type}:${update.update_id}` : String(id);
}
