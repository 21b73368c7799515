import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import { attributes } from "./names.ts";
import { handlingReasonOf } from "./reason.ts";
import { linkTo, scopes } from "./scope.ts";
import type { Telemetry } from "./start.ts";

/**
 * Runs work that outlives the handling of its update (a transcription, a reply after a flood wait) as a trace of its
 * own, `job <name>`, linked to the update's first trace and with the same correlation id. Rejects as `work` does.
 */
export async function runJob<T>(
  telemetry: Telemetry,
  job: { name: string; correlationId: string },
  work: () => Promise<T>,
): Promise<T> {
  const { name, correlationId } = job;
  const span = telemetry.tracer.startSpan(
    `job ${name}`,
    {
      kind: SpanKind.CONSUMER,
      links: [linkTo(correlationId)],
      attributes: { [attributes.system]: "telegram", [attributes.correlationId]: correlationId },
    },
    ROOT_CONTEXT,
  );
  return context.with(trace.setSpan(ROOT_CONTEXT, span), () =>
    scopes.run({ correlationId }, async () => {
      try {
        return await work();
      } catch (error) {
        span.setAttribute(attributes.errorType, handlingReasonOf(error));
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    }),
  );
}
