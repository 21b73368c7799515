import assert from "node:assert/strict";
import { test } from "node:test";
import type { Update } from "grammy/types";
import type { RawApi } from "grammy";
import type { botApiMethods } from "./methods.ts";
import { methodName } from "./methods.ts";
import type { Metric, UpdateType } from "./names.ts";
import { apiReasons, attributes, events, foreignMetrics, logFields, metrics, updateTypes } from "./names.ts";
import { promLabel, promName } from "./prom-name.ts";

type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
// Do not compile when grammY's Bot API gains or loses an update type or a method.
const sameUpdates: Equal<Exclude<UpdateType, "unknown">, Exclude<keyof Update, "update_id">> = true;
const sameMethods: Equal<(typeof botApiMethods)[number], keyof RawApi> = true;

const all: Metric[] = Object.values(metrics);

test("update types and methods are exactly those of grammY's types", () => {
  assert.ok(sameUpdates && sameMethods);
  assert.equal(methodName("sendMessage"), "sendMessage");
  assert.equal(methodName("stealTokens"), "_OTHER");
});

test("every metric has its own name for Prometheus", () => {
  const names = [...all, ...foreignMetrics].map(promName);
  assert.equal(new Set(names).size, names.length);
});

test("no up-down counter has unit 1, where the two paths to Prometheus disagree", () => {
  assert.deepEqual(
    [...all, ...foreignMetrics].filter(({ kind, unit }) => kind === "updown" && unit === "1"),
    [],
  );
});

test("labels of a metric stay apart as Prometheus labels", () => {
  for (const { name, labels } of all) {
    const names = Object.keys(labels ?? {}).map(promLabel);
    assert.equal(new Set(names).size, names.length, name);
  }
});

test("histograms, and only they, have buckets, in rising order", () => {
  for (const { name, kind, buckets } of all) {
    assert.equal(buckets !== undefined, kind === "histogram", name);
    assert.deepEqual(
      [...(buckets ?? [])].sort((a, b) => a - b),
      [...(buckets ?? [])],
      name,
    );
  }
});

test("no metric can reach 500 label sets in a process", () => {
  // A call ends in success or in one reason, and a handling as well, so statuses and reasons do not multiply; a bot
  // calls about 20 methods and has about 15 handlers, of which 3 update types matter.
  const sizes: Record<string, number> = {
    [attributes.rpcMethod]: 20,
    [attributes.handler]: 15,
    [attributes.rpcStatus]: 1,
    probe: 1,
    target: 10,
    rule: 20,
    path: 10,
  };
  for (const { name, labels = {} } of all) {
    let sets = 1;
    for (const [label, values] of Object.entries(labels)) {
      const known = sizes[label];
      if (label === attributes.updateType && attributes.handler in labels) sets *= 3;
      else sets *= known ?? (Array.isArray(values) ? values.length : Number.NaN);
    }
    assert.ok(sets < 500, `${name}: ${sets}`);
  }
});

test("nothing that identifies a person or a single event is a label", () => {
  const never = [attributes.userHash, attributes.updateId, attributes.messageId, attributes.correlationId];
  for (const { name, labels = {} } of all) {
    assert.deepEqual(
      Object.keys(labels).filter((label) => (never as string[]).includes(label)),
      [],
      name,
    );
  }
});

test("names are unique and the closed sets hold no duplicates", () => {
  for (const list of [Object.values(attributes), Object.values(events), logFields, apiReasons, updateTypes]) {
    assert.equal(new Set<string>(list).size, list.length);
  }
});
