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
      body: JSON.stringify(messages.map((message) => ({ ...alertOf(message), endsAt: endOf(message) }))),
      signal,
    });

  function endOf(message: Message): string {
    // A test ends by itself; an alert that is over ends where it ended.
    return new Date(message.endsWallMs ?? wallMs() + HOLDS_MS).toISOString();
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
