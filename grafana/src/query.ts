import { foreignMetrics, metrics } from "@gramwatch/otel/names.ts";
import type { MetricKey } from "@gramwatch/otel/names.ts";
import { promName } from "@gramwatch/otel/prom-name.ts";

type ForeignName = (typeof foreignMetrics)[number]["name"];

/** What Prometheus calls our metrics: `P.errors` is `telegram_bot_errors_total`. */
export const P = Object.fromEntries(Object.entries(metrics).map(([key, metric]) => [key, promName(metric)])) as Record<
  MetricKey,
  string
>;
/** The same for the metrics of the SDK's instrumentations, by their OpenTelemetry name. */
export const F = Object.fromEntries(foreignMetrics.map((metric) => [metric.name, promName(metric)])) as Record<
  ForeignName,
  string
>;

/** The chosen services, environments and instances. Never `job`: OTLP receivers disagree about it. */
export const SERVICE =
  'service_name=~"$service", deployment_environment_name=~"$env", service_instance_id=~"$instance"';
/** The sidecar's `target` is what is watched: a bot goes by its service name there. */
export const TARGET = 'target=~"$service"';
/** Logs: Loki refuses a selector whose matchers all accept the empty string, hence only the service. */
export const LOGS = '{service_name=~"$service"}';
/** Appends to each line what tells it from its neighbours. */
export const READABLE =
  "| line_format `{{__line__}}" +
  ["telegram_handler", "rpc_method", "rule", "target", "reason", "error_type", "exception_message"]
    .map((field) => `{{with .${field}}} · {{.}}{{end}}`)
    .join("") +
  "`";

/** A selector: `at(P.errors, 'reason="poll"')`; scope is `SERVICE` unless given. */
export const at = (name: string, matchers = "", scope = SERVICE): string => {
  const all = [scope, matchers].filter(Boolean).join(", ");
  return all === "" ? name : `${name}{${all}}`;
};

/** Per second over the interval that Grafana chooses for the width of the panel. */
export const rate = (selector: string, range = "$__rate_interval"): string => `rate(${selector}[${range}])`;

/**
 * A gauge of processes that still send. What ended without a word stays in Prometheus for five minutes, beside the process
 * that came after it. Two minutes, however wide the time range: data older than that are old ("Data age"), and who exports
 * once a minute is not missed every other time.
 */
export const living = (selector: string): string => `last_over_time(${selector}[2m])`;

/** A number that someone reads: increase() extrapolates, so ten errors would read 10.17. */
export const increased = (selector: string, range = "$__range"): string =>
  `sum(round(increase(${selector}[${range}])))`;

/**
 * What a counter without zeros counted: a histogram has no series before its first event, and increase() does not see that
 * one. No series is ever reset, since a process that starts anew has an instance of its own. A day bridges gaps.
 */
export const counted = (selector: string, range = "$__range"): string => {
  const now = `last_over_time(${selector}[${range}])`;
  return `sum(${now} - (last_over_time(${selector}[1d] offset ${range}) or 0 * ${now}))`;
};

/**
 * A quantile of a classic histogram: `quantile(0.95, at(bucket(P.lag)), ["rpc_method"])`. Without traffic it is NaN, which
 * `>= 0` drops: a legend would show it as the panel's text for no data.
 */
export const quantile = (q: number, buckets: string, by: string[] = [], range = "$__rate_interval"): string =>
  `histogram_quantile(${q}, sum by (${["le", ...by].join(", ")}) (${rate(buckets, range)})) >= 0`;

export const bucket = (name: string): string => `${name}_bucket`;
export const count = (name: string): string => `${name}_count`;

/** Share of failed ones, 0 without any; absent `error_type` means success. */
export const errorRatio = (name: string, by: string[] = [], range = "$__rate_interval"): string => {
  const sum = by.length === 0 ? "sum" : `sum by (${by.join(", ")})`;
  const all = `${sum} (${rate(at(count(name)), range)})`;
  const failed = `${sum} (${rate(at(count(name), 'error_type!=""'), range)})`;
  return by.length === 0
    ? `(${failed} or vector(0)) / clamp_min(${all}, 1e-9)`
    : `(${failed} or 0 * ${all}) / clamp_min(${all}, 1e-9)`;
};
