import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { tallyCounters } from "./tally-meter.ts";

async function collect(provide: (provider: MeterProvider) => void, use: (provider: MeterProvider) => void) {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  provide(provider);
  use(provider);
  await provider.forceFlush();
  const [resource] = exporter.getMetrics();
  await provider.shutdown();
  return (resource?.scopeMetrics ?? []).flatMap(({ scope, metrics }) =>
    metrics.map(({ descriptor, dataPoints, ...rest }) => ({
      scope: scope.name,
      name: descriptor.name,
      unit: descriptor.unit,
      description: descriptor.description,
      monotonic: "isMonotonic" in rest && rest.isMonotonic,
      points: dataPoints.map(({ attributes, value }) => ({ attributes, value })),
    })),
  );
}

test("what the tracers count of themselves is the same as without it, over all tracers", async () => {
  const use = (meterProvider: MeterProvider): void => {
    const tracers = new TracerProvider({ meterProvider });
    for (const name of ["ours", "undici"]) {
      const tracer = tracers.getTracer(name);
      tracer.startSpan("ended").end();
      tracer.startActiveSpan("open", () => tracer.startSpan("another").end());
    }
  };
  const tallied = await collect((provider) => tallyCounters(provider, "@opentelemetry/sdk-trace"), use);
  assert.deepEqual(tallied, await collect(() => {}, use));
  assert.deepEqual(
    tallied.map(({ name }) => name),
    ["otel.sdk.span.started", "otel.sdk.span.live"],
  );
});

test("every set of labels has its own sum, and other scopes are left alone", async () => {
  const metrics = await collect(
    (provider) => tallyCounters(provider, "tallied"),
    (provider) => {
      const tallied = provider.getMeter("tallied");
      const counter = tallied.createCounter("counter");
      counter.add(2, { a: "1", b: "2" });
      counter.add(3, { a: "1", b: "2" });
      counter.add(1, { a: "12", b: "" });
      counter.add(4);
      tallied.createHistogram("histogram").record(1);
      provider.getMeter("other").createCounter("counter").add(7);
    },
  );
  assert.deepEqual(
    Object.fromEntries(metrics.filter(({ name }) => name === "counter").map(({ scope, points }) => [scope, points])),
    {
      tallied: [
        { attributes: { a: "1", b: "2" }, value: 5 },
        { attributes: { a: "12", b: "" }, value: 1 },
        { attributes: {}, value: 4 },
      ],
      other: [{ attributes: {}, value: 7 }],
    },
  );
  assert.ok(metrics.some(({ name, scope }) => name === "histogram" && scope === "tallied"));
});
