import { request } from "undici";
import { HandlingError } from "@gramwatch/otel";
import * as v from "valibot";

const Alert = v.object({
  id: v.string(),
  rule: v.string(),
  target: v.string(),
  severity: v.string(),
  state: v.string(),
  summary: v.string(),
  started_at: v.string(),
  acked_by: v.nullish(v.string()),
  silenced_until: v.nullish(v.string()),
});
const Alerts = v.object({ alerts: v.array(Alert) });

export interface Span {
  name: string;
  duration_ms: number;
  /** Reason of a failed span. */
  error: string | null;
  children: Span[];
}
const Span: v.GenericSchema<unknown, Span> = v.object({
  name: v.string(),
  duration_ms: v.number(),
  error: v.nullable(v.string()),
  children: v.array(v.lazy(() => Span)),
});
const Trace = v.object({
  trace_id: v.string(),
  started_at: v.string(),
  duration_ms: v.number(),
  error: v.nullable(v.string()),
  spans: v.array(Span),
  logs: v.array(v.object({ severity: v.string(), body: v.string(), attributes: v.record(v.string(), v.unknown()) })),
  others: v.optional(v.array(v.object({ trace_id: v.string() })), []),
});

export type Alert = v.InferOutput<typeof Alert>;
export type Trace = v.InferOutput<typeof Trace>;

/** What the sidecar said no with; its words are for the admin. */
export class SidecarRefusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "SidecarRefusal";
    this.status = status;
  }
}

export interface SidecarClient {
  alerts: (signal: AbortSignal) => Promise<Alert[]>;
  /** A trace by id or short reference. */
  trace: (reference: string, signal: AbortSignal) => Promise<Trace>;
  ack: (id: string, by: string, signal: AbortSignal) => Promise<void>;
  /** `time` as the contract writes durations: `1h`. */
  silence: (id: string, time: string, by: string, signal: AbortSignal) => Promise<void>;
  undo: (id: string, by: string, signal: AbortSignal) => Promise<void>;
}

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/**
 * The sidecar's API for the admin commands.
 * Every call rejects with SidecarRefusal (it said no), or with HandlingError `dependency` (it did not answer).
 */
export function createSidecarClient({
  url,
  token,
  timeoutMs = 10_000,
}: {
  url: string;
  token: string | undefined;
  timeoutMs?: number;
}): SidecarClient {
  async function call(method: "GET" | "POST", path: string, signal: AbortSignal, body?: object): Promise<unknown> {
    let answer: { statusCode: number; text: string };
    try {
      const response = await request(`${url}${path}`, {
        method,
        headers: {
          accept: "application/json",
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      if (Number(response.headers["content-length"] ?? 0) > MAX_ANSWER_BYTES) throw new Error("the answer is too long");
      answer = { statusCode: response.statusCode, text: await response.body.text() };
    } catch (error) {
      throw new HandlingError("dependency", "the sidecar did not answer", { cause: error });
    }
    const parsed = parseJson(answer.text);
    if (answer.statusCode >= 200 && answer.statusCode < 300) return parsed;
    const { error } = (parsed ?? {}) as { error?: { message?: string } };
    throw new SidecarRefusal(answer.statusCode, error?.message ?? `HTTP ${answer.statusCode}`);
  }

  const act = async (id: string, action: string, signal: AbortSignal, body: object): Promise<void> => {
    await call("POST", `/api/alerts/${encodeURIComponent(id)}/${action}`, signal, body);
  };

  return {
    alerts: async (signal) => understood(Alerts, await call("GET", "/api/alerts?state=firing", signal)).alerts,
    trace: async (reference, signal) =>
      understood(Trace, await call("GET", `/api/traces/${encodeURIComponent(reference)}`, signal)),
    ack: (id, by, signal) => act(id, "ack", signal, { by }),
    silence: (id, time, by, signal) => act(id, "silence", signal, { for: time, by }),
    undo: (id, by, signal) => act(id, "undo", signal, { by }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function understood<T>(schema: v.GenericSchema<unknown, T>, answer: unknown): T {
  const result = v.safeParse(schema, answer);
  if (result.success) return result.output;
  throw new HandlingError("dependency", "the sidecar's answer was not understood", {
    cause: new v.ValiError(result.issues),
  });
}
