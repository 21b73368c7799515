import type { ServerResponse } from "node:http";
import type { FakeTelegram } from "../fake-telegram.ts";
import type { Call } from "../journal.ts";

const batchMs = 100;
const maxBatch = 50;

/** Server-sent events: `calls`, a JSON array of the calls that changed, at most ten times a second. */
export function streamCalls(telegram: FakeTelegram, res: ServerResponse): void {
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  res.write(": hello\n\n");
  const changed = new Map<number, Call>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    timer = undefined;
    const calls = [...changed.values()].slice(-maxBatch);
    changed.clear();
    res.write(`event: calls\ndata: ${JSON.stringify(calls)}\n\n`);
  }
  const stop = telegram.onCall((call) => {
    changed.set(call.id, call);
    timer ??= setTimeout(flush, batchMs);
  });
  res.once("close", () => {
    stop();
    clearTimeout(timer);
  });
}
