import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import type { LogRecord, SpanRecord } from "../store/records.ts";
import { serveOtlp, type ReceiverOptions } from "./receiver.ts";
import { encode } from "./testing.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const bytes = (hex: string) => Buffer.from(hex, "hex");
const resource = { attributes: [{ key: "service.name", value: { stringValue: "shopbot" } }] };
const span = (over: object = {}) => ({ traceId: TRACE, spanId: "a3ce929d0e0e4736", name: "process message", ...over });
const traces = (...spans: object[]) => JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
const PROTO_TRACES = encode("ExportTraceServiceRequest", {
  resourceSpans: [
    { scopeSpans: [{ spans: [{ traceId: bytes(TRACE), spanId: bytes("a3ce929d0e0e4736"), name: "x" }] }] },
  ],
});

async function receiver(t: TestContext, options: Partial<ReceiverOptions> = {}) {
  const spans: SpanRecord[] = [];
  const logs: LogRecord[] = [];
  const sink = {
    addSpans: (given: SpanRecord[]) => (spans.push(...given), true),
    addLogs: (given: LogRecord[]) => (logs.push(...given), true),
  };
  const served = await serveOtlp({
    host: "127.0.0.1",
    port: 0,
    sink,
    monotonicMs: () => 77,
    wallMs: () => 1000,
    ...options,
  });
  t.after(() => served.close());
  const send = (path: string, body: string | Buffer, headers: Record<string, string> = {}, method = "POST") =>
    fetch(`http://127.0.0.1:${served.port}${path}`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(method === "POST" && { body }),
    });
  return { ...served, spans, logs, send };
}
const PROTOBUF = { "content-type": "application/x-protobuf" };

test("spans in JSON and in protobuf are taken; the answer is an empty message in the request's encoding", async (t) => {
  const { send, spans } = await receiver(t);
  const json = await send("/v1/traces", traces(span()));
  assert.deepEqual([json.status, json.headers.get("content-type"), await json.text()], [200, "application/json", "{}"]);
  const protobuf = await send("/v1/traces", PROTO_TRACES, PROTOBUF);
  assert.equal(protobuf.status, 200);
  assert.equal(protobuf.headers.get("content-type"), "application/x-protobuf");
  assert.equal((await protobuf.arrayBuffer()).byteLength, 0);
  assert.deepEqual(
    spans.map(({ traceId, service }) => [traceId, service]),
    [
      [TRACE, "shopbot"],
      [TRACE, "unknown_service"],
    ],
  );
});

test("an empty request is a success", async (t) => {
  const { send } = await receiver(t);
  for (const path of ["/v1/traces", "/v1/metrics", "/v1/logs"]) {
    assert.equal((await send(path, "{}")).status, 200);
    assert.equal((await send(path, Buffer.alloc(0), PROTOBUF)).status, 200);
  }
});

test("gzip is understood, and a content type may carry parameters and any case", async (t) => {
  const { send, spans } = await receiver(t);
  assert.equal((await send("/v1/traces", gzipSync(traces(span())), { "content-encoding": "gzip" })).status, 200);
  assert.equal(
    (await send("/v1/traces", traces(span()), { "content-type": "Application/JSON; charset=utf-8" })).status,
    200,
  );
  assert.equal(spans.length, 2);
});

test("a chunked body without a length is understood, as JavaScript exporters send it", async (t) => {
  const { port, spans } = await receiver(t);
  const request = httpRequest({ port, path: "/v1/traces", method: "POST", headers: PROTOBUF });
  request.write(PROTO_TRACES.subarray(0, 10));
  request.end(PROTO_TRACES.subarray(10));
  const [response] = await once(request, "response");
  response.resume();
  assert.equal(response.statusCode, 200);
  assert.equal(spans.length, 1);
});

