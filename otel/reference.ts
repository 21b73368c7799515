/** Correlation ids: the trace id of an update's first trace, 32 hex digits, and what a user sees of it. */
import { randomFillSync } from "node:crypto";

const pool = Buffer.alloc(16 * 256);
let used = pool.length;

/** A new correlation id, drawn before anything else happens to the update. */
export function newCorrelationId(): string {
  // One call into the system's randomness for 256 ids: it costs the same as for one.
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const id = pool.toString("hex", used, (used += 16));
  // The last 16 digits become a span id, and an id of zeros is invalid (W3C trace context).
  return id.endsWith("0000000000000000") ? newCorrelationId() : id;
}

/** The user's short reference: 8 digits, what `/trace` and the console search by. */
export const shortReference = (correlationId: string): string => correlationId.slice(0, 8);

/** The span id of the first `process` span, so that whoever knows the id can link to it without storing more. */
export const rootSpanId = (correlationId: string): string => correlationId.slice(16);
