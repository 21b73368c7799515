import { reasonOf, type ApiReason } from "@gramwatch/otel";
import { splitMessage, type Html } from "../html.ts";
import type { Outbound } from "./outbound.ts";

/** Where an answer goes, and whose answer it is. */
export interface Address {
  chatId: number;
  threadId?: number | undefined;
  correlationId: string;
}

export interface SayDeps {
  /** One message of HTML, within Telegram's limit; rejects as grammY does. */
  send: (address: Address, text: string, signal?: AbortSignal) => Promise<unknown>;
  outbound: Outbound;
  worthKeeping: (reason: ApiReason) => boolean;
  /** A message was kept for later. */
  kept: () => void;
  now: () => number;
}

/**
 * Sends now or keeps for later, in order: behind a kept answer every further one to the chat is kept too. What `signal`
 * cuts short is kept only with `keepWhenCut`: the handling behind it is not replayed.
 * @throws what Telegram refuses for good, and what was cut short
 */
export function createSay({ send, outbound, worthKeeping, kept, now }: SayDeps) {
  return async (address: Address, message: Html, signal?: AbortSignal, keepWhenCut = false): Promise<void> => {
    for (const text of splitMessage(message)) {
      if (!outbound.hasReplies(address.chatId)) {
        try {
          await send(address, text, signal);
          continue;
        } catch (error) {
          const keep = signal?.aborted ? keepWhenCut : worthKeeping(reasonOf(error));
          if (!keep) throw error;
        }
      }
      outbound.put({ kind: "reply", ...address, text, dueAt: now() + 1000 });
      kept();
    }
  };
}
