import { dashboard } from "../dashboard.ts";
import { engine, sdk } from "../engine-metrics.ts";
import { UID } from "../links.ts";
import { graph, stat } from "../panel.ts";
import { P, at, rate } from "../query.ts";

const NO_COLLECTOR = "No Collector is scraped. The small stack has none.";
const byReceiver = (name: string): string => `sum by (receiver) (${rate(name)})`;
const byExporter = (name: string): string => `sum by (exporter) (${rate(name)})`;
const byService = (name: string, matchers: string): string => `sum by (service_name) (${rate(at(name, matchers))})`;

export const pipeline = dashboard({
  uid: UID.pipeline,
  title: "Pipeline",
  description: "Is the telemetry itself alive: SDK, Collector, back ends.",
  rows: [
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "Collector: accepted",
            description: "Per second. Normal: metrics without a pause, spans and lines with the traffic.",
            unit: "ops",
            empty: NO_COLLECTOR,
          },
          {
            "spans {{receiver}}": byReceiver(engine.acceptedSpans),
            "points {{receiver}}": byReceiver(engine.acceptedPoints),
            "lines {{receiver}}": byReceiver(engine.acceptedRecords),
          },
        ),
        graph(
          {
            w: 8,
            title: "Collector: refused",
            description:
              "Normal: 0. Refused means its memory limit (raise it, or send less) or a full queue (see queues: its back end).",
            unit: "ops",
            softMax: 1,
            empty: NO_COLLECTOR,
          },
          {
            "spans {{receiver}}": byReceiver(engine.refusedSpans),
            "points {{receiver}}": byReceiver(engine.refusedPoints),
            "lines {{receiver}}": byReceiver(engine.refusedRecords),
          },
        ),
        graph(
          {
            w: 8,
            title: "Collector: given up",
            description:
              "Items that a back end did not take within the time for retries, or that found its queue full. Normal: none.",
            unit: "ops",
            empty: { good: "Nothing was given up." },
          },
          {
            "spans {{exporter}}": byExporter(engine.failedSpans),
            "points {{exporter}}": byExporter(engine.failedPoints),
            "lines {{exporter}}": byExporter(engine.failedRecords),
            "spans {{exporter}}, queue full": byExporter(engine.unqueuedSpans),
            "points {{exporter}}, queue full": byExporter(engine.unqueuedPoints),
            "lines {{exporter}}, queue full": byExporter(engine.unqueuedRecords),
          },
        ),
      ],
    },
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "Collector: queues",
            description:
              "Share of each exporter's queue in use. Normal: near 0. Rising: that back end is slow or down.",
            unit: "percentunit",
            min: 0,
            max: 1,
            thresholds: [[0.8, "red"]],
            empty: NO_COLLECTOR,
          },
          {
            "{{exporter}} {{data_type}}": `max by (exporter, data_type) (${engine.queueSize} / ${engine.queueCapacity})`,
          },
        ),
        graph(
          {
            w: 8,
            title: "SDK: dropped before export",
            description: "Spans and lines lost in bot or sidecar because the queue was full. Normal: none.",
            unit: "ops",
            softMax: 1,
            empty: { good: "Nothing was dropped." },
          },
          {
            "spans {{service_name}}": byService(sdk.processedSpans, 'error_type="queue_full"'),
            "lines {{service_name}}": byService(sdk.processedLogs, 'error_type="queue_full"'),
          },
        ),
        graph(
          {
            w: 8,
            title: "SDK: failed exports",
            description: "Items that the Collector did not take. Normal: none. Compare with its refusals.",
            unit: "ops",
            empty: { good: "Every export succeeded." },
          },
          Object.fromEntries(
            Object.entries({
              spans: sdk.exportedSpans,
              lines: sdk.exportedLogs,
              points: sdk.exportedPoints,
            }).map(([what, name]) => [
              `${what} {{service_name}} {{error_type}}`,
              `sum by (service_name, error_type) (${rate(at(name, 'error_type!=""'))})`,
            ]),
          ),
        ),
      ],
    },
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "SDK: exported",
            description: "What bot and sidecar sent. Normal: about what the Collector accepted.",
            unit: "ops",
            empty: "No process is sending.",
          },
          {
            "spans {{service_name}}": byService(sdk.exportedSpans, 'error_type=""'),
            "lines {{service_name}}": byService(sdk.exportedLogs, 'error_type=""'),
            "points {{service_name}}": byService(sdk.exportedPoints, 'error_type=""'),
          },
        ),
        graph(
          {
            w: 8,
            title: "Sidecar: received items",
            description: "By its own OTLP receiver, so that alerts can explain. Normal: accepted, none rejected.",
            unit: "ops",
            empty: "No sidecar is sending.",
          },
          { "{{signal}} {{outcome}}": `sum by (signal, outcome) (${rate(P.otlpItems)})` },
        ),
        graph(
          {
            w: 8,
            title: "Sidecar: last arrival",
            description:
              "Age of the newest item per bot and signal. Normal: traces and logs as old as the last update.",
            unit: "s",
            empty: "The bot's telemetry does not reach the sidecar: alerts come, without explanation.",
          },
          { "{{target}} {{signal}}": `time() - max by (target, signal) (${P.otlpLastArrival})` },
        ),
      ],
    },
    {
      height: 7,
      panels: [
        stat(
          {
            w: 4,
            title: "Prometheus series",
            description: "Normal: some thousands, flat. A steady rise: an id became a label.",
            unit: "short",
            empty: "Prometheus is not scraped.",
          },
          `sum(${engine.series})`,
        ),
        graph(
          {
            w: 6,
            title: "Loki lines, Tempo spans",
            description: "Per second at the back ends. Normal: about what the Collector accepted.",
            unit: "ops",
            empty: "Loki and Tempo are not scraped. The small stack has none.",
          },
          { lines: `sum(${rate(engine.lokiLines)})`, spans: `sum(${rate(engine.tempoSpans)})` },
        ),
        graph(
          {
            w: 6,
            title: "Tempo: discarded spans",
            description: "Normal: none. The reason says which limit.",
            unit: "ops",
            empty: { good: "Nothing was discarded." },
          },
          { "{{reason}}": `sum by (reason) (${rate(engine.tempoDiscarded)})` },
        ),
        graph(
          {
            w: 8,
            title: "Memory of the stack",
            description: "Resident memory of each engine. Normal: below its mem_limit in the compose file.",
            unit: "bytes",
            empty: "No engine is scraped.",
          },
          {
            "{{component}}": `sum by (component) (${engine.residentMemory})`,
            "{{component}} ": `sum by (component) (${engine.collectorMemory})`,
          },
        ),
      ],
    },
    {
      height: 7,
      panels: [
        graph(
          {
            w: 24,
            title: "Memory against GOMEMLIMIT",
            description:
              "What Go counts against its limit, where one is set. Normal: below 1. Near it Go collects garbage all the time.",
            unit: "percentunit",
            min: 0,
            thresholds: [[1, "red"]],
            empty: { good: "No GOMEMLIMIT is set." },
          },
          {
            "{{component}}": `max by (component) ((${engine.goMemory} - ${engine.goReturned}) / (${engine.memoryLimit} < 1e15))`,
          },
        ),
      ],
    },
  ],
});
