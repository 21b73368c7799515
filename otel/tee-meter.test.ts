import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { createTeeMeter } from "./tee-meter.ts";

async function collect(connect: (provider: MeterProvider) => void): Promise<Record<string, unknown>> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  connect(provider);
  await provider.forceFlush();
  const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  await provider.shutdown();
  return Object.fromEntries(
    metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints.map(({ value }) => value)]),
  );
}

test("what is said before the real meter is there arrives with it, and what is said after as well", async () => {
  const tee = createTeeMeter();
  const meter = tee.provider.getMeter("sdk", "1");
  const counter = meter.createCounter("counter");
  const updown = meter.createUpDownCounter("updown");
  const gauge = meter.createGauge("gauge");
  const histogram = meter.createHistogram("histogram", { advice: { explicitBucketBoundaries: [] } });
  counter.add(2);
  updown.add(5);
  gauge.record(1);
  histogram.record(3);
  const kept = meter.createObservableGauge("kept");
  kept.addCallback((result) => result.observe(7));
  const removed = meter.createObservableCounter("removed");
  const callback = (): never => assert.fail("removed");
  removed.addCallback(callback);
  removed.removeCallback(callback);
  meter.createObservableUpDownCounter("observed").addCallback((result) => result.observe(8));
  meter.addBatchObservableCallback(() => {}, []);
  meter.removeBatchObservableCallback(() => {}, []);

  const found = await collect((provider) => {
    tee.connect(provider);
    counter.add(1);
    updown.add(-1);
    gauge.record(4);
  });
  const { histogram: recorded, ...numbers } = found;
  assert.deepEqual(numbers, { counter: [3], updown: [4], gauge: [4], kept: [7], observed: [8] });
  assert.equal((recorded as { sum: number }[])[0]?.sum, 3);
});

test("what full queues drop is counted at once, by signal", () => {
  const tee = createTeeMeter();
  const meter = tee.provider.getMeter("sdk");
  meter.createCounter("otel.sdk.processor.span.processed").add(3, { "error.type": "queue_full" });
  meter.createCounter("otel.sdk.processor.span.processed").add(9, { "error.type": "Error" });
  meter.createCounter("otel.sdk.processor.span.processed").add(9);
  meter.createCounter("otel.sdk.processor.log.processed").add(4, { "error.type": "queue_full" });
  meter.createCounter("something.else").add(9, { "error.type": "queue_full" });
  assert.deepEqual(tee.queueFull, { spans: 3, logs: 4 });
});
