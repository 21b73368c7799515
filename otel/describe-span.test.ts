import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sampler } from "@opentelemetry/sdk-trace";
import { AlwaysOffSampler, InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { describeSpan } from "./describe-span.ts";

function exported(sampler?: Sampler) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    ...(sampler && { sampler }),
  });
  const span = provider.getTracer("test").startSpan("span");
  describeSpan(span, { a: 1, b: "two" });
  span.setAttribute("later", true);
  span.end();
  return exporter.getFinishedSpans().map(({ attributes }) => attributes);
}

test("a span has the attributes that it was given, and those that came later", () => {
  assert.deepEqual(exported(), [{ a: 1, b: "two", later: true }]);
});

test("what a sampler added stays", () => {
  const sampler: Sampler = { shouldSample: () => ({ decision: 2, attributes: { sampled: "by rule" } }) };
  assert.deepEqual(exported(sampler), [{ sampled: "by rule", a: 1, b: "two", later: true }]);
});

test("a span that is not recorded takes none", () => {
  assert.deepEqual(exported(new AlwaysOffSampler()), []);
});
