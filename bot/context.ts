import type { Context } from "grammy";
import type { Html } from "./html.ts";

/** What every handler gets beside grammY's context. */
export interface Handling {
  /** 32 hex digits, the same over crash and replay; its first 8 digits are the user's reference. */
  correlationId: string;
  /** An earlier process began with this update and did not finish. */
  replayed: boolean;
  /** Aborts when the handling has taken too long or the process ends. */
  signal: AbortSignal;
  /**
   * Answers in the chat (and topic) of the update, in several messages if it must. What cannot be sent now is kept and
   * sent later, in order. @throws when Telegram refuses it for good
   */
  say: (message: Html) => Promise<void>;
}

export type BotContext = Context & Handling;
