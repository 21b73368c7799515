import type { Transformer } from "grammy";
import type { CallResult } from "./api-calls.ts";
import { createApiCalls, thrownResult } from "./api-calls.ts";
import type { BotHealthState } from "./health.ts";
import { updateTypeOf } from "./middleware.ts";
import { reasonOfCode } from "./reason.ts";
import { aboutUpdate } from "./scope.ts";
import type { Telemetry } from "./start.ts";

export interface ApiOptions {
  telemetry: Telemetry;
  health: BotHealthState;
  /** Default `https://api.telegram.org`. */
  apiRoot?: string;
  /**
   * Derive the health of polling from the getUpdates calls seen here, and count the updates they bring: for bots whose
   * loop is not ours. A loop that calls `health.poll` itself leaves it out.
   */
  watchPolls?: boolean;
}

/** grammY transformer, to be installed first, so that retrying ones sit outside it: one CLIENT span per attempt. */
export function observeApi(options: ApiOptions): Transformer {
  const { health, watchPolls = false } = options;
  const calls = createApiCalls(options.telemetry, options.apiRoot ?? "https://api.telegram.org");

  return async function observeCall(prev, method, payload, signal) {
    const isPoll = method === "getUpdates";
    const started = calls.start();
    if (isPoll && watchPolls) health.poll.started();
    if (!isPoll) health.api.queued();
    try {
      const answer = await prev(method, payload, signal);
      const result: CallResult = answer.ok
        ? { status: 200 }
        : {
            status: answer.error_code,
            reason: reasonOfCode(answer.error_code),
            retryAfterSeconds: answer.parameters?.retry_after,
          };
      if (isPoll) polled(result, answer.ok ? (answer.result as object[]) : [], answer);
      else called(result, answer);
      if (answer.ok && method === "getMe") health.identify((answer.result as { username?: string }).username);
      return answer;
    } catch (error) {
      const result = thrownResult(error);
      // Whoever stops the loop aborts its poll: no trace, no error.
      const stopped = isPoll && signal?.aborted === true;
      if (stopped && watchPolls) health.poll.aborted();
      else if (isPoll) polled(result, [], error);
      else called(result, error);
      throw error;
    } finally {
      if (!isPoll) health.api.dequeued();
    }

    function called(result: CallResult, outcome: unknown): void {
      calls.ended(method, result, started);
      if (watchPolls) health.webhook.called(result.reason, outcome);
    }

    function polled(result: CallResult, updates: object[], outcome: unknown): void {
      const pollSpan = calls.polled(result, started, updates.length);
      for (const update of updates) {
        aboutUpdate(update, { polled: true, ...(pollSpan && { pollSpan }) });
        if (watchPolls) health.update.received(updateTypeOf(update));
      }
      if (!watchPolls) return;
      if (result.reason === undefined) return health.poll.returned();
      const waitMs = (result.retryAfterSeconds ?? 0) * 1000;
      health.poll.failed(outcome, waitMs > 0 ? { floodUntil: Date.now() + waitMs } : {});
    }
  };
}
