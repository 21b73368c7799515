import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { encode } from "./testing.ts";

/** What the image's `--max-old-space-size` leaves beside the rest of the sidecar. */
const HEAP_MB = 64;

const PROGRAM = `
import { DatabaseSync } from "node:sqlite";
import { createStore } from ${JSON.stringify(new URL("../store/store.ts", import.meta.url))};
import { serveOtlp } from ${JSON.stringify(new URL("receiver.ts", import.meta.url))};
const dir = process.argv[1];
const sink = createStore({ dir, maxAgeMs: 1e12, maxBytes: 1e9 });
globalThis.other = new DatabaseSync(dir + "/telemetry.db");
other.exec("BEGIN IMMEDIATE"); // nothing can be written
console.log((await serveOtlp({ host: "127.0.0.1", port: 0, sink })).port);`;

/** A receiver in a process with the heap that it has in its image, and a store that cannot write. */
async function receiver(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-memory-"));
  const args = [`--max-old-space-size=${HEAP_MB}`, "--input-type=module", "-e", PROGRAM, dir];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(dir, { recursive: true });
  });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  return async (path: string, body: Buffer, headers: Record<string, string>) =>
    (await fetch(`http://127.0.0.1:${Number(port)}${path}`, { method: "POST", body, headers })).status;
}

const PROTOBUF = { "content-type": "application/x-protobuf" };
const text = (key: string, value: string) => ({ key, value: { stringValue: value } });
const span = (_: unknown, at: number) => ({
  traceId: Buffer.alloc(16, 1),
  spanId: Buffer.from((at + 1).toString(16).padStart(16, "0"), "hex"),
  name: "process message",
  attributes: Array.from({ length: 7 }, (_, nth) => text(`telegram.attribute.${nth}`, `value ${at} of ${nth}`)),
});
const spans = (length: number): Buffer =>
  Buffer.from(
    encode("ExportTraceServiceRequest", { resourceSpans: [{ scopeSpans: [{ spans: Array.from({ length }, span) }] }] }),
  );

test("while nothing can be written it refuses what comes before its memory ends", async (t) => {
  const send = await receiver(t);
  const batch = spans(512);
  let status = 200;
  for (let sent = 0; sent < 400 && status === 200; sent += 1) status = await send("/v1/traces", batch, PROTOBUF);
  assert.equal(status, 503);
});

test("a body that would be many times as large in memory is refused, and does not end the process", async (t) => {
  const send = await receiver(t);
  const packed = (bytes: Buffer): Buffer =>
    [1, 2, 2, 10, 1, 8, 2].reduceRight((inner, field) => {
      const length = [
        (inner.length & 127) | 128,
        ((inner.length >> 7) & 127) | 128,
        ((inner.length >> 14) & 127) | 128,
        inner.length >> 21,
      ];
      return Buffer.concat([Buffer.of((field << 3) | 2, ...length), inner]);
    }, bytes);
  const keys = Array.from({ length: 700_000 }, (_, at) => `"${at.toString(36)}":1`).join();
  const json = (body: string): [Buffer, object] => [
    gzipSync(body),
    { "content-type": "application/json", "content-encoding": "gzip" },
  ];
  const bodies: [string, Buffer, object][] = [
    ["/v1/traces", spans(40_000), PROTOBUF],
    ["/v1/metrics", packed(Buffer.alloc(7_000_000, 1)), PROTOBUF],
    ["/v1/traces", ...json(`{"resourceSpans":[{"scopeSpans":[{"spans":[${"{},".repeat(2_000_000)}{}]}]}]}`)],
    ["/v1/traces", ...json(`{${keys}}`)],
  ];
  for (const [path, body, headers] of bodies)
    assert.match(String(await send(path, body, headers as Record<string, string>)), /^(400|413)$/);
  assert.equal(await send("/v1/traces", spans(8192), PROTOBUF), 200);
});
