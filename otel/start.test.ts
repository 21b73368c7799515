import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { SpanKind, context, metrics as metricsApi, trace } from "@opentelemetry/api";
import { request } from "undici";
import { observeMetric } from "./instruments.ts";
import { httpClientBuckets, metrics } from "./names.ts";
import type { TelemetryOptions } from "./start.ts";
import { startTelemetry } from "./start.ts";
import { QUIET } from "./testing/rig.ts";
import { startOtlpCapture } from "./testing.ts";

async function start(t: TestContext, env: Record<string, string> = {}, options: Partial<TelemetryOptions> = {}) {
  const capture = await startOtlpCapture();
  const telemetry = startTelemetry({
    serviceName: "bot",
    serviceVersion: "1.2.3",
    env: { ...QUIET, OTEL_EXPORTER_OTLP_ENDPOINT: capture.url, ...env },
    ...options,
  });
  t.after(async () => {
    await telemetry.shutdown(2000);
    await capture.close();
  });
  return { telemetry, capture };
}

test("the resource says once what is constant, the same for every signal", async (t) => {
  const { telemetry, capture } = await start(
    t,
    { NODE_ENV: "production", OTEL_RESOURCE_ATTRIBUTES: "team=a,service.instance.id=mine" },
    { resource: { "telegram.bot.id": "7" } },
  );
  telemetry.tracer.startSpan("x").end();
  telemetry.logger.emit({ body: "x" });
  await telemetry.shutdown(2000);
  const resource = capture.spans[0]?.resource ?? {};
  assert.deepEqual(capture.logs[0]?.resource, resource);
  assert.deepEqual(capture.metrics.get("process.uptime")?.resource, resource);
  assert.equal(resource["service.name"], "bot");
  assert.equal(resource["service.namespace"], "gramwatch");
  assert.equal(resource["service.version"], "1.2.3");
  assert.equal(resource["service.instance.id"], telemetry.instanceId);
  assert.equal(resource["deployment.environment.name"], "production");
  assert.equal(resource["telegram.bot.id"], "7");
  assert.equal(resource["team"], "a");
  assert.ok(resource["host.name"] && resource["process.runtime.version"]);
});

