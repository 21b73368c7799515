import assert from "node:assert/strict";
import { test } from "node:test";
import { startTelemetry } from "@gramwatch/otel";
import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { createStore } from "../store/store.ts";
import { serveOtlp } from "./receiver.ts";

for (const compression of ["none", "gzip"]) {
  test(`what the real SDK exports (${compression}) is stored span by span, and its metrics are counted`, async (t) => {
    const store = createStore({ dir: undefined, maxAgeMs: 1e12, maxBytes: 1e9 });
    const receiver = await serveOtlp({ host: "127.0.0.1", port: 0, sink: store });
    t.after(async () => {
      await receiver.close();
      store.close();
    });
    const telemetry = startTelemetry({
      serviceName: "shopbot",
      serviceVersion: "1.0.0",
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
        OTEL_EXPORTER_OTLP_COMPRESSION: compression,
      },
    });
    const root = telemetry.tracer.startSpan("process message", {
      kind: SpanKind.CONSUMER,
      attributes: { "telegram.handler": "add", "telegram.update.id": 884_213_907 },
    });
    const within = trace.setSpan(context.active(), root);
    const call = telemetry.tracer.startSpan("sendMessage", { kind: SpanKind.CLIENT }, within);
    call.setStatus({ code: SpanStatusCode.ERROR }).end();
    telemetry.logger.emit({
      body: "update handled",
      severityNumber: 9,
      context: within,
      attributes: { outcome: "ok" },
    });
    root.end();
    await telemetry.shutdown(5000);

    const stored = store.traces.get(root.spanContext().traceId);
    assert.equal(stored?.spans[0]?.name, "process message");
    assert.equal(stored?.spans[0]?.attributes["telegram.update.id"], 884_213_907);
    assert.deepEqual(
      stored?.spans[0]?.children.map(({ name, kind, status }) => [name, kind, status]),
      [["sendMessage", "client", "error"]],
    );
    assert.deepEqual(
      stored?.logs.map(({ body, severity, span_id }) => [body, severity, span_id]),
      [["update handled", "INFO", root.spanContext().spanId]],
    );
    assert.equal(receiver.arrivals.last("metrics")["shopbot"]?.instance, telemetry.instanceId);
    assert.ok(receiver.arrivals.items().metrics.accepted > 0);
    assert.equal(receiver.arrivals.items().metrics.rejected, 0);
  });
}
