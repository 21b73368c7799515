import type { Channel, Message } from "./channel.ts";
import { createPost } from "./post.ts";
import { alertOf } from "./webhook.ts";

const HOLDS_MS = 5 * 60_000; // Alertmanager's own resolve_timeout; said again every minute

/** Alertmanager's API v2. It forgets what is not repeated to it, so what fires is posted again about every minute. */
export function createAlertmanagerChannel(baseUrl: string, wallMs: () => number): Channel {
  const { post, close } = createPost();
  const url = `${baseUrl}/api/v2/alerts`;
  const put = (messages: Message[], signal: AbortSignal) =>
    post(url, {
      body: JSON.stringify(messages.map(entryOf)),
      signal,
    });

  function entryOf(message: Message) {
    const { labels, annotations, ...rest } = alertOf(message);
    // Labels are an alert's identity there: with the cause among them a better one would be a second alert.
    const { cause, ...identity } = labels;
    return {
      ...rest,
      labels: identity,
      annotations: { ...annotations, ...(cause !== undefined && { cause }) },
      endsAt: endOf(message),
    };
  }

  /** An alert that is over ends where it ended; one that ends at once, as a test would, is told to nobody. */
  function endOf({ kind, endsWallMs }: Message): string {
    return new Date(kind === "test" ? wallMs() + HOLDS_MS : (endsWallMs ?? wallMs() + HOLDS_MS)).toISOString();
  }

  return {
    name: "alertmanager",
    dialect: "http",
    edits: false,
    digests: false,
    pace: { everyMs: 0, perMinute: Number.POSITIVE_INFINITY },
    send: (message, _, signal) => put([message], signal),
    async refresh(firing, signal) {
      if (firing.length > 0) await put(firing, signal);
    },
    close,
  };
}
