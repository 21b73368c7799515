import { reasonOf, type ApiReason } from "@gramwatch/otel";
import type { Clock } from "../clock.ts";
import type { Outbound, QueuedMessage } from "./outbound.ts";

export interface DeliverDeps {
  outbound: Outbound;
  /** One attempt; rejects as grammY does. */
  send: (message: QueuedMessage, signal: AbortSignal) => Promise<unknown>;
  /** Trying again makes sense after this failure. */
  worthKeeping: (reason: ApiReason) => boolean;
  /** Given up: refused for good, or too old. */
  gaveUp: (message: QueuedMessage, reason: ApiReason, error: unknown) => void;
  /** The chat has another id from now on, and so have the messages to it. */
  chatMoved: (from: number, to: number) => void;
  storageFailed: (error: unknown) => void;
  clock: Clock;
  random: () => number;
}

/** A reply is worth sending late, but not the next day. */
export const REPLY_EXPIRES_MS = 24 * 3_600_000;
// A refused token is not hammered (the poll loop asks as often).
const REFUSED_MS = 15 * 60_000;
const LOOK_MS = 30_000;
const STORAGE_RETRY_MS = 5000;

/** Sends late messages when they are due, one after the other. */
export function createDelivery(deps: DeliverDeps) {
  const { outbound, clock, random } = deps;
  let interrupt = new AbortController();
  /** Done with, but still in the table: the disk refused to let it go. */
  let settled: number | undefined;

  function settle(message: QueuedMessage): void {
    settled = message.id;
    outbound.sent(message.id);
    settled = undefined;
  }

  async function deliver(message: QueuedMessage, signal: AbortSignal): Promise<void> {
    // On a full disk it would be sent again every few seconds.
    if (settled === message.id) return settle(message);
    try {
      await deps.send(message, signal);
    } catch (error) {
      if (signal.aborted) return;
      const movedTo = (error as { parameters?: { migrate_to_chat_id?: number } }).parameters?.migrate_to_chat_id;
      if (movedTo !== undefined) return deps.chatMoved(message.chatId, movedTo);
      const reason = reasonOf(error);
      const retryAt = clock.now() + (reason === "unauthorized" ? REFUSED_MS : waitMs(error, message.attempts));
      const tooLate = message.kind === "reply" && retryAt > message.createdAt + REPLY_EXPIRES_MS;
      if (deps.worthKeeping(reason) && !tooLate) return outbound.postpone(message, retryAt);
      deps.gaveUp(message, reason, error);
    }
    settle(message);
  }

  function waitMs(error: unknown, attempts: number): number {
    const asked = (error as { parameters?: { retry_after?: number } }).parameters?.retry_after;
    if (asked !== undefined) return (asked + 1) * 1000;
    return 1000 + Math.floor(random() * Math.min(300_000, 5000 * 2 ** attempts));
  }

  return {
    /** Something was put that may be due earlier. */
    wake: (): void => interrupt.abort(),

    /**
     * Settles when `signal` has aborted and what is being sent has arrived, or been given up because `drained` has
     * aborted, too. What is not sent stays for the next process.
     */
    async run(signal: AbortSignal, drained = signal): Promise<void> {
      while (!signal.aborted) {
        interrupt = new AbortController();
        try {
          const message = outbound.next();
          const pauseMs = message === undefined ? LOOK_MS : message.dueAt - clock.now();
          if (message !== undefined && pauseMs <= 0) await deliver(message, drained);
          // The wall clock may be set while we wait, and the machine may sleep.
          else await clock.wait(Math.min(pauseMs, LOOK_MS), AbortSignal.any([signal, interrupt.signal]));
        } catch (error) {
          deps.storageFailed(error);
          await clock.wait(STORAGE_RETRY_MS, signal);
        }
      }
    },
  };
}