test("OTEL_SERVICE_NAME wins", async (t) => {
  const { telemetry } = await start(t, { OTEL_SERVICE_NAME: "shopbot" });
  assert.equal(telemetry.serviceName, "shopbot");
  assert.match(await telemetry.metricsPage(), /target_info\{service_name="shopbot"/);
});

test("a root span takes the ids of its correlation id; its child does not", async (t) => {
  const { telemetry, capture } = await start(t);
  const id = "0af7651916cd43dd8448eb211c80319c";
  const root = telemetry.ids.with(id, () => telemetry.tracer.startSpan("root", { root: true }));
  telemetry.tracer.startSpan("child", {}, trace.setSpan(context.active(), root)).end();
  root.end();
  telemetry.tracer.startSpan("next").end();
  await telemetry.shutdown(2000);
  const [child, first, next] = capture.spans;
  assert.deepEqual([first?.traceId, first?.spanId], [id, "8448eb211c80319c"]);
  assert.deepEqual([child?.traceId, child?.parentSpanId], [id, "8448eb211c80319c"]);
  assert.notEqual(next?.traceId, id);
});

test("a value of a span is clipped at 4 KiB, and a token in it does not leave", async (t) => {
  const { telemetry, capture } = await start(t);
  const token = `123456789:${"a".repeat(35)}`;
  const span = telemetry.tracer.startSpan("x", { attributes: { long: "x".repeat(9999), list: [token] } });
  span.setStatus({ code: 2, message: `failed for ${token}` });
  span.addEvent("e", { token });
  span.end();
  telemetry.logger.emit({ body: "x", attributes: { token } });
  await telemetry.shutdown(2000);
  assert.equal(String(capture.spans[0]?.attributes["long"]).length, 4096);
  assert.deepEqual(capture.spans[0]?.attributes["list"], ["[token]"]);
  assert.ok(capture.raw.every((body) => !body.includes(token)));
});

test("calls to Telegram carry no traceparent and make no HTTP span; calls to dependencies do both", async (t) => {
  const seen: Record<string, string | string[] | undefined>[] = [];
  const server = createServer((incoming, response) => {
    seen.push({ url: incoming.url, traceparent: incoming.headers["traceparent"] });
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const telegram = `http://localhost:${port}`;
  const { telemetry, capture } = await start(t, {}, { telegramApiRoot: telegram });
  const span = telemetry.tracer.startSpan("handling", { kind: SpanKind.CONSUMER });
  const send = async (url: string) => (await request(url)).body.text();
  await context.with(trace.setSpan(context.active(), span), async () => {
    await send(`${telegram}/bot1:x/getMe`);
    await send(`${telegram}/anything`);
    await send(`http://127.0.0.1:${port}/bot1:x/getMe`);
    await send(`http://127.0.0.1:${port}/file/bot1:x/a.ogg`);
    await send(`http://127.0.0.1:${port}/v1/audio?key=hunter2`);
    await (await fetch(`http://127.0.0.1:${port}/native`)).text();
  });
  await send(`http://127.0.0.1:${port}/without-parent`);
  span.end();
  await telemetry.shutdown(2000);

  const traced = seen.filter(({ traceparent }) => traceparent !== undefined).map(({ url }) => url);
  assert.deepEqual(traced, ["/v1/audio?key=hunter2", "/native"]);
  const calls = capture.spans.filter(({ kind }) => kind === 3);
  assert.deepEqual(
    calls.map(({ attributes, parentSpanId }) => [attributes["url.full"], parentSpanId]),
    [
      [`http://127.0.0.1:${port}/v1/audio`, span.spanContext().spanId],
      [`http://127.0.0.1:${port}/native`, span.spanContext().spanId],
    ],
  );
  assert.ok(capture.raw.every((body) => !body.includes("hunter2")));
  const duration = capture.metrics.get("http.client.request.duration");
  assert.deepEqual(duration?.points[0]?.bounds, [...httpClientBuckets]);
});

test("the event loop's delay is ours alone, and the SDK reports on itself", async (t) => {
  const { telemetry, capture } = await start(t);
  telemetry.tracer.startSpan("x").end();
  const page = await telemetry.metricsPage();
  await telemetry.shutdown(2000);
  const delays = [...capture.metrics.values()].filter(({ name }) => name.startsWith("nodejs.eventloop.delay"));
  assert.deepEqual(
    delays.map(({ name, scope }) => `${name} of ${scope}`).sort(),
    ["max", "p50", "p99"].map((part) => `nodejs.eventloop.delay.${part} of @gramwatch/otel`),
  );
  for (const name of ["otel.sdk.span.started", "otel.sdk.processor.span.queue.capacity"]) {
    assert.ok(capture.metrics.has(name), name);
  }
  assert.match(
    page,
    /otel_sdk_processor_span_queue_size\{[^}]*otel_component_name="batching_span_processor\/\d+"[^}]*\} 1\n/,
  );
  assert.match(page, /otel_sdk_processor_span_queue_capacity\{[^}]*\} 2048\n/);
});

test("the first drop of a queue is seen: its counter is there with a zero, as the SDK will name it", async (t) => {
  const { telemetry } = await start(t, { OTEL_BSP_MAX_QUEUE_SIZE: "10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10" });
  const drops = async () =>
    [
      ...(await telemetry.metricsPage()).matchAll(
        /^(otel_sdk_processor_\w+_processed_total\{.*queue_full.*\}) (\d+)$/gm,
      ),
    ].map(([, series, value]) => [series, Number(value)] as const);
  const before = await drops();
  assert.deepEqual(
    before.map(([, value]) => value),
    [0, 0],
  );
  for (let n = 0; n < 500; n++) telemetry.tracer.startSpan("x").end();
  const after = await drops();
  assert.deepEqual(
    after.map(([series]) => series),
    before.map(([series]) => series),
  );
  assert.ok(after.some(([, value]) => value > 0));
});

test("what a queue drops is in the SDK's own metrics and in the health page, the same number", async (t) => {
  const { telemetry } = await start(t, { OTEL_BSP_MAX_QUEUE_SIZE: "10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "10" });
  for (let n = 0; n < 500; n++) telemetry.tracer.startSpan("x").end();
  const { dropped } = telemetry.health();
  const page = await telemetry.metricsPage();
  assert.ok(dropped.spans > 0);
  const counted = /otel_sdk_processor_span_processed_total\{[^}]*error_type="queue_full"[^}]*\} (\d+)\n/.exec(page);
  assert.equal(Number(counted?.[1]), dropped.spans);
});

