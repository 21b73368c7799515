import type { Range } from "./interpolate.ts";
import type { Span } from "./traceql.ts";

export type Labels = Record<string, string>;
export interface Series {
  labels: Labels;
  /** Milliseconds and value, oldest first. */
  points: [number, number][];
}
export interface Line {
  ms: number;
  text: string;
  /** Index labels and structured metadata. */
  labels: Labels;
}
/** What stands behind the three data sources. Every call rejects with the engine's own words. */
export interface Engines {
  metrics: {
    instant(expr: string, atMs: number): Promise<Series[]>;
    range(expr: string, range: Range, stepSeconds: number): Promise<Series[]>;
    labelValues(label: string, match: string, range: Range): Promise<string[]>;
    /** Rule groups with the health of each rule. */
    rules(): Promise<{ name: string; rules: { name: string; health: string; lastError?: string }[] }[]>;
  };
  logs: {
    lines(expr: string, range: Range, limit: number): Promise<Line[]>;
    range(expr: string, range: Range, stepSeconds: number): Promise<Series[]>;
  };
  traces: {
    /** Every span of the time range. */
    spans(range: Range): Promise<Span[]>;
    byId(traceId: string): Promise<Span[]>;
  };
}
/** Base addresses, without a path. */
export interface Addresses {
  prometheus: string;
  loki: string;
  jaeger: string;
}

/** Real engines: Prometheus, Loki, and Jaeger where the shipped stack has Tempo. */
export function connect({ prometheus, loki, jaeger }: Addresses): Engines {
  const seconds = (ms: number): string => (ms / 1000).toFixed(3);
  return {
    metrics: {
      instant: async (query, atMs) => series(await ask(prometheus, "/api/v1/query", { query, time: seconds(atMs) })),
      range: async (query, { fromMs, toMs }, step) =>
        series(
          await ask(prometheus, "/api/v1/query_range", {
            query,
            start: seconds(fromMs),
            end: seconds(toMs),
            step: String(step),
          }),
        ),
      labelValues: async (label, match, { fromMs, toMs }) =>
        (await ask(prometheus, `/api/v1/label/${label}/values`, {
          "match[]": match,
          start: seconds(fromMs),
          end: seconds(toMs),
        })) as string[],
      rules: async () =>
        ((await ask(prometheus, "/api/v1/rules", {})) as { groups: Awaited<ReturnType<Engines["metrics"]["rules"]>> })
          .groups,
    },
    logs: {
      lines: async (query, { fromMs, toMs }, limit) => {
        const data = (await ask(loki, "/loki/api/v1/query_range", {
          query,
          start: nanoseconds(fromMs),
          end: nanoseconds(toMs),
          limit: String(limit),
        })) as { resultType: string; result: { stream: Labels; values: [string, string][] }[] };
        if (data.resultType !== "streams") throw new Error(`not a query for lines: ${query}`);
        return data.result
          .flatMap(({ stream, values }) => values.map(([ns, text]) => ({ ms: Number(ns) / 1e6, text, labels: stream })))
          .sort((a, b) => b.ms - a.ms);
      },
      range: async (query, { fromMs, toMs }, step) =>
        series(
          await ask(loki, "/loki/api/v1/query_range", {
            query,
            start: nanoseconds(fromMs),
            end: nanoseconds(toMs),
            step: String(step),
          }),
        ),
    },
    traces: {
      async spans({ fromMs, toMs }) {
        const services = (await ask(jaeger, "/api/services", {})) as string[];
        const found = await Promise.all(
          services.map((service) =>
            ask(jaeger, "/api/traces", {
              service,
              start: `${Math.floor(fromMs)}000`,
              end: `${Math.ceil(toMs)}000`,
              limit: "5000",
            }),
          ),
        );
        const traces = (found as JaegerTrace[][]).flat();
        return [...new Map(traces.map((trace) => [trace.traceID, trace])).values()].flatMap(spansOf);
      },
      byId: async (traceId) => ((await ask(jaeger, `/api/traces/${traceId}`, {})) as JaegerTrace[]).flatMap(spansOf),
    },
  };
}

const nanoseconds = (ms: number): string => `${Math.floor(ms)}000000`;

async function ask(base: string, path: string, parameters: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${base}${path}?${new URLSearchParams(parameters).toString()}`, {
    signal: AbortSignal.timeout(30_000),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${body.slice(0, 500)} for ${parameters["query"] ?? path}`);
  return (JSON.parse(body) as { data: unknown }).data;
}

function series(data: unknown): Series[] {
  const { resultType, result } = data as {
    resultType: string;
    result: { metric: Labels; value: [number, string]; values: [number, string][] }[] & [number, string];
  };
  if (resultType === "scalar") return [{ labels: {}, points: [[result[0], Number(result[1])]] }];
  return result.map(({ metric, value, values }) => ({
    labels: metric,
    points: (values ?? [value]).map(([at, text]) => [at * 1000, Number(text)]),
  }));
}

type Tags = { key: string; value: string | number | boolean }[];
interface JaegerTrace {
  traceID: string;
  processes: Record<string, { serviceName: string; tags?: Tags }>;
  spans: {
    spanID: string;
    operationName: string;
    processID: string;
    startTime: number;
    duration: number;
    references: { refType: string; traceID: string; spanID: string }[];
    tags: Tags;
  }[];
}

function spansOf({ traceID, processes, spans }: JaegerTrace): Span[] {
  const begin = Math.min(...spans.map(({ startTime }) => startTime));
  const end = Math.max(...spans.map(({ startTime, duration }) => startTime + duration));
  return spans.map((span) => {
    const attributes = Object.fromEntries(span.tags.map(({ key, value }) => [key, value]));
    const from = processes[span.processID];
    return {
      // Jaeger drops leading zeros of an id.
      traceId: traceID.padStart(32, "0"),
      spanId: span.spanID,
      parentId: span.references.find(({ refType, traceID: id }) => refType === "CHILD_OF" && id === traceID)?.spanID,
      name: span.operationName,
      kind: String(attributes["span.kind"] ?? "unspecified"),
      status: attributes["error"] === true ? "error" : attributes["otel.status_code"] === "OK" ? "ok" : "unset",
      startMs: span.startTime / 1000,
      durationMs: span.duration / 1000,
      traceDurationMs: (end - begin) / 1000,
      attributes,
      resource: {
        "service.name": from?.serviceName ?? "",
        ...Object.fromEntries((from?.tags ?? []).map(({ key, value }) => [key, value])),
      },
    };
  });
}
