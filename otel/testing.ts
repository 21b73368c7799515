/** For tests of whatever sends telemetry: an OTLP receiver on a real socket with knobs, and the leak assertion. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Attributes } from "./testing/otlp-decode.ts";
import { attributesOf, decodeOtlp, plain } from "./testing/otlp-decode.ts";

export interface CapturedSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  /** `""` for a root. */
  parentSpanId: string;
  links: { traceId: string; spanId: string }[];
  events: { name: string }[];
  attributes: Attributes;
  /** 2: error. */
  status: number;
  startMs: number;
  endMs: number;
  resource: Attributes;
}

export interface CapturedLog {
  body: string;
  eventName: string;
  severityNumber: number;
  severityText: string;
  traceId: string;
  spanId: string;
  timeNs: bigint;
  attributes: Attributes;
  resource: Attributes;
}

export interface CapturedMetric {
  name: string;
  unit: string;
  kind: "counter" | "updown" | "gauge" | "histogram";
  scope: string;
  points: { attributes: Attributes; value: number; count?: number; bounds?: number[] }[];
  resource: Attributes;
}

/**
 * What the receiver does with a request. `trickle` sends a byte of the answer every 50 ms and never ends it; `partial`
 * says that it refused so many items (at most 127) out of it.
 */
export type Behaviour =
  | { kind: "ok" }
  | { kind: "status"; status: number; retryAfterSeconds?: number }
  | { kind: "hang" }
  | { kind: "reset" }
  | { kind: "partial"; rejected: number; message: string }
  | { kind: "trickle" };

