import type { Histogram, Meter, ObservableResult } from "@opentelemetry/api";
import type { Metric } from "./names.ts";

/** Makes an observable instrument of `names.ts`; `read` is called at each collection of each reader. */
export function observeMetric(meter: Meter, metric: Metric, read: (result: ObservableResult) => void): void {
  const options = { unit: metric.unit, description: metric.description };
  const instrument =
    metric.kind === "counter"
      ? meter.createObservableCounter(metric.name, options)
      : metric.kind === "updown"
        ? meter.createObservableUpDownCounter(metric.name, options)
        : meter.createObservableGauge(metric.name, options);
  instrument.addCallback(read);
}

/** Makes a histogram of `names.ts`. */
export const createHistogram = (meter: Meter, metric: Metric): Histogram =>
  meter.createHistogram(metric.name, {
    unit: metric.unit,
    description: metric.description,
    ...(metric.buckets && { advice: { explicitBucketBoundaries: [...metric.buckets] } }),
  });
