/** Correlation ids: the trace id of an update's first trace, 32 hex digits, and what a user sees of it. */
import { randomBytes } from "node:crypto";

/** A new correlation id, drawn before anything else happens to the update. */
export const newCorrelationId = (): string => {
  const id = randomBytes(16).toString("hex");
  // The last 16 digits become a span id, and an id of zeros is invalid (W3C trace context).
  return id.endsWith("0000000000000000") ? newCorrelationId() : id;
};

/** The user's short reference: 8 digits, what `/trace` and the console search by. */
export const shortReference = (correlationId: string): string => correlationId.slice(0, 8);

/** The span id of the first `process` span, so that whoever knows the id can link to it without storing more. */
export const rootSpanId = (correlationId: string): string => correlationId.slice(16);
