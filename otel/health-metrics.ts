import type { Meter } from "@opentelemetry/api";
import type { Connection } from "./connection.ts";
import type { Counts } from "./counts.ts";
import { observeMetric } from "./instruments.ts";
import { attributes, errorReasons, metrics } from "./names.ts";

/** The observable instruments over the same state that `/health` reads: exact, and before any sampling. */
export function observeHealth(meter: Meter, connection: Connection, counts: Counts, inboxPending: () => number): void {
  const receive = { [attributes.system]: "telegram", [attributes.operationName]: "receive" };
  observeMetric(meter, metrics.consumed, (result) => {
    for (const [type, count] of counts.received) result.observe(count, { ...receive, [attributes.updateType]: type });
  });
  observeMetric(meter, metrics.errors, (result) => {
    for (const reason of errorReasons) result.observe(counts.errors[reason], { reason });
  });
  observeMetric(meter, metrics.lastPollSuccess, (result) => {
    const at = connection.polledAt();
    if (at !== undefined) result.observe(at / 1000);
  });
  observeMetric(meter, metrics.pollAge, (result) => {
    const ms = connection.pendingMs();
    if (ms !== undefined) result.observe(ms / 1000);
  });
  observeMetric(meter, metrics.connected, (result) => result.observe(connection.isConnected() ? 1 : 0));
  observeMetric(meter, metrics.inFlight, (result) => result.observe(counts.inFlight.size));
  observeMetric(meter, metrics.oldestAge, (result) => result.observe(counts.oldestSeconds() ?? 0));
  observeMetric(meter, metrics.inboxPending, (result) => result.observe(inboxPending()));
  observeMetric(meter, metrics.replayed, (result) => result.observe(counts.updates.replayed));
  observeMetric(meter, metrics.duplicates, (result) => result.observe(counts.updates.duplicates));
  observeMetric(meter, metrics.retries, (result) => {
    for (const { method, reason, count } of counts.retries.values()) {
      result.observe(count, { [attributes.rpcMethod]: method, [attributes.errorType]: reason });
    }
  });
  observeMetric(meter, metrics.retryAfter, (result) => {
    for (const [method, seconds] of counts.waitedSeconds) result.observe(seconds, { [attributes.rpcMethod]: method });
  });
  observeMetric(meter, metrics.queueDepth, (result) => result.observe(counts.calls.queued));
}
