import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { MeterProvider } from "@opentelemetry/api";
import type { ExportResult } from "@opentelemetry/core";
import { ExportResultCode } from "@opentelemetry/core";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-proto";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Clocks } from "./connection.ts";
import type { TelemetryConfig } from "./config.ts";
import { encodeLogs, encodeSpans } from "./otlp-encode.ts";
import { redact, redactFreeText, redactValue } from "./redact.ts";

export type Signal = "traces" | "metrics" | "logs";

/** What became of the exports of one signal. */
export interface Delivery {
  signal: Signal;
  /** Spans or log records in batches that failed, or that the receiver refused out of a batch. */
  lost: number;
  /** Undefined before the first attempt has ended. */
  lastOk: boolean | undefined;
  /** When the last attempt ended, monotonic milliseconds. */
  lastMs: number;
  lastError: { atMs: number; reason: string } | undefined;
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void;
}

/** The three OTLP exporters, each with one total deadline, redaction of what it sends, and an account of what became of it. */
export function createExporters(config: TelemetryConfig, selfObsMeterProvider: MeterProvider, clocks: Clocks) {
  const delivery = (signal: Signal): Delivery => ({
    signal,
    lost: 0,
    lastOk: undefined,
    lastMs: 0,
    lastError: undefined,
  });
  const deliveries = { traces: delivery("traces"), metrics: delivery("metrics"), logs: delivery("logs") };
  const rejectedOf = (one: Delivery) => (count: number, message: string) => {
    one.lost += count;
    one.lastError = { atMs: clocks.now(), reason: failureText(new Error(`refused ${count}: ${message}`)) };
  };
  const options = (signal: Signal) => {
    const agents = createAgents(config);
    return {
      agents,
      config: {
        url: config.urls[signal],
        headers: config.headers,
        timeoutMillis: config.timeoutMs,
        compression: config.compression as never,
        httpAgentOptions: (protocol: string) => agents.of(protocol),
        selfObsMeterProvider,
      },
    };
  };
  const traces = options("traces");
  const metrics = options("metrics");
  const logs = options("logs");
  // A little over the exporter's own timeout, which covers everything but an answer that trickles for ever.
  const deadlineMs = config.timeoutMs + 250;
  const state = { closed: false };
  return {
    deliveries,
    /** Ends what is still open and lets every later export fail at once, so that nothing holds the process. */
    close(): void {
      state.closed = true;
      for (const { agents } of [traces, metrics, logs]) agents.destroy();
    },
    traces: guard<ReadableSpan[], OTLPTraceExporter>(
      encodedBy(encodeSpans, new OTLPTraceExporter(traces.config), rejectedOf(deliveries.traces)),
      {
        delivery: deliveries.traces,
        deadlineMs,
        clocks,
        state,
        destroy: traces.agents.destroy,
        countOf: (spans) => spans.length,
        clean: (spans) => spans.forEach(cleanSpan),
      },
    ),
    metrics: guard<ResourceMetrics, OTLPMetricExporter>(new OTLPMetricExporter(metrics.config), {
      delivery: deliveries.metrics,
      deadlineMs,
      clocks,
      state,
      destroy: metrics.agents.destroy,
      countOf: () => 0,
      clean: () => {},
    }),
    logs: guard<ReadableLogRecord[], OTLPLogExporter>(
      encodedBy(encodeLogs, new OTLPLogExporter(logs.config), rejectedOf(deliveries.logs)),
      {
        delivery: deliveries.logs,
        deadlineMs,
        clocks,
        state,
        destroy: logs.agents.destroy,
        countOf: (records) => records.length,
        // The bridge has redacted them already; records of other loggers have not been there.
        clean: (records) => records.forEach(cleanRecord),
      },
    ),
  };
}

/**
 * Lets an exporter of the SDK write its requests with our encoder, and counts what a receiver took the request but not
 * the item (partial success), which the SDK only logs; retries, timeouts and answers stay its own. Private there, so a
 * version that has it elsewhere keeps its own serializer, and a test tells.
 */
function encodedBy<T, E extends Exporter<T>>(
  encode: (items: T) => Uint8Array,
  exporter: E,
  onRejected: (count: number, message: string) => void,
): E {
  const { _delegate: delegate } = exporter as unknown as { _delegate?: { _serializer?: Serializer } };
  const serializer = delegate?._serializer;
  if (!delegate || !serializer) return exporter;
  delegate._serializer = {
    serializeRequest: encode,
    deserializeResponse(bytes) {
      const response = serializer.deserializeResponse(bytes);
      const { rejectedSpans, rejectedLogRecords, errorMessage } = response.partialSuccess ?? {};
      const rejected = Number(rejectedSpans ?? rejectedLogRecords ?? 0);
      if (rejected > 0) onRejected(rejected, errorMessage ?? "");
      return response;
    },
  };
  return exporter;
}

