import type { AddressInfo } from "node:net";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { LogRecord, SpanRecord } from "../store/records.ts";
import { CONTENT_TYPE, partialSuccess, status, success, type Encoding } from "./answer.ts";
import { createArrivals, type Arrivals, type Signal } from "./arrivals.ts";
import { readBody, Refusal } from "./body.ts";
import { decodeJson } from "./json.ts";
import { logsOf, pointsOf, spansOf, type Taken } from "./records.ts";
import { logsRequest, metricsRequest, tracesRequest, type Message } from "./schema.ts";
import { decodeProtobuf } from "./protobuf.ts";
import { DecodeError } from "./wire.ts";

/** Read whole, and several times as much in memory, of which the image has 96 MB: below the 64 MiB that OTLP recommends. */
const MAX_BODY_BYTES = 8 * 1024 ** 2;
const MAX_REQUESTS = 4;
const BODY_DEADLINE_MS = 10_000;

/** Where accepted items go; `bytes` is the size of the body. `false`: the write queue is full, nothing was taken. */
export interface Sink {
  addSpans(spans: SpanRecord[], bytes: number): boolean;
  addLogs(logs: LogRecord[], bytes: number): boolean;
}

export interface ReceiverOptions {
  host: string;
  /** 0 lets the system choose. */
  port: number;
  sink: Sink;
  monotonicMs?: () => number;
  wallMs?: () => number;
  maxBodyBytes?: number;
  /** Requests whose body is being read at a time; more are asked to come again. */
  maxRequests?: number;
  bodyDeadlineMs?: number;
}

export interface Receiver {
  port: number;
  arrivals: Arrivals;
  close(): Promise<void>;
}

const SIGNALS: Record<string, { signal: Signal; message: Message }> = {
  "/v1/traces": { signal: "traces", message: tracesRequest },
  "/v1/metrics": { signal: "metrics", message: metricsRequest },
  "/v1/logs": { signal: "logs", message: logsRequest },
};

/**
 * OTLP/HTTP as docs/specification.md of opentelemetry-proto has it: protobuf and JSON, gzip or none. Rejects when the
 * port cannot be bound. It writes no span and no log record: the sidecar may export to itself.
 */
export async function serveOtlp(options: ReceiverOptions): Promise<Receiver> {
  const {
    sink,
    monotonicMs = () => performance.now(),
    wallMs = Date.now,
    maxBodyBytes = MAX_BODY_BYTES,
    maxRequests = MAX_REQUESTS,
    bodyDeadlineMs = BODY_DEADLINE_MS,
  } = options;
  const arrivals = createArrivals({ monotonicMs, wallMs });
  let reading = 0;

  async function receive(request: IncomingMessage): Promise<{ encoding: Encoding; body: Buffer }> {
    const { signal, message, encoding } = routeOf(request);
    if (reading >= maxRequests) throw new Refusal(503, "too many requests at a time");
    reading += 1;
    let bytes: Buffer;
    try {
      bytes = await readBody(request, { maxBytes: maxBodyBytes, deadlineMs: bodyDeadlineMs });
    } finally {
      reading -= 1;
    }
    const decoded = encoding === "json" ? decodeJson(bytes.toString(), message) : decodeProtobuf(bytes, message);
    const { taken, stored } = store(signal, decoded, bytes.length);
    if (!stored) throw new Refusal(503, "the store cannot keep up");
    arrivals.heard(signal, taken.sources);
    arrivals.count(signal, taken.items.length, taken.rejected);
    const body =
      taken.rejected === 0 ? success(encoding) : partialSuccess(encoding, signal, taken.rejected, taken.reason);
    return { encoding, body };
  }

  function store(signal: Signal, decoded: unknown, bytes: number): { taken: Taken<unknown>; stored: boolean } {
    if (signal === "traces") {
      const taken = spansOf(decoded);
      return { taken, stored: taken.items.length === 0 || sink.addSpans(taken.items, bytes) };
    }
    if (signal === "logs") {
      const taken = logsOf(decoded, BigInt(wallMs()) * 1_000_000n);
      return { taken, stored: taken.items.length === 0 || sink.addLogs(taken.items, bytes) };
    }
    return { taken: pointsOf(decoded), stored: true };
  }

  const server = createServer((request, response) => {
    receive(request).then(
      ({ encoding, body }) => {
        response.writeHead(200, { "content-type": CONTENT_TYPE[encoding], "content-length": body.length }).end(body);
      },
      (error: unknown) => refuse(request, response, error, bodyDeadlineMs),
    );
  });
  server.requestTimeout = bodyDeadlineMs * 2;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(options.port, options.host, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    arrivals,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Which signal in which encoding; throws the `Refusal` that answers everything else. */
function routeOf(request: IncomingMessage): { signal: Signal; message: Message; encoding: Encoding } {
  const route = SIGNALS[(request.url ?? "").replace(/\?.*$/, "")];
  if (route === undefined) throw new Refusal(404, "use /v1/traces, /v1/metrics or /v1/logs");
  if (request.method !== "POST") throw new Refusal(405, "use POST");
  const encoding = encodingOf(request);
  if (encoding === undefined) throw new Refusal(415, "use application/x-protobuf or application/json");
  const compression = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (compression !== "gzip" && compression !== "identity") throw new Refusal(415, "use gzip or no compression");
  return { ...route, encoding };
}

function encodingOf(request: IncomingMessage): Encoding | undefined {
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase();
  if (type === CONTENT_TYPE.json) return "json";
  return type === CONTENT_TYPE.protobuf ? "protobuf" : undefined;
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown, deadlineMs: number): void {
  const code = error instanceof Refusal ? error.status : error instanceof DecodeError ? 400 : 500;
  const reason = code === 500 ? "internal error" : (error as Error).message;
  const encoding = encodingOf(request) ?? "json";
  const body = status(encoding, reason);
  const headers: Record<string, string | number> = {
    "content-type": CONTENT_TYPE[encoding],
    "content-length": body.length,
  };
  if (code === 405) headers["allow"] = "POST";
  if (code === 503) headers["retry-after"] = 1;
  if (request.complete) return void response.writeHead(code, headers).end(body);
  // What is left of the body is read and thrown away for a while: a client that still writes would see a reset instead
  // of the answer. Node closes the connection with the end of the answer, so that waits for the end of the body.
  response.writeHead(code, { ...headers, connection: "close" }).write(body);
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), deadlineMs);
  timer.unref();
  request.once("end", () => response.end()).once("close", () => clearTimeout(timer));
}
