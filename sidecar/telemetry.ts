import { attributes, events, type Log, type MetricKey, metrics, observeMetric } from "@gramwatch/otel";
import type { Attributes, Meter } from "@opentelemetry/api";
import type { Standing } from "./alerts/engine.ts";
import type { HeartbeatStatus } from "./heartbeat.ts";
import type { Arrivals, Signal } from "./otlp/arrivals.ts";
import type { PathPhases, Sample } from "./probes/probe.ts";
import type { Incident } from "./state/records.ts";

/** Where the sidecar's own metrics are read from at each collection: nothing is counted twice. */
export interface Readings {
  /** The newest sample of every probe. */
  samples(): Iterable<Sample>;
  standings(): Standing[];
  /** Delivery attempts and ended rows so far; every label set from the start. */
  notifications(): { channel: string; outcome: string; count: number }[];
  /** Messages that wait, by channel. */
  pending(): Record<string, number>;
  heartbeats(): HeartbeatStatus[];
  storeBytes(): number;
  arrivals: Pick<Arrivals, "items" | "last">;
}

type Point = [value: number, labels: Attributes];
const SIGNALS: Signal[] = ["traces", "metrics", "logs"];
const SEVERITIES = metrics.alertsFiring.labels.severity;
const KINDS = ["health", "telegram", "webhook", "control", "dependency"];

/** Registers every metric of the sidecar's own; names and labels as in the telemetry document. */
export function observeSidecar(meter: Meter, readings: Readings): void {
  const observe = (key: MetricKey, points: () => Iterable<Point>) => {
    observeMetric(meter, metrics[key], (result) => {
      for (const [value, labels] of points()) result.observe(value, labels);
    });
  };
  const perSample = (key: MetricKey, points: (sample: Sample) => Point[]) =>
    observe(key, () => [...readings.samples()].flatMap(points));

  perSample("probeSuccess", (sample) =>
    KINDS.includes(sample.kind)
      ? [[succeeded(sample) ? 1 : 0, { probe: sample.probe, kind: sample.kind, target: sample.target }]]
      : [],
  );
  perSample("probeDuration", durations);
  perSample("certExpiry", (sample) =>
    sample.kind === "telegram" && sample.certExpiresAtMs !== undefined
      ? [[sample.certExpiresAtMs / 1000, { probe: sample.probe, target: sample.target }]]
      : [],
  );
  perSample("pendingUpdates", (sample) =>
    sample.kind === "webhook" && sample.result.ok ? [[sample.result.pending, { target: sample.target }]] : [],
  );
  perSample("diskAvailable", (sample) => disk(sample, "availableBytes"));
  perSample("diskSize", (sample) => disk(sample, "sizeBytes"));
  // Both severities of each, else a warning that became critical would go on in Prometheus until its series is stale.
  observe("alertsFiring", () =>
    readings.standings().flatMap(({ rule, target, severity: now, state }) =>
      SEVERITIES.map((severity): Point => {
        const fires = severity === now && (state === "firing" || state === "recovering");
        return [fires ? 1 : 0, { rule, target, severity }];
      }),
    ),
  );
  observe("notifications", () =>
    readings.notifications().map(({ channel, outcome, count }): Point => [count, { channel, outcome }]),
  );
  observe("outboxPending", () =>
    Object.entries(readings.pending()).map(([channel, count]): Point => [count, { channel }]),
  );
  observe("heartbeatAge", () =>
    readings.heartbeats().map(({ heartbeat, ageSeconds }): Point => [ageSeconds, { heartbeat }]),
  );
  observe("storeSize", () => [[readings.storeBytes(), {}]]);
  observe("otlpItems", () => {
    const items = readings.arrivals.items();
    return SIGNALS.flatMap((signal): Point[] => [
      [items[signal].accepted, { signal, outcome: "accepted" }],
      [items[signal].rejected, { signal, outcome: "rejected" }],
    ]);
  });
  observe("otlpLastArrival", () =>
    SIGNALS.flatMap((signal) =>
      Object.entries(readings.arrivals.last(signal)).map(([target, { wallMs }]): Point => [
        wallMs / 1000,
        { target, signal },
      ]),
    ),
  );
}

/** Whether a look saw what it should; a bot that reports `fail` is still a successful look. */
export function succeeded(sample: Sample): boolean {
  switch (sample.kind) {
    case "telegram":
      return sample.paths.some((path) => path.failure === undefined) && sample.getMe?.ok !== false;
    case "control":
      return sample.failure === undefined;
    case "dependency":
      return sample.failure === undefined && (sample.status ?? 0) < 400;
    case "own":
      return sample.sqlite.ok;
    default:
      return sample.result.ok;
  }
}

const disk = (sample: Sample, field: "availableBytes" | "sizeBytes"): Point[] =>
  sample.kind === "disk" && sample.result.ok ? [[sample.result[field], { path: sample.target }]] : [];

function durations(sample: Sample): Point[] {
  const { probe, target } = sample;
  if (sample.kind === "telegram") return sample.paths.flatMap((path) => phasesOf(path, { probe, target }));
  if (sample.kind === "dependency") return [[sample.durationMs / 1000, { probe, target, phase: "total" }]];
  if (sample.kind === "health" && sample.result.ok) {
    return [[sample.result.durationMs / 1000, { probe, target, phase: "total" }]];
  }
  return [];
}

function phasesOf(path: PathPhases, labels: Attributes): Point[] {
  const { family, dnsMs, tcpMs, tlsMs, ttfbMs } = path;
  const network = { ...labels, [attributes.networkType]: family === 6 ? "ipv6" : "ipv4" };
  return Object.entries({ dns: dnsMs, tcp: tcpMs, tls: tlsMs, ttfb: ttfbMs }).flatMap(([phase, ms]): Point[] =>
    ms === undefined ? [] : [[ms / 1000, { ...network, phase }]],
  );
}

/** One `gramwatch.alert` record for each thing that became true or is over; it goes out over OTLP as well. */
export function logAlert(log: Pick<Log, "info" | "warn">, incident: Incident): void {
  const { rule, target, severity, id, cause } = incident;
  const state = incident.state === "resolved" ? "resolved" : "firing";
  const record = { event: events.alert, rule, target, severity, state, incident: id, ...(cause !== null && { cause }) };
  if (state === "firing") log.warn(record, "an alert fires");
  else log.info(record, "an alert is over");
}