test("logs are taken with their trace", async (t) => {
  const { send, logs } = await receiver(t);
  const record = { traceId: TRACE, body: { stringValue: "update failed" }, severityNumber: 17 };
  const body = JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] });
  assert.equal((await send("/v1/logs", body)).status, 200);
  assert.deepEqual(
    logs.map(({ body: text, traceId, severity }) => [text, traceId, severity]),
    [["update failed", TRACE, 17]],
  );
});

test("metrics are counted, and the arrival is known by service and instance", async (t) => {
  const { send, arrivals } = await receiver(t);
  const withInstance = {
    attributes: [...resource.attributes, { key: "service.instance.id", value: { stringValue: "i9" } }],
  };
  const metrics = [{ name: "process.uptime", gauge: { dataPoints: [{ asDouble: 1 }, { asDouble: 2 }] } }];
  const body = JSON.stringify({ resourceMetrics: [{ resource: withInstance, scopeMetrics: [{ metrics }] }] });
  assert.equal((await send("/v1/metrics", body)).status, 200);
  assert.deepEqual(arrivals.items().metrics, { accepted: 2, rejected: 0 });
  assert.deepEqual(arrivals.last("metrics"), { shopbot: { instance: "i9", atMs: 77, wallMs: 1000 } });
  assert.deepEqual(arrivals.last("traces"), {});
});

test("rejected items are a partial success with their number and a reason, in both encodings", async (t) => {
  const { send, spans, arrivals } = await receiver(t);
  const json = await send("/v1/traces", traces(span(), span({ traceId: "00" })));
  assert.equal(json.status, 200);
  const reason = "trace_id is not 16 bytes, or all zero";
  assert.deepEqual(await json.json(), { partialSuccess: { rejectedSpans: "1", errorMessage: reason } });
  const bad = encode("ExportTraceServiceRequest", {
    resourceSpans: [{ scopeSpans: [{ spans: Array.from({ length: 300 }, () => ({})) }] }],
  });
  const protobuf = await send("/v1/traces", bad, PROTOBUF);
  const inner = Buffer.concat([Buffer.of(0x08, 0xac, 0x02, 0x12, reason.length), Buffer.from(reason)]);
  assert.deepEqual(Buffer.from(await protobuf.arrayBuffer()), Buffer.concat([Buffer.of(0x0a, inner.length), inner]));
  assert.equal(spans.length, 1);
  assert.deepEqual(arrivals.items().traces, { accepted: 1, rejected: 301 });
});

test("what cannot be decoded is 400 with a Status in the request's encoding", async (t) => {
  const { send, arrivals } = await receiver(t);
  const json = await send("/v1/traces", "{");
  assert.deepEqual([json.status, await json.json()], [400, { message: "body is not JSON" }]);
  const protobuf = await send("/v1/logs", Buffer.from([0x0a, 0x05]), PROTOBUF);
  assert.equal(protobuf.status, 400);
  assert.equal(protobuf.headers.get("content-type"), "application/x-protobuf");
  const message = "message is cut short";
  assert.deepEqual(
    Buffer.from(await protobuf.arrayBuffer()),
    Buffer.concat([Buffer.of(0x12, message.length), Buffer.from(message)]),
  );
  assert.equal((await send("/v1/traces", "not gzip", { "content-encoding": "gzip" })).status, 400);
  assert.deepEqual(arrivals.last("traces"), {});
});

test("an unknown path is 404, another method 405 with Allow, another type or compression 415", async (t) => {
  const { send } = await receiver(t);
  assert.equal((await send("/v1/profiles", "{}")).status, 404);
  assert.equal((await send("/", "{}")).status, 404);
  const get = await send("/v1/traces", "", {}, "GET");
  assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
  assert.equal((await send("/v1/traces", "x", { "content-type": "text/plain" })).status, 415);
  assert.equal((await send("/v1/traces", "x", { "content-encoding": "zstd" })).status, 415);
});

