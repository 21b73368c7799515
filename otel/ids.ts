import type { IdGenerator } from "@opentelemetry/sdk-trace";
import { RandomIdGenerator } from "@opentelemetry/sdk-trace";
import { rootSpanId } from "./reference.ts";

/** Random ids, except for the one root span whose ids are given by its correlation id. */
export function createIdGenerator(random: IdGenerator = new RandomIdGenerator()) {
  let preset: string | undefined;
  return {
    generator: {
      // SDK 3 asks for the span id before the trace id, so the preset is consumed by the second question.
      generateSpanId: () => (preset === undefined ? random.generateSpanId() : rootSpanId(preset)),
      generateTraceId: () => {
        const traceId = preset ?? random.generateTraceId();
        preset = undefined;
        return traceId;
      },
    } satisfies IdGenerator,
    /** Runs `start`, whose first root span gets this correlation id as trace id and its last 16 digits as span id. */
    with<T>(correlationId: string, start: () => T): T {
      preset = correlationId;
      try {
        return start();
      } finally {
        // Where tracing is suppressed the generator is never asked; the preset must not reach the next span.
        preset = undefined;
      }
    },
  };
}
export type Ids = ReturnType<typeof createIdGenerator>;
