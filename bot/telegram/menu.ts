import { createHash } from "node:crypto";
import type { Meta } from "../storage/meta.ts";

export interface MenuEntry {
  command: string;
  description: string;
}

/**
 * Shows the commands in the Telegram app, only when they differ from what Telegram was told last: bots that call
 * setMyCommands at every start lock themselves out with a crash loop (openclaw #32017).
 */
export async function updateMenu(
  entries: readonly MenuEntry[],
  meta: Meta,
  botId: number,
  setMyCommands: (entries: readonly MenuEntry[]) => Promise<unknown>,
): Promise<void> {
  const key = `menu:${botId}`;
  const hash = createHash("sha256").update(JSON.stringify(entries)).digest("hex");
  if (meta.get(key) === hash) return;
  await setMyCommands(entries);
  meta.set(key, hash);
}
