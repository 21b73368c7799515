import type { Attributes, Span } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/**
 * Gives a span that has just started its attributes, an object of its own with keys of `names.ts` and values that are
 * known to be short. Handed to `startSpan` the SDK would copy and check each of them twice.
 */
export function describeSpan(span: Span, described: Attributes): void {
  const own = span as Span & { attributes?: ReadableSpan["attributes"] };
  // A sampler may have added some; a span that is not recorded has none.
  if (own.attributes && Object.keys(own.attributes).length === 0) own.attributes = described;
  else span.setAttributes(described);
}
