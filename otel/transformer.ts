import type { Transformer } from "grammy";
import type { CallResult } from "./api-calls.ts";
import { createApiCalls, thrownResult } from "./api-calls.ts";
import type { BotHealthState } from "./health.ts";
import { methodName } from "./methods.ts";
import { updateTypeOf } from "./middleware.ts";
import { reasonOfCode } from "./reason.ts";
import { createSafely } from "./safely.ts";
import { aboutUpdate } from "./scope.ts";
import type { Telemetry } from "./start.ts";

export interface ApiOptions {
  telemetry: Telemetry;
  health: BotHealthState;
  /** Default `https://api.telegram.org`. */
  apiRoot?: string;
  /**
   * Derive the bot's health from the calls seen here, and count the updates that getUpdates brings: for bots whose
   * loop is not ours. A loop that calls `health.poll` itself leaves it out.
   */
  watchPolls?: boolean;
  /** Wall clock, Unix milliseconds. */
  now?: () => number;
}

interface Answer {
  ok: boolean;
  result?: unknown;
  error_code?: number;
  parameters?: { retry_after?: number };
}

/** grammY transformer, to be installed first, so that retrying ones sit outside it: one CLIENT span per attempt. */
export function observeApi(options: ApiOptions): Transformer {
  const { health, watchPolls = false, now = Date.now } = options;
  const calls = createApiCalls(options.telemetry, options.apiRoot ?? "https://api.telegram.org", now);
  const safely = createSafely("observing a Bot API call");

  return async function observeCall(prev, method, payload, signal) {
    const started = calls.start();
    const isPoll = method === "getUpdates";
    safely(() => health.api.called(methodName(method)));
    if (!isPoll) health.api.queued();
    else {
      health.asks((payload as { allowed_updates?: unknown } | undefined)?.allowed_updates);
      if (watchPolls) health.poll.started();
    }
    try {
      const answer = await prev(method, payload, signal);
      safely(() => (isPoll ? polled(resultOf(answer), answer) : called(resultOf(answer), answer)));
      return answer;
    } catch (error) {
      safely(() => {
        if (!isPoll) called(thrownResult(error), error);
        // Whoever stops the loop aborts its poll: no trace, no error.
        else if (signal?.aborted !== true) polled(thrownResult(error), error);
        else if (watchPolls) health.poll.aborted();
      });
      throw error;
    } finally {
      if (!isPoll) health.api.dequeued();
    }

    function countWait({ retryAfterSeconds }: CallResult): void {
      if (retryAfterSeconds !== undefined) health.api.held(methodName(method), retryAfterSeconds);
    }

    function called(result: CallResult, outcome: unknown): void {
      countWait(result);
      calls.ended(method, result, started);
      if (method === "getMe" && result.reason === undefined) health.identify(nameIn(outcome));
      if (!watchPolls) return;
      const hook = method === "setWebhook" && result.reason === undefined;
      if (hook && (payload as { url?: string } | undefined)?.url) health.webhook.on();
      health.webhook.called(result.reason, outcome);
    }

    function polled(result: CallResult, outcome: unknown): void {
      countWait(result);
      const updates = result.reason === undefined ? ((outcome as Answer).result as object[]) : [];
      const pollSpan = calls.polled(result, started, updates.length);
      for (const update of updates) {
        aboutUpdate(update, { polled: true, ...(pollSpan && { pollSpan }) });
        if (watchPolls) health.update.received(updateTypeOf(update));
      }
      if (!watchPolls) return;
      if (result.reason === undefined) return health.poll.returned();
      const waitMs = (result.retryAfterSeconds ?? 0) * 1000;
      health.poll.failed(outcome, waitMs > 0 ? { floodUntil: now() + waitMs } : {});
    }
  };
}

function resultOf(answer: Answer): CallResult {
  if (answer.ok) return { status: 200 };
  const code = answer.error_code ?? 0;
  return { status: code, reason: reasonOfCode(code), retryAfterSeconds: answer.parameters?.retry_after };
}

const nameIn = (answer: unknown): string | undefined => (answer as { result?: { username?: string } }).result?.username;
