import { reasonOf, reasonOfCode, type ApiReason } from "@gramwatch/otel";
import type { Transformer } from "grammy";
import type { Clock } from "../clock.ts";
import { nextAttempt, PATIENCE_MS } from "./resend.ts";

export interface RetryDeps {
  clock: Clock;
  random: () => number;
  /** Each attempt that follows a failed one, and what Telegram made us wait (0 when it asked for nothing). */
  retried(method: string, reason: ApiReason, retryAfterSeconds: number): void;
}

// The poll loop has its own policy.
const NOT_OURS: ReadonlySet<string> = new Set(["getUpdates", "getMe"]);
const MAX_CHATS = 10_000;
const never = new AbortController().signal;

/**
 * grammY transformer for everything but polling: repeats what may succeed, within a few seconds. After a 429 no call goes
 * to that chat before its time; others go on (the limits are per chat, and to throttle ahead is advised against).
 */
export function createRetrying({ clock, random, retried }: RetryDeps): Transformer {
  const floodUntilMs = new Map<string, number>();

  return async (prev, method, payload, signal) => {
    if (NOT_OURS.has(method)) return prev(method, payload, signal);
    const stop = (signal as unknown as AbortSignal | undefined) ?? never;
    const gate = String((payload as { chat_id?: unknown }).chat_id ?? method);

    for (let attempt = 1; ; attempt++) {
      const closedMs = (floodUntilMs.get(gate) ?? 0) - clock.monotonicMs();
      if (closedMs > PATIENCE_MS) return flooded(closedMs);
      if (closedMs > 0) await clock.wait(closedMs, stop);

      let failure: { reason: ApiReason; retryAfterSeconds?: number | undefined };
      let settle: () => ReturnType<typeof prev>;
      try {
        const answer = await prev(method, payload, signal);
        if (answer.ok) {
          floodUntilMs.delete(gate);
          return answer;
        }
        failure = { reason: reasonOfCode(answer.error_code), retryAfterSeconds: answer.parameters?.retry_after };
        settle = async () => answer as never;
      } catch (error) {
        failure = { reason: reasonOf(error) };
        settle = () => Promise.reject(error);
      }

      const waitMs = nextAttempt({ ...failure, attempt }, random);
      if (failure.reason === "flood" && waitMs !== undefined) {
        if (floodUntilMs.size >= MAX_CHATS) floodUntilMs.delete(floodUntilMs.keys().next().value ?? "");
        floodUntilMs.set(gate, clock.monotonicMs() + waitMs);
      }
      if (waitMs === undefined || waitMs > PATIENCE_MS || stop.aborted) return settle() as never;
      retried(method, failure.reason, failure.retryAfterSeconds ?? 0);
      await clock.wait(waitMs, stop);
      if (stop.aborted) return settle() as never;
    }
  };
}

/** What Telegram would answer, without asking it. */
function flooded(closedMs: number): never {
  const seconds = Math.ceil(closedMs / 1000);
  return {
    ok: false,
    error_code: 429,
    description: `Too Many Requests: retry after ${seconds}`,
    parameters: { retry_after: seconds },
  } as never;
}
