import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { IMetricReader, MetricData, ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import type { Metric } from "./names.ts";
import { promName } from "./prom-name.ts";

export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const RESOURCE_LABELS = /^(service\.(name|namespace|instance\.id|version)|deployment\.environment\.name)$/;

/**
 * The text of `/metrics`. The package's serializer appends no unit (open-telemetry/opentelemetry-js#5830), so each
 * metric is renamed to what Prometheus calls the same metric when it comes by OTLP: one name on both paths.
 */
export async function renderMetrics(reader: Pick<IMetricReader, "collect">): Promise<string> {
  const { resourceMetrics } = await reader.collect();
  const renamed: ResourceMetrics = {
    resource: resourceMetrics.resource,
    scopeMetrics: resourceMetrics.scopeMetrics.map(({ scope, metrics }) => ({ scope, metrics: metrics.map(rename) })),
  };
  const serializer = new PrometheusSerializer("", false, RESOURCE_LABELS, false, true);
  return `${serializer.serialize(renamed).trimEnd()}\n`;
}

function rename(metric: MetricData): MetricData {
  const { name, unit } = metric.descriptor;
  return {
    ...metric,
    descriptor: { ...metric.descriptor, name: promName({ name, unit, kind: kindOf(metric) }), unit: "" },
  };
}

function kindOf(metric: MetricData): Metric["kind"] {
  if (metric.dataPointType === DataPointType.GAUGE) return "gauge";
  if (metric.dataPointType === DataPointType.SUM) return metric.isMonotonic ? "counter" : "updown";
  return "histogram";
}
