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

  return {
    begin(call: Pick<Call, "bot" | "method" | "params" | "headers">): Call {
      const entry: Call = { id: ++lastId, atMs: clock.now(), state: "open", ...call };
      calls.push(entry);
      if (calls.length > 2 * keptCalls) calls = calls.slice(-keptCalls);
      return entry;
    },

    change(call: Call, change: Partial<Pick<Call, "state" | "status" | "description" | "fault" | "durationMs">>): void {
      Object.assign(call, change);
      for (const listener of listeners) listener(call);
    },

    calls: (): Call[] => [...calls],
    clear(): void {
      calls = [];
    },

    /** The answer ends it. */
    subscribe(listener: (call: Call) => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /**
     * The first matching call since the start (or `reset`) that is no longer open: answered, broken, hung, gone, or a
     * poll that waits. Rejects after `timeoutMs` and lists what was called instead.
     */
    called(method: string, { skip = 0, bot, where, timeoutMs = 5_000 }: CalledOptions = {}): Promise<Call> {
      const find = (): Call | undefined =>
        calls.filter(
          (call) =>
            call.state !== "open" &&
            call.method.toLowerCase() === method.toLowerCase() &&
            (bot === undefined || call.bot === bot) &&
            (where === undefined || where(call)),
        )[skip];
      const already = find();
      if (already) return Promise.resolve(already);
      return new Promise((resolve, reject) => {
        const stop = this.subscribe(() => {
          const call = find();
          if (call) settle(() => resolve(call));
        });
        // A real timer even under a manual clock: this one guards the test, it is no part of the story.
        const timer = setTimeout(() => settle(() => reject(new Error(missing()))), timeoutMs);
        function settle(how: () => void): void {
          clearTimeout(timer);
          stop();
          how();
        }
        const missing = (): string =>
          `no ${method}${skip ? ` after ${skip} others` : ""} within ${timeoutMs} ms; calls: ${summary(calls)}`;
      });
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
