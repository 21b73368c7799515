import type { Transformer } from "grammy";
import { reasonOf, reasonOfCode, type ApiReason } from "@gramwatch/otel";
import { bounded } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import { nextAttempt, PATIENCE_MS, type FailedCall } from "./resend.ts";

export interface RetryDeps {
  clock: Clock;
  random: () => number;
  /** A failed attempt will be followed by another. */
  retried: (method: string, reason: ApiReason) => void;
}

// The poll loop has a policy of its own.
const NOT_OURS: ReadonlySet<string> = new Set(["getUpdates", "getMe"]);
const never = new AbortController().signal;

/**
 * grammY transformer for all calls but those of the poll loop: repeats what may succeed, within a few seconds. After a 429
 * nothing goes to that chat before its time; others go on, because the limits are per chat.
 */
export function createRetrying({ clock, random, retried }: RetryDeps): Transformer {
  const closedUntilMs = bounded<string, number>(10_000);

  return async (prev, method, payload, signal) => {
    if (NOT_OURS.has(method)) return prev(method, payload, signal);
    const stop = (signal as unknown as AbortSignal | undefined) ?? never;
    const gate = String((payload as { chat_id?: number | string }).chat_id ?? method);

    for (let attempt = 1; ; attempt++) {
      const closedMs = (closedUntilMs.get(gate) ?? 0) - clock.monotonicMs();
      if (closedMs > PATIENCE_MS) return tooManyRequests(closedMs) as never;
      if (closedMs > 0) await clock.wait(closedMs, stop);

      let failed: Omit<FailedCall, "attempt">;
      let outcome: ReturnType<typeof prev>;
      try {
        const answer = await prev(method, payload, signal);
        if (answer.ok) return answer;
        failed = { reason: reasonOfCode(answer.error_code), retryAfterSeconds: answer.parameters?.retry_after };
        outcome = Promise.resolve(answer) as never;
      } catch (error) {
        failed = { reason: reasonOf(error) };
        outcome = Promise.reject(error);
        outcome.catch(() => {}); // given up or not, it is decided below
      }

      const waitMs = nextAttempt({ ...failed, attempt }, random);
      if (waitMs === undefined) return outcome as never;
      if (failed.reason === "flood") closedUntilMs.set(gate, clock.monotonicMs() + waitMs);
      if (waitMs > PATIENCE_MS) return outcome as never;
      retried(method, failed.reason);
      await clock.wait(waitMs, stop);
      if (stop.aborted) return outcome as never;
    }
  };
}

/** What Telegram would say if it were asked. */
function tooManyRequests(closedMs: number) {
  const seconds = Math.ceil(closedMs / 1000) - 1;
  return {
    ok: false,
    error_code: 429,
    description: `Too Many Requests: retry after ${seconds}`,
    parameters: { retry_after: seconds },
  };
}
