import type { AnyValue, Attributes, Link, SpanContext } from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableLogRecord } from "@opentelemetry/sdk-logs";
import type { ReadableSpan, TimedEvent } from "@opentelemetry/sdk-trace";
import type { Writer } from "./protobuf.ts";
import { createWriter } from "./protobuf.ts";

// The OTLP messages of spans and log records, byte for byte as the SDK's serializer writes them (a test compares), in
// one pass instead of two. Field numbers: open-telemetry/opentelemetry-proto, trace.proto, logs.proto, common.proto.

/** An `ExportTraceServiceRequest`. */
export const encodeSpans = (spans: readonly ReadableSpan[]): Uint8Array<ArrayBuffer> => encode(spans, writeSpan);

/** An `ExportLogsServiceRequest`. */
export const encodeLogs = (records: readonly ReadableLogRecord[]): Uint8Array<ArrayBuffer> => encode(records, writeLog);

interface Item {
  resource: Resource;
  instrumentationScope: InstrumentationScope;
}

/** How many bytes of length are expected: most items and whole requests are longer than one byte can say. */
const ITEM = 2;
const REQUEST = 3;
const BYTES_PER_ITEM = 512;

function encode<T extends Item>(items: readonly T[], write: (to: Writer, item: T) => void): Uint8Array<ArrayBuffer> {
  const to = createWriter((items.length + 2) * BYTES_PER_ITEM);
  for (const [resource, scopes] of grouped(items)) {
    const ofResource = to.open(1, REQUEST);
    const inResource = to.open(1, ITEM);
    writeAttributes(to, 1, resource.attributes);
    to.int(2, 0);
    to.close(inResource, ITEM);
    for (const [scope, own] of scopes) {
      const ofScope = to.open(2, REQUEST);
      writeScope(to, scope);
      for (const item of own) {
        const start = to.open(2, ITEM);
        write(to, item);
        to.close(start, ITEM);
      }
      if (scope.schemaUrl) to.text(3, scope.schemaUrl);
      to.close(ofScope, REQUEST);
    }
    if (resource.schemaUrl) to.text(3, resource.schemaUrl);
    to.close(ofResource, REQUEST);
  }
  return to.finish();
}

function grouped<T extends Item>(items: readonly T[]): Map<Resource, Map<InstrumentationScope, T[]>> {
  const resources = new Map<Resource, Map<InstrumentationScope, T[]>>();
  for (const item of items) {
    let scopes = resources.get(item.resource);
    if (!scopes) resources.set(item.resource, (scopes = new Map()));
    const own = scopes.get(item.instrumentationScope);
    if (own) own.push(item);
    else scopes.set(item.instrumentationScope, [item]);
  }
  return resources;
}

function writeScope(to: Writer, scope: InstrumentationScope & { attributes?: Attributes }): void {
  const start = to.open(1, 1);
  to.text(1, scope.name);
  if (scope.version) to.text(2, scope.version);
  if (scope.attributes) writeAttributes(to, 3, scope.attributes);
  to.close(start, 1);
}

function writeSpan(to: Writer, span: ReadableSpan): void {
  const context = span.spanContext();
  writeIds(to, context);
  if (span.parentSpanContext?.spanId) to.id(4, span.parentSpanContext.spanId);
  to.text(5, span.name);
  to.int(6, span.kind + 1);
  to.time(7, span.startTime);
  to.time(8, span.endTime);
  writeAttributes(to, 9, span.attributes);
  to.int(10, span.droppedAttributesCount);
  for (const event of span.events) writeEvent(to, event);
  to.int(12, span.droppedEventsCount);
  for (const link of span.links) writeLink(to, link);
  to.int(14, span.droppedLinksCount);
  const status = to.open(15, 1);
  if (span.status.message) to.text(2, span.status.message);
  to.int(3, span.status.code);
  to.close(status, 1);
  to.fixed32(16, flagsOf(context.traceFlags, span.parentSpanContext?.isRemote));
}

function writeEvent(to: Writer, event: TimedEvent): void {
  const start = to.open(11, 1);
  to.time(1, event.time);
  to.text(2, event.name);
  if (event.attributes) writeAttributes(to, 3, event.attributes);
  to.int(4, event.droppedAttributesCount ?? 0);
  to.close(start, 1);
}

function writeLink(to: Writer, link: Link): void {
  const start = to.open(13, 1);
  writeIds(to, link.context);
  if (link.attributes) writeAttributes(to, 4, link.attributes);
  to.int(5, link.droppedAttributesCount ?? 0);
  to.fixed32(6, flagsOf(link.context.traceFlags, link.context.isRemote));
  to.close(start, 1);
}

function writeIds(to: Writer, context: SpanContext): void {
  to.id(1, context.traceId);
  to.id(2, context.spanId);
  const state = context.traceState?.serialize();
  if (state) to.text(3, state);
}

// Bit 8: it is known whether the parent is remote; bit 9: it is.
const flagsOf = (traceFlags: number, isRemote: boolean | undefined): number =>
  (traceFlags & 0xff) | 0x100 | (isRemote ? 0x200 : 0);

function writeLog(to: Writer, record: ReadableLogRecord): void {
  const { severityNumber, severityText, spanContext: context } = record;
  to.time(1, record.hrTime);
  if (severityNumber) to.int(2, severityNumber);
  if (severityText) to.text(3, severityText);
  if (record.body !== undefined) {
    const start = to.open(5, 1);
    writeValue(to, record.body);
    to.close(start, 1);
  }
  writeAttributes(to, 6, record.attributes);
  to.int(7, record.droppedAttributesCount);
  if (context?.traceFlags) to.fixed32(8, context.traceFlags);
  if (context?.traceId) to.id(9, context.traceId);
  if (context?.spanId) to.id(10, context.spanId);
  to.time(11, record.hrTimeObserved);
  if (record.eventName) to.text(12, record.eventName);
}

function writeAttributes(to: Writer, field: number, attributes: Readonly<Record<string, AnyValue>>): void {
  for (const key in attributes) {
    if (!Object.hasOwn(attributes, key)) continue;
    const pair = to.open(field, 1);
    to.text(1, key);
    const value = to.open(2, 1);
    writeValue(to, attributes[key]);
    to.close(value, 1);
    to.close(pair, 1);
  }
}

function writeValue(to: Writer, value: AnyValue): void {
  if (typeof value === "string") to.text(1, value);
  else if (typeof value === "boolean") to.int(2, value ? 1 : 0);
  else if (typeof value === "number") {
    if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) to.int(3, value);
    else to.double(4, value);
  } else if (value instanceof Uint8Array) to.bytes(7, value);
  else if (Array.isArray(value)) {
    const list = to.open(5, 1);
    for (const item of value) {
      const start = to.open(1, 1);
      writeValue(to, item);
      to.close(start, 1);
    }
    to.close(list, 1);
  } else if (typeof value === "object" && value !== null) {
    const map = to.open(6, 1);
    writeAttributes(to, 1, value as Readonly<Record<string, AnyValue>>);
    to.close(map, 1);
  }
}
