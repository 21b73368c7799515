import { request } from "undici";
import { redact } from "@gramwatch/otel";

/** One dead-man's switch as `/api/status` and the console show it. */
export interface HeartbeatStatus {
  heartbeat: "main" | "delivery";
  lastSuccessWallMs: number | null;
  /** Seconds since the last accepted beat, or since the start when there was none. */
  ageSeconds: number;
  lastError: string | null;
}

/** Answers with the HTTP status; rejects when nobody answers. */
export type Post = (url: string, body: string, signal: AbortSignal) => Promise<number>;

interface Call {
  url: string;
  body: string;
}

interface Deps {
  mainUrl?: string;
  deliveryUrl?: string;
  /** Why the state is not on disk; empty: it is. */
  stateTroubles: () => string[];
  /** Why an alert would not arrive now; empty: it would; undefined: not known yet, so there is no beat. */
  deliveryTroubles: () => string[] | undefined;
  now: () => number;
  wall: () => number;
  post?: Post;
  /** Called when the outcome changes, not at every beat. */
  onChange?: (status: HeartbeatStatus) => void;
}

const INTERVAL_MS = 60_000;
const TIMEOUT_MS = 10_000;

const postOnce: Post = async (url, body, signal) => {
  const headers = { "content-type": "application/json" };
  const answer = await request(url, { method: "POST", body, headers, signal });
  await answer.body.dump();
  return answer.statusCode;
};

/**
 * The two heartbeats (Healthchecks URL scheme). `tick` is called by the evaluator after the state was written, never by
 * a timer of its own: a beat of `main` proves that evaluation runs and its state is on disk, one of `delivery` that an
 * alert would arrive. What does not hold goes to `<url>/fail` with the reasons as JSON. A beat is at most every 60 s,
 * never two at once, and nothing waits for it.
 */
export function createHeartbeats(deps: Deps) {
  const {
    mainUrl,
    deliveryUrl,
    stateTroubles,
    deliveryTroubles,
    now,
    wall,
    post = postOnce,
    onChange = () => {},
  } = deps;
  const switches = [
    ...(mainUrl === undefined ? [] : [createSwitch("main", () => callOf(mainUrl, stateTroubles()))]),
    ...(deliveryUrl === undefined ? [] : [createSwitch("delivery", () => callOf(deliveryUrl, deliveryTroubles()))]),
  ];

  function createSwitch(heartbeat: HeartbeatStatus["heartbeat"], call: () => Call | undefined) {
    const startedMs = now();
    let lastBeatMs = -Infinity;
    let lastSuccess: { atMs: number; wallMs: number } | undefined;
    let lastError: string | null = null;
    let inFlight: Promise<void> | undefined;
    const status = (): HeartbeatStatus => ({
      heartbeat,
      lastSuccessWallMs: lastSuccess?.wallMs ?? null,
      ageSeconds: (now() - (lastSuccess?.atMs ?? startedMs)) / 1000,
      lastError,
    });
    async function beat({ url, body }: Call): Promise<void> {
      const error = await sendBeat(post, url, body);
      if (error === null) lastSuccess = { atMs: now(), wallMs: wall() };
      const changed = error !== lastError;
      lastError = error;
      if (changed) onChange(status());
    }
    return {
      status,
      tick() {
        if (inFlight !== undefined || now() - lastBeatMs < INTERVAL_MS) return;
        const next = call();
        if (next === undefined) return;
        lastBeatMs = now();
        inFlight = beat(next).finally(() => (inFlight = undefined));
      },
      settled: () => inFlight ?? Promise.resolve(),
    };
  }

  return {
    tick() {
      for (const each of switches) each.tick();
    },
    status: () => switches.map((each) => each.status()),
    /** Resolves when no beat is on its way. */
    async settled() {
      await Promise.all(switches.map((each) => each.settled()));
    },
  };
}

function callOf(url: string, troubles: string[] | undefined): Call | undefined {
  if (troubles === undefined) return undefined;
  if (troubles.length === 0) return { url, body: "" };
  const failing = new URL(url);
  failing.pathname = `${failing.pathname.replace(/\/$/, "")}/fail`;
  return { url: failing.href, body: JSON.stringify({ reasons: troubles }) };
}

async function sendBeat(post: Post, url: string, body: string): Promise<string | null> {
  try {
    const status = await post(url, body, AbortSignal.timeout(TIMEOUT_MS));
    return status < 300 ? null : `answered HTTP ${status}`;
  } catch (error) {
    return redact((error as NodeJS.ErrnoException).code ?? (error as Error).name);
  }
}
