import assert from "node:assert/strict";
import { test } from "node:test";
import { createLog } from "@gramwatch/otel";
import type { Probe, Sample } from "./probes/probe.ts";
import { watch } from "./watch.ts";

const failure = { phase: "tcp" as const, code: "ECONNREFUSED", message: "connect ECONNREFUSED" };
const seen = { target: "t", atMs: 0, wallMs: 0 };
const control = (ok: boolean): Sample => ({ kind: "control", probe: "c", ...seen, ...(!ok && { failure }) });

function lines() {
  const written: Record<string, unknown>[] = [];
  const log = createLog({ destination: { write: (line) => void written.push(JSON.parse(line)) } });
  return { log, written };
}

/** A probe that gives the next of `samples` at each run, then ends the watch. */
function probeOf(samples: Sample[], end: AbortController): Probe {
  let at = 0;
  return {
    name: "c",
    intervalMs: 0,
    timeoutMs: 1000,
    run: async () => {
      const sample = samples[at++];
      if (sample !== undefined) return sample;
      end.abort();
      return control(false);
    },
  };
}

test("every sample is passed on, but not the one that the end cut off", async () => {
  const end = new AbortController();
  const got: Sample[] = [];
  const samples = [control(true), control(false)];
  await watch([probeOf(samples, end)], {
    onSample: (sample) => got.push(sample),
    signal: end.signal,
    log: lines().log,
  });
  assert.deepEqual(got, samples);
});

test("of a run of failures the 1st, 2nd and 4th is logged, and its end", async () => {
  const end = new AbortController();
  const { log, written } = lines();
  const samples = [...Array(5).fill(control(false)), control(true), control(true)] as Sample[];
  await watch([probeOf(samples, end)], { onSample() {}, signal: end.signal, log });
  assert.deepEqual(
    written.map(({ msg, count, phase }) => [msg, count, phase]),
    [
      ["a probe fails", 1, "tcp"],
      ["a probe fails", 2, "tcp"],
      ["a probe fails", 4, "tcp"],
      ["a probe succeeds again", 5, undefined],
    ],
  );
});

test("each kind of sample says why it failed", async () => {
  const end = new AbortController();
  const { log, written } = lines();
  const probe = (name: string) => ({ ...seen, probe: name });
  const samples: Sample[] = [
    { kind: "health", ...probe("health"), result: { ok: false, failure } },
    { kind: "telegram", ...probe("path"), paths: [{ family: 4, failure }] },
    { kind: "telegram", ...probe("getMe"), paths: [{ family: 4 }], getMe: { ok: false, description: "Unauthorized" } },
    { kind: "webhook", ...probe("webhook"), result: { ok: false, description: "Not Found" } },
    { kind: "dependency", ...probe("refused"), durationMs: 1, failure },
    { kind: "dependency", ...probe("answered"), durationMs: 1, status: 503 },
    { kind: "disk", ...probe("disk"), result: { ok: false, code: "ENOENT" } },
    { kind: "own", ...probe("own"), sqlite: { ok: false, error: "damaged" }, lastMetricsAtMs: {} },
  ];
  await watch([probeOf(samples, end)], { onSample() {}, signal: end.signal, log });
  assert.deepEqual(
    written.map(({ probe, phase, detail }) => [probe, phase, detail]),
    [
      ["health", "tcp", "connect ECONNREFUSED"],
      ["path", "tcp", "connect ECONNREFUSED"],
      ["getMe", undefined, "Unauthorized"],
      ["webhook", undefined, "Not Found"],
      ["refused", "tcp", "connect ECONNREFUSED"],
      ["answered", undefined, "HTTP 503"],
      ["disk", undefined, "ENOENT"],
      ["own", undefined, "damaged"],
    ],
  );
});

test("a probe that breaks its promise and rejects is logged, and the others go on", async () => {
  const end = new AbortController();
  const { log, written } = lines();
  const broken: Probe = {
    ...probeOf([], end),
    name: "broken",
    intervalMs: 60_000,
    run: () => Promise.reject(new Error("ours")),
  };
  const got: Sample[] = [];
  const good = probeOf([control(true), control(true)], end);
  await watch([broken, good], { onSample: (sample) => got.push(sample), signal: end.signal, log });
  assert.equal(got.length, 2);
  assert.deepEqual(
    written.map(({ msg, probe }) => [msg, probe]),
    [["a probe broke", "broken"]],
  );
});