for (const temporality of ["cumulative", "delta", "lowmemory"]) {
  test(`reading the page takes nothing from what is pushed, nor the other way round: ${temporality}`, async (t) => {
    // Read by the exporter itself.
    process.env["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] = temporality;
    t.after(() => delete process.env["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"]);
    const { telemetry, capture } = await start(t, { OTEL_METRIC_EXPORT_INTERVAL: "40" });
    const histogram = telemetry.meter.createHistogram("told", { unit: "s" });
    histogram.record(1);
    await telemetry.metricsPage();
    await capture.until(() => capture.metrics.has("told"), "the first export");
    assert.equal(capture.metrics.get("told")?.points[0]?.count, 1);
    capture.metrics.clear();
    histogram.record(1);
    assert.match(await telemetry.metricsPage(), /told_seconds_count\{[^}]*\} 2\n/);
    const next = temporality === "cumulative" ? 2 : 1;
    await capture.until(() => capture.metrics.get("told")?.points[0]?.count === next, "the next export");
  });
}

test("what a gauge observes no more is gone from the page and from what is pushed", async (t) => {
  const { telemetry, capture } = await start(t);
  let phases = ["dns", "tcp"];
  observeMetric(telemetry.meter, metrics.probeDuration, (result) => {
    for (const phase of phases) result.observe(1, { phase });
  });
  const shown = async () =>
    [...(await telemetry.metricsPage()).matchAll(/^probe_duration_.*phase="(\w+)"/gm)].map(([, phase]) => phase);
  assert.deepEqual(await shown(), ["dns", "tcp"]);
  phases = ["dns"];
  assert.deepEqual(await shown(), ["dns"]);
  await telemetry.shutdown(2000);
  const pushed = capture.metrics.get("probe.duration")?.points.map(({ attributes }) => attributes["phase"]);
  assert.deepEqual(pushed, ["dns"]);
});

test("after a shutdown the process can start again, and nothing global is left", async (t) => {
  const { telemetry } = await start(t);
  await telemetry.shutdown(2000);
  assert.match(await telemetry.metricsPage(), /^# not readable/);
  assert.equal(trace.getTracer("x").startSpan("x").isRecording(), false);
  const again = await start(t);
  again.telemetry.tracer.startSpan("x").end();
  await again.telemetry.shutdown(2000);
  assert.equal(again.capture.spans.length, 1);
});

test("turned off, everything is there and does nothing", async () => {
  const telemetry = startTelemetry({ serviceName: "bot", serviceVersion: "1", env: { OTEL_SDK_DISABLED: "true" } });
  assert.equal(telemetry.enabled, false);
  telemetry.tracer.startSpan("x").end();
  telemetry.logger.emit({ body: "x" });
  telemetry.meter.createCounter("x").add(1);
  assert.equal(await telemetry.metricsPage(), "# telemetry is off (OTEL_SDK_DISABLED=true)\n");
  assert.deepEqual(telemetry.health(), {
    enabled: false,
    exporting: false,
    dropped: { spans: 0, logs: 0 },
    last_export_error: null,
  });
  assert.ok(telemetry.loop.delayMs().p99 >= 0);
  await telemetry.shutdown(10);
  assert.equal(metricsApi.getMeterProvider().constructor.name, "NoopMeterProvider");
});

/** Runs a program with our telemetry in a process of its own, for what NodeSDK reads from its environment. */
const recording = (env: Record<string, string>): string =>
  execFileSync(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `import { startTelemetry } from ${JSON.stringify(new URL("start.ts", import.meta.url).href)};
       const telemetry = startTelemetry({ serviceName: "bot", serviceVersion: "1", env: process.env });
       console.log(String(telemetry.tracer.startSpan("x").isRecording()));
       process.exit(0);`,
    ],
    { env: { ...QUIET, PATH: process.env["PATH"], ...env }, encoding: "utf8" },
  ).trim();

test("the sampler of the environment is used", () => {
  assert.equal(recording({}), "true");
  assert.equal(recording({ OTEL_TRACES_SAMPLER: "always_off" }), "false");
  assert.equal(recording({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" }), "false");
});

test("one version of each OpenTelemetry package is installed", () => {
  const lock = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8")) as {
    packages: Record<string, unknown>;
  };
  const copies = Object.keys(lock.packages).filter((path) =>
    /node_modules\/@opentelemetry\/(core|sdk-trace)$/.test(path),
  );
  assert.deepEqual(copies.sort(), ["node_modules/@opentelemetry/core", "node_modules/@opentelemetry/sdk-trace"]);
});