/** What the SDK's exporter writes requests and reads answers with. */
interface Serializer {
  serializeRequest(items: never): Uint8Array | undefined;
  deserializeResponse(bytes: Uint8Array): {
    /** Counts as their decoder gives 64 bits: a number, or an object that becomes one. */
    partialSuccess?: { rejectedSpans?: unknown; rejectedLogRecords?: unknown; errorMessage?: string };
  };
}

interface GuardOptions<T> {
  delivery: Delivery;
  deadlineMs: number;
  clocks: Clocks;
  state: { readonly closed: boolean };
  /** Ends every connection of this exporter. */
  destroy: () => void;
  /** How many items would be lost. */
  countOf: (items: T) => number;
  /** Redacts in place. */
  clean: (items: T) => void;
}

function guard<T, E extends Exporter<T>>(exporter: E, options: GuardOptions<T>): E {
  const { delivery } = options;
  const inner = exporter.export.bind(exporter);
  const open = new Set<(result: ExportResult) => void>();

  exporter.export = (items: T, done: (result: ExportResult) => void): void => {
    const count = options.countOf(items);
    const finish = (result: ExportResult): void => {
      if (!open.delete(finish)) return;
      clearTimeout(timer);
      delivery.lastOk = result.code === ExportResultCode.SUCCESS;
      delivery.lastMs = options.clocks.monotonic();
      if (!delivery.lastOk) {
        delivery.lost += count;
        delivery.lastError = { atMs: options.clocks.now(), reason: failureText(result.error) };
      }
      done(result);
    };
    const timer = setTimeout(tooLate, options.deadlineMs);
    timer.unref();
    open.add(finish);
    try {
      options.clean(items);
      if (options.state.closed) finish(failed(new Error("shut down")));
      else inner(items, finish);
    } catch (error) {
      finish(failed(error instanceof Error ? error : new Error(String(error))));
    }
  };

  function tooLate(): void {
    // All that are open fail before their sockets go: a 200 whose body breaks off would count as delivered. The sockets
    // must go, since an exporter has 30 open exports at most, and trickling answers would use them up one by one.
    for (const finish of open) finish(failed(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })));
    options.destroy();
  }
  return exporter;
}

const failed = (error: Error): ExportResult => ({ code: ExportResultCode.FAILED, error });

/** `http 503`, `ECONNREFUSED`, or the first line of the message. */
function failureText(error: (Error & { code?: unknown }) | undefined): string {
  if (typeof error?.code === "number") return `http ${error.code}`;
  if (typeof error?.code === "string") return error.code;
  return redactFreeText(error?.message.split("\n", 1)[0] ?? "failed").slice(0, 200);
}

function createAgents(config: TelemetryConfig) {
  const agents: (HttpAgent | HttpsAgent)[] = [];
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  return {
    of(protocol: string): HttpAgent | HttpsAgent {
      const { ca, cert, key } = config.tls;
      const agent =
        protocol === "http:"
          ? new HttpAgent({ keepAlive: true })
          : new HttpsAgent({ keepAlive: true, ca: read(ca), cert: read(cert), key: read(key) });
      agents.push(agent);
      return agent;
    },
    destroy: () => {
      for (const agent of agents) agent.destroy();
    },
  };
}

function cleanSpan(span: ReadableSpan & { name: string }): void {
  span.name = redact(span.name);
  cleanAttributes(span.attributes);
  for (const event of span.events) {
    event.name = redact(event.name);
    cleanAttributes(event.attributes);
  }
  for (const link of span.links) cleanAttributes(link.attributes);
  if (span.status.message !== undefined) span.status.message = redactFreeText(span.status.message);
}

function cleanRecord(record: ReadableLogRecord): void {
  cleanAttributes(record.attributes);
  const body = redactValue(record.body);
  // A record that is on its way can no longer be set.
  if (body !== record.body) Object.defineProperty(record, "body", { value: body });
}

function cleanAttributes(given: Record<string, unknown> | undefined): void {
  for (const key in given) {
    const value = given[key];
    if (typeof value === "string") given[key] = redact(value);
    else if (typeof value === "object") given[key] = redactValue(value);
  }
}