/** An OTLP/HTTP receiver on 127.0.0.1 that keeps what it accepted. */
export async function startOtlpCapture(options: { port?: number } = {}) {
  let behaviour: Behaviour = { kind: "ok" };
  const raw: Buffer[] = [];
  const spans: CapturedSpan[] = [];
  const logs: CapturedLog[] = [];
  const metrics = new Map<string, CapturedMetric>();
  const headers: IncomingMessage["headers"][] = [];
  const paths: string[] = [];
  const waiting = new Set<() => void>();
  const timers = new Set<NodeJS.Timeout>();
  let requests = 0;

  const server = createServer((request, response) => void receive(request, response));
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    requests++;
    headers.push(request.headers);
    paths.push(request.url ?? "");
    let body = Buffer.concat(parts);
    if (request.headers["content-encoding"] === "gzip") body = gunzipSync(body);
    raw.push(body);
    answer(request.url ?? "", body, response);
    for (const look of waiting) look();
  }

  function answer(url: string, body: Buffer, response: ServerResponse): void {
    const { kind } = behaviour;
    if (kind === "hang") return;
    if (kind === "reset") return void response.socket?.resetAndDestroy();
    if (behaviour.kind === "status") {
      const { status, retryAfterSeconds: seconds } = behaviour;
      return void response.writeHead(status, seconds === undefined ? {} : { "retry-after": String(seconds) }).end();
    }
    if (kind === "trickle") {
      response.writeHead(200, { "content-type": "application/x-protobuf" });
      timers.add(setInterval(() => response.write("\0"), 50));
      return;
    }
    if (behaviour.kind === "partial") {
      const { rejected, message } = behaviour;
      const partial = Buffer.from([0x08, rejected, 0x12, message.length, ...Buffer.from(message)]);
      response.writeHead(200, { "content-type": "application/x-protobuf" });
      return void response.end(Buffer.from([0x0a, partial.length, ...partial]));
    }
    keep(url, body);
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  }

  function keep(url: string, body: Buffer): void {
    if (url.endsWith("/traces")) {
      spans.push(...decodeOtlp("traces", body).map(({ item, resource }) => toSpan(item, resource)));
    } else if (url.endsWith("/logs")) {
      logs.push(...decodeOtlp("logs", body).map(({ item, resource }) => toLog(item, resource)));
    } else {
      for (const { item, resource, scope } of decodeOtlp("metrics", body)) {
        const metric = toMetric(item, resource, scope);
        metrics.set(metric.name, metric);
      }
    }
  }

  return {
    port,
    /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
    url: `http://127.0.0.1:${port}`,
    spans,
    logs,
    /** The newest export of each, by name. */
    metrics,
    /** Request bodies as they came, uncompressed, refused ones included. */
    raw,
    headers,
    paths,
    requests: () => requests,
    behave: (next: Behaviour) => void (behaviour = next),
    /** Resolves when `condition` holds after some request; rejects after 10 s with what was there. */
    async until(condition: () => boolean, what = "condition"): Promise<void> {
      if (condition()) return;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          reject(new Error(`${what} not met; ${requests} requests, ${spans.length} spans, ${logs.length} log records`));
        }, 10_000);
        const look = (): void => {
          if (!condition()) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    },
    close: () =>
      new Promise<void>((resolve) => {
        for (const timer of timers) clearInterval(timer);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
export type OtlpCapture = Awaited<ReturnType<typeof startOtlpCapture>>;

/**
 * Fails if one of the secrets is in one of the texts, plain, percent-encoded or in base64. Says where, never which.
 */
export function assertNoSecret(texts: Readonly<Record<string, string | Uint8Array>>, secrets: readonly string[]): void {
  for (const [where, content] of Object.entries(texts)) {
    const text = typeof content === "string" ? content : Buffer.from(content).toString("latin1");
    for (const [index, secret] of secrets.entries()) {
      const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64").replace(/=+$/, "")];
      assert.ok(!forms.some((form) => text.includes(form)), `secret ${index} is in ${where}`);
    }
  }
}

// By way of microseconds: nanoseconds since 1970 are beyond what a number holds exactly.
const milliseconds = (nanoseconds: unknown): number =>
  Number(((nanoseconds as bigint | undefined) ?? 0n) / 1000n) / 1000;

const toSpan = (item: Record<string, unknown>, resource: Attributes): CapturedSpan => ({
  name: String(item["name"]),
  kind: Number(item["kind"]),
  traceId: String(item["traceId"]),
  spanId: String(item["spanId"]),
  parentSpanId: typeof item["parentSpanId"] === "string" ? item["parentSpanId"] : "",
  links: (item["links"] ?? []) as CapturedSpan["links"],
  events: (item["events"] ?? []) as CapturedSpan["events"],
  attributes: item["attributes"] as Attributes,
  status: (item["status"] as { code?: number } | undefined)?.code ?? 0,
  startMs: milliseconds(item["start"]),
  endMs: milliseconds(item["end"]),
  resource,
});

const toLog = (item: Record<string, unknown>, resource: Attributes): CapturedLog => ({
  body: String(plain(item["body"] as Record<string, unknown>)),
  eventName: typeof item["eventName"] === "string" ? item["eventName"] : "",
  severityNumber: Number(item["severityNumber"]),
  severityText: String(item["severityText"]),
  traceId: typeof item["traceId"] === "string" ? item["traceId"] : "",
  spanId: typeof item["spanId"] === "string" ? item["spanId"] : "",
  timeNs: item["time"] as bigint,
  attributes: item["attributes"] as Attributes,
  resource,
});

function toMetric(item: Record<string, unknown>, resource: Attributes, scope: string): CapturedMetric {
  const holder = (item["gauge"] ?? item["sum"] ?? item["histogram"]) as { points?: Point[]; monotonic?: number };
  const kind = item["gauge"] ? "gauge" : item["histogram"] ? "histogram" : holder.monotonic ? "counter" : "updown";
  return {
    name: String(item["name"]),
    unit: typeof item["unit"] === "string" ? item["unit"] : "",
    kind,
    scope,
    points: (holder.points ?? []).map((point) => ({
      attributes: attributesOf(point),
      value: point.double ?? point.int ?? point.sum ?? 0,
      ...(point.count !== undefined && { count: Number(point.count), bounds: point.bounds ?? [] }),
    })),
    resource,
  };
}

interface Point {
  attributes?: { key: string; value?: Record<string, unknown> }[];
  double?: number;
  int?: number;
  sum?: number;
  count?: bigint;
  bounds?: number[];
}
