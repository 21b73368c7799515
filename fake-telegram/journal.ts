import type { Clock } from "./clock.ts";

/** `waiting`: a long poll; `gone`: the client left first. */
export type CallState = "open" | "waiting" | "answered" | "broken" | "hung" | "gone";

/** One call as it came in, refused and broken ones included. */
export interface Call {
  readonly id: number;
  /** Unix milliseconds. */
  readonly atMs: number;
  /** Name of the bot; undefined: the token is nobody's. */
  readonly bot: string | undefined;
  readonly method: string;
  readonly params: Record<string, unknown>;
  readonly headers: Record<string, string | string[] | undefined>;
  state: CallState;
  /** HTTP status; undefined until answered. */
  status?: number;
  /** Telegram's words, where it refused. */
  description?: string;
  /** Kind of the fault that spoilt it. */
  fault?: string;
  /** Until the answer left. */
  durationMs?: number;
}

export interface CalledOptions {
  /** So many matching calls are passed over. */
  skip?: number;
  bot?: string;
  where?: (call: Call) => boolean;
  /** Default 5 s. */
  timeoutMs?: number;
}

const keptCalls = 5_000;

export function createJournal(clock: Clock) {
  let calls: Call[] = [];
  let lastId = 0;
  const listeners = new Set<(call: Call) => void>();

  function begin(call: Pick<Call, "bot" | "method" | "params" | "headers">): Call {
    const entry: Call = { id: ++lastId, atMs: clock.now(), state: "open", ...call };
    calls.push(entry);
    if (calls.length > 2 * keptCalls) calls = calls.slice(-keptCalls);
    return entry;
  }

  function change(call: Call, change: Partial<Omit<Call, "id" | "atMs">>): void {
    Object.assign(call, change);
    for (const listener of listeners) listener(call);
  }

  /** The answer ends it. */
  function subscribe(listener: (call: Call) => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * The first matching call since the start (or `reset`) that is no longer open: answered, broken, hung, gone, or a
   * poll that waits. Rejects after `timeoutMs` and lists what was called instead.
   */
  function called(method: string, { skip = 0, bot, where, timeoutMs = 5_000 }: CalledOptions = {}): Promise<Call> {
    const matches = (call: Call): boolean =>
      call.state !== "open" &&
      call.method.toLowerCase() === method.toLowerCase() &&
      (bot === undefined || call.bot === bot) &&
      (where === undefined || where(call));
    const already = calls.filter(matches)[skip];
    if (already) return Promise.resolve(already);
    return new Promise((resolve, reject) => {
      const stop = subscribe(() => {
        const call = calls.filter(matches)[skip];
        if (!call) return;
        settle();
        resolve(call);
      });
      // A real timer even under a manual clock: it guards the test and is no part of the story.
      const timer = setTimeout(() => {
        settle();
        const what = `${method}${skip ? ` after ${skip} others` : ""}`;
        reject(new Error(`no ${what} within ${timeoutMs} ms; calls: ${summary(calls)}`));
      }, timeoutMs);
      function settle(): void {
        clearTimeout(timer);
        stop();
      }
    });
  }

  return {
    begin,
    change,
    subscribe,
    called,
    calls: (): Call[] => [...calls],
    clear(): void {
      calls = [];
    },
  };
}

function summary(calls: readonly Call[]): string {
  const lines = calls.map(({ bot, method, state, status, fault }) =>
    [`${bot ?? "?"}.${method}`, state, status, fault].filter((part) => part !== undefined).join(" "),
  );
  return lines.slice(-20).join(", ") || "none";
}

export type Journal = ReturnType<typeof createJournal>;
