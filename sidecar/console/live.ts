import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import type { Store } from "../store/store.ts";

const MAX_STREAMS = 32;
const BEAT_MS = 1_000;
const IDLE_BEATS = 15;

/**
 * `/events`: says "changed" at most once a second when something was written, and every 15 seconds in any case: an alert
 * does not wait for a store that cannot write. Pages then fetch themselves again. What changed is not said: the page
 * knows what it shows.
 */
export function createLive(store: Pick<Store, "onChange">, beatMs = BEAT_MS): (c: Context) => Response {
  let streams = 0;
  return function live(c) {
    // Hono answers HEAD with what GET gave and never reads its body: such a stream would not end.
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    if (streams >= MAX_STREAMS) return c.text("too many open pages", 503, { "retry-after": "10" });
    return streamSSE(c, async (stream) => {
      streams += 1;
      let changed = false;
      const stop = store.onChange(() => {
        changed = true;
      });
      try {
        await stream.writeSSE({ event: "hello", data: "", retry: 2000 });
        for (let beat = 1; !stream.aborted; beat += 1) {
          await stream.sleep(beatMs);
          if (changed || beat % IDLE_BEATS === 0) await stream.writeSSE({ event: "changed", data: "" });
          changed = false;
        }
      } finally {
        stop();
        streams -= 1;
      }
    });
  };
}
