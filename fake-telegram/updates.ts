import type { Update } from "@grammyjs/types";
import type { Clock } from "./clock.ts";
import { conflict } from "./refusals.ts";

export type UpdateType = Exclude<keyof Update, "update_id">;

/** Every name that Client::get_update_type_name knows. */
const known: ReadonlySet<string> = new Set(
  Object.keys({
    message: true,
    edited_message: true,
    channel_post: true,
    edited_channel_post: true,
    business_connection: true,
    business_message: true,
    edited_business_message: true,
    deleted_business_messages: true,
    guest_message: true,
    stopped_message_generation: true,
    message_reaction: true,
    message_reaction_count: true,
    inline_query: true,
    chosen_inline_result: true,
    callback_query: true,
    shipping_query: true,
    pre_checkout_query: true,
    purchased_paid_media: true,
    poll: true,
    poll_answer: true,
    my_chat_member: true,
    chat_member: true,
    chat_join_request: true,
    chat_boost: true,
    removed_chat_boost: true,
    managed_bot: true,
    subscription: true,
  } satisfies Record<UpdateType, true>),
);
const onRequest = new Set(["chat_member", "message_reaction", "message_reaction_count"]);

export interface PollRequest {
  offset: number;
  limit: number;
  timeoutSeconds: number;
}

interface Waiting extends PollRequest {
  settle(updates: Update[]): void;
  fail(error: Error): void;
}

export interface UpdateQueueOptions {
  firstUpdateId?: number;
  /** The server's brakes on a tight loop: same offset soon again waits up to 3 s or gets one update. */
  pacing?: boolean;
}

/** One bot's updates: TQueue of the server, with Client::do_get_updates around it. */
export function createUpdateQueue(clock: Clock, options: UpdateQueueOptions = {}) {
  let queue: Update[] = [];
  let nextId = options.firstUpdateId ?? 1;
  let allowed: ReadonlySet<string> | undefined;
  let waiting: Waiting | undefined;
  let cancelTimeout: (() => void) | undefined;
  let cancelWake: (() => void) | undefined;
  let nextConflictMs = 0;
  let previous = { offset: 0, startMs: -Infinity };

  /** TQueue::get with forget_previous: what lies before `offset` is confirmed, hence forgotten. */
  function take(offset: number, limit: number): Update[] {
    // Further than 10 beyond the tail: "Specified from_id is in the future", and the server reads from the head.
    if (offset > 0 && offset <= nextId + 10) {
      let confirmed = 0;
      while (confirmed < queue.length && queue[confirmed]!.update_id < offset) confirmed++;
      if (confirmed > 0) queue = queue.slice(confirmed);
    }
    return queue.slice(0, limit);
  }

  function release(): Waiting | undefined {
    const poll = waiting;
    waiting = undefined;
    cancelTimeout?.();
    cancelWake?.();
    cancelTimeout = cancelWake = undefined;
    return poll;
  }

  function answerWaiting(): void {
    const poll = release();
    poll?.settle(take(poll.offset, poll.limit));
  }

  /** Client::fail_query_conflict: a second conflict within 3 s is held back 3 s. */
  function failWithConflict(poll: Pick<Waiting, "fail">, text: string): void {
    const now = clock.now();
    if (now >= nextConflictMs) {
      nextConflictMs = now + 3000;
      poll.fail(conflict(text));
    } else {
      clock.after(3000, () => poll.fail(conflict(text)));
    }
  }

  function endPollWithConflict(text: string): void {
    const poll = release();
    if (poll) failWithConflict(poll, text);
  }

  return {
    /** Creates an update unless the bot does not want its type; the setting counts now, not when it is fetched. */
    push<T extends UpdateType>(type: T, body: NonNullable<Update[T]>): number | undefined {
      if (allowed ? !allowed.has(type) : onRequest.has(type)) return undefined;
      const update = { update_id: nextId++, [type]: body } as unknown as Update;
      queue.push(update);
      if (waiting && !cancelWake) cancelWake = clock.after(1, answerWaiting);
      return update.update_id;
    },

    /** Rejects with a 409 `Refusal` when a newer poll or a webhook ends it, resolves with [] when `signal` aborts. */
    poll(request: PollRequest, signal: AbortSignal): Promise<Update[]> {
      const { offset } = request;
      let { limit, timeoutSeconds } = request;
      const startMs = clock.now();
      if (options.pacing && offset === previous.offset) {
        if (timeoutSeconds < 3 && startMs < previous.startMs + 3000) timeoutSeconds = 3;
        if (startMs < previous.startMs + 500) limit = 1;
      }
      previous = { offset, startMs };
      if (offset < 0) queue = queue.slice(offset);
      const updates = take(offset, limit);
      if (updates.length > 0 || timeoutSeconds === 0 || signal.aborted) return Promise.resolve(updates);
      // The older, waiting poll loses, and only because the newcomer has to wait: an overlapping deploy ends the old one.
      endPollWithConflict("terminated by other getUpdates request; make sure that only one bot instance is running");
      return new Promise((settle, fail) => {
        const poll: Waiting = { offset, limit, timeoutSeconds, settle, fail };
        waiting = poll;
        cancelTimeout = clock.after(timeoutSeconds * 1000, answerWaiting);
        signal.addEventListener(
          "abort",
          () => {
            if (waiting === poll) release();
            settle([]);
          },
          { once: true },
        );
      });
    },

    /** A refused poll, on the same brake as one that was displaced. */
    refusePoll(text: string): Promise<never> {
      return new Promise((_, fail) => failWithConflict({ fail }, text));
    },

    /** `conflictText`: 409 with it; without: the poll ends as if its time were up. */
    endPoll(conflictText?: string): void {
      if (conflictText === undefined) release()?.settle([]);
      else endPollWithConflict(conflictText);
    },

    /** Client::get_allowed_update_types: `names` as the caller sent it; what is not a list of texts keeps the setting. */
    setAllowed(names: unknown): void {
      if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) return;
      const wanted = names.map((name) => name.toLowerCase()).filter((name) => known.has(name));
      allowed = wanted.length > 0 ? new Set(wanted) : undefined;
    },

    /** undefined: the default, all but those that must be asked for. */
    allowed: () => (allowed ? ([...allowed] as UpdateType[]) : undefined),
    pending: () => queue.length,
    isPolled: () => waiting !== undefined,
    drop(): void {
      queue = [];
    },
  };
}

export type UpdateQueue = ReturnType<typeof createUpdateQueue>;