test("a body over the limit is 413: by its length, while it is read, and after inflating", async (t) => {
  const { send, port, spans } = await receiver(t, { maxBodyBytes: 1000 });
  assert.equal((await send("/v1/traces", "x".repeat(1001))).status, 413);
  assert.equal((await send("/v1/traces", gzipSync(Buffer.alloc(1001)), { "content-encoding": "gzip" })).status, 413);
  const request = httpRequest({ port, path: "/v1/traces", method: "POST", headers: PROTOBUF });
  for (let at = 0; at < 20; at += 1) request.write(Buffer.alloc(100));
  const [response] = await once(request, "response");
  request.destroy();
  assert.equal(response.statusCode, 413);
  assert.equal(spans.length, 0);
  assert.equal((await send("/v1/traces", traces(span()))).status, 200);
});

test("who is refused in the middle of a body may write it to its end, and is not reset", async (t) => {
  const { port } = await receiver(t, { maxBodyBytes: 1000 });
  const socket = connect(port, "127.0.0.1");
  const length = 5_000_000;
  socket.write(
    `POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`,
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 413 /);
  for (let sent = 0; sent < length; sent += 100_000)
    await new Promise<void>((resolve, reject) =>
      socket.write(Buffer.alloc(100_000), (error) => (error ? reject(error) : resolve())),
    );
  await once(socket, "close");
});

test("a full write queue is 503 with Retry-After, and nothing is counted as accepted", async (t) => {
  const { send, arrivals } = await receiver(t, { sink: { addSpans: () => false, addLogs: () => false } });
  const answer = await send("/v1/traces", traces(span()));
  assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "1"]);
  assert.deepEqual(arrivals.items().traces, { accepted: 0, rejected: 0 });
});

test("more requests at a time than allowed are 503, and the place is free again afterwards", async (t) => {
  const { port, send } = await receiver(t, { maxRequests: 1 });
  const slow = httpRequest({
    port,
    path: "/v1/traces",
    method: "POST",
    headers: { ...PROTOBUF, expect: "100-continue" },
  });
  slow.flushHeaders();
  await once(slow, "continue"); // the server has it and waits for the body
  const refused = await send("/v1/traces", "{}");
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  slow.end(PROTO_TRACES);
  const [response] = await once(slow, "response");
  response.resume();
  assert.equal(response.statusCode, 200);
  assert.equal((await send("/v1/traces", "{}")).status, 200);
});

test("a body that does not end within the deadline is 503, so that the batch is sent again", async (t) => {
  const { port } = await receiver(t, { bodyDeadlineMs: 30 });
  const request = httpRequest({ port, path: "/v1/traces", method: "POST", headers: PROTOBUF });
  request.on("error", () => {});
  request.write("x");
  const [response] = await once(request, "response");
  response.resume();
  assert.equal(response.statusCode, 503);
  request.destroy();
});

test("a client that goes away in the middle of its body leaves the receiver working", async (t) => {
  const { port, send } = await receiver(t, { maxRequests: 1 });
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write("POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
  socket.destroy();
  await once(socket, "close");
  let status = 0;
  for (let tries = 0; tries < 100 && status !== 200; tries += 1) status = (await send("/v1/traces", "{}")).status;
  assert.equal(status, 200);
});

test("a port that is taken rejects with its code", async (t) => {
  const { port } = await receiver(t);
  const sink = { addSpans: () => true, addLogs: () => true };
  await assert.rejects(serveOtlp({ host: "127.0.0.1", port, sink }), { code: "EADDRINUSE" });
});

test("services beyond the limit push out the one that was silent longest", async (t) => {
  const { send, arrivals } = await receiver(t);
  const resourceSpans = Array.from({ length: 250 }, (_, at) => ({
    resource: { attributes: [{ key: "service.name", value: { stringValue: `s${at}` } }] },
  }));
  await send("/v1/traces", JSON.stringify({ resourceSpans }));
  const known = Object.keys(arrivals.last("traces"));
  assert.equal(known.length, 200);
  assert.deepEqual([known[0], known.at(-1)], ["s50", "s249"]);
});
