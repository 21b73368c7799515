import type { Logger } from "pino";
import type { Press } from "../state/records.ts";
import { createPost } from "./post.ts";

interface Options {
  apiRoot: string;
  /** The alert bot's own token: never one that another process polls with. */
  token: string;
  chatId: () => number;
  admins: number[];
  log: Pick<Logger, "info" | "warn">;
  act: (press: Press) => string;
  /** Waits, or less if `signal` aborts. */
  pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const HOUR_MS = 3_600_000;
const POLL_SECONDS = 30;
const DEADLINE_MS = (POLL_SECONDS + 15) * 1000;
const RETRY_MS = 5000;
const RETRY_CAP_MS = 15 * 60_000;

interface CallbackQuery {
  id: string;
  from: { id: number; username?: string; first_name: string };
  message?: { chat: { id: number } };
  data?: string;
}

/**
 * Receives the presses of alert buttons by polling the alert bot's own queue, `callback_query` only. Runs until
 * `signal`; a refused token is asked again every 15 minutes.
 */
export async function pollButtons(options: Options, signal: AbortSignal): Promise<void> {
  const { apiRoot, token, log, pause = pauseReally } = options;
  const { post, close } = createPost();
  const call = async (method: string, params: object, deadlineMs: number) => {
    const both = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    const answer = await post(`${apiRoot}/bot${token}/${method}`, { body: JSON.stringify(params), signal: both });
    return answer.answered ? { status: answer.status, body: parsed(answer.text) } : undefined;
  };
  let offset = 0;
  let failures = 0;
  while (!signal.aborted) {
    const params = { offset, timeout: POLL_SECONDS, allowed_updates: ["callback_query"] };
    const answer = await call("getUpdates", params, DEADLINE_MS);
    if (answer?.body?.ok !== true) {
      failures++;
      const refused = answer?.status === 401 || answer?.status === 404;
      if (failures === 1 && !signal.aborted) log.warn({ status: answer?.status }, "alert buttons cannot be read");
      const waitMs = refused ? RETRY_CAP_MS : RETRY_MS * 2 ** Math.min(failures - 1, 4);
      // A flood wait is of the token that the alerts need too: to ask within it makes it longer.
      const floodMs = 1000 * ((answer?.body?.parameters?.retry_after ?? -1) + 1);
      await pause(Math.max(Math.min(RETRY_CAP_MS, waitMs), floodMs), signal);
      continue;
    }
    failures = 0;
    for (const update of answer.body.result) {
      offset = update.update_id + 1;
      if (update.callback_query) await press(update.callback_query);
    }
  }
  await close();

  async function press(query: CallbackQuery): Promise<void> {
    const admitted = options.admins.includes(query.from.id) && query.message?.chat.id === options.chatId();
    const wanted = pressOf(query);
    if (!admitted) log.warn({ user_id: query.from.id }, "an alert button was pressed by somebody who may not");
    const text = !admitted ? "You may not do this." : wanted === undefined ? "Unknown button." : options.act(wanted);
    // Too late an answer is refused; the action counts all the same.
    await call("answerCallbackQuery", { callback_query_id: query.id, text }, 10_000);
  }
}

/** `a|K7F2|9fQ2`, `s1|…`, `s8|…`, `u|…`. */
function pressOf({ data, from }: CallbackQuery): Press | undefined {
  const [action = "", incident, nonce] = (data ?? "").split("|");
  const known = { a: ["ack", 0], s1: ["silence", HOUR_MS], s8: ["silence", 8 * HOUR_MS], u: ["undo", 0] } as const;
  if (!Object.hasOwn(known, action) || incident === undefined || nonce === undefined) return undefined;
  const [what, forMs] = known[action as keyof typeof known];
  const by = from.username === undefined ? from.first_name : `@${from.username}`;
  return { action: what, incident, nonce, forMs, by };
}

interface Updates {
  ok: boolean;
  result: { update_id: number; callback_query?: CallbackQuery }[];
  parameters?: { retry_after?: number };
}
function parsed(text: string): Updates | undefined {
  try {
    return JSON.parse(text) as Updates;
  } catch {
    return undefined;
  }
}

const pauseReally = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
