import { setTimeout as sleep } from "node:timers/promises";
import { startTelemetry } from "../otel/mod.ts";
import { telemetrySink } from "./process.ts";

export interface Body {
  path: string;
  body: Buffer;
}

/**
 * OTLP/protobuf bodies as the real SDK sends them: `count` updates, each with a span for itself, one for a query and one
 * for the answer, and a log line; every fiftieth fails. Bodies of metrics are left out.
 */
export async function recorded(count: number): Promise<{ bodies: Body[]; traceIds: string[]; spans: number }> {
  const bodies: Body[] = [];
  const sink = await telemetrySink(({ url = "" }, body) => {
    if (!url.endsWith("/v1/metrics")) bodies.push({ path: url, body });
  });
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: "1.0.0",
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      OTEL_BSP_MAX_QUEUE_SIZE: "65536",
      OTEL_BLRP_MAX_QUEUE_SIZE: "65536",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "512",
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_BLRP_SCHEDULE_DELAY: "50",
    },
  });
  const { tracer, logger } = telemetry;
  const traceIds: string[] = [];
  const [consumer, client, failed] = [4, 2, 2]; // SpanKind and SpanStatusCode of @opentelemetry/api
  for (let update = 0; update < count; update++) {
    const fails = update % 50 === 49;
    const about = { "telegram.chat.type": "private", "telegram.handler": fails ? "boom" : "add" };
    const attributes = { "messaging.system.name": "telegram", "telegram.update.id": 884_000_000 + update, ...about };
    tracer.startActiveSpan("process message", { kind: consumer, attributes }, (root) => {
      const query = { "db.system.name": "sqlite", "db.operation.name": "INSERT", "db.collection.name": "tasks" };
      tracer.startSpan("INSERT tasks", { kind: client, attributes: query }).end();
      const call = { "rpc.system.name": "telegram", "rpc.method": "sendMessage", "rpc.status_code": "200" };
      tracer.startSpan("sendMessage", { kind: client, attributes: call }).end();
      if (fails) root.setAttribute("error.type", "handler").setStatus({ code: failed });
      logger.emit({
        body: fails ? "update failed" : "update handled",
        severityNumber: fails ? 17 : 9,
        attributes: { ...about, duration_ms: 4.2, ...(fails && exception(update % 7)) },
      });
      root.end();
      traceIds.push(root.spanContext().traceId);
    });
    if (update % 250 !== 249) continue;
    do await sleep(2);
    // No faster than the SDK sends: what does not fit into its queue is dropped.
    while (bodies.length < (update * 4) / 512 - 8);
  }
  await telemetry.shutdown(20_000);
  sink.close();
  const { dropped } = telemetry.health();
  if (dropped.spans + dropped.logs > 0) throw new Error("the SDK dropped what was to be recorded");
  return { bodies, traceIds, spans: count * 3 };
}

const exception = (kind: number) => ({
  "exception.type": "Error",
  "exception.message": `boom ${kind}`,
  "exception.stacktrace": `Error: boom ${kind}\n    at run (bot/handlers/boom.ts:${10 + kind}:11)`,
});
