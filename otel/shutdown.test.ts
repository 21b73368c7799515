import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import { createLog } from "./log.ts";
import { handleExits } from "./shutdown.ts";
import { startOtlpCapture } from "./testing.ts";

/** A process that remembers how it ended. */
function fakeProcess() {
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  const codes: number[] = [];
  const fake = Object.assign(new EventEmitter(), {
    exit: (code: number) => {
      codes.push(code);
      resolve(code);
    },
  });
  return { fake: fake as unknown as NodeJS.Process, exited, codes };
}

function setUp(drain: () => Promise<void>) {
  const lines: string[] = [];
  const steps: string[] = [];
  const { fake, exited, codes } = fakeProcess();
  handleExits({
    process: fake,
    log: createLog({ destination: { write: (line) => void lines.push(line) } }),
    telemetry: { shutdown: (ms) => Promise.resolve(void steps.push(`flush ${ms}`)) },
    drain: () => drain().then(() => void steps.push("drained")),
    finish: () => void steps.push("finished"),
    crashed: () => void steps.push("marked"),
  });
  const said = () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
  return { fake, exited, codes, steps, said };
}

test("the first signal drains, says so, flushes, finishes and exits 0", async () => {
  const { fake, exited, steps, said } = setUp(() => Promise.resolve());
  fake.emit("SIGTERM");
  assert.equal(await exited, 0);
  assert.deepEqual(steps, ["drained", "flush 3000", "finished"]);
  assert.deepEqual(said(), ["stopping", "stopped"]);
});

test("the second signal exits 1 at once, whichever of the two it is", async () => {
  const { fake, exited, codes, steps } = setUp(() => new Promise(() => {}));
  fake.emit("SIGTERM");
  assert.deepEqual(codes, []);
  fake.emit("SIGINT");
  assert.equal(await exited, 1);
  assert.deepEqual(steps, []);
});

test("a crash is marked, logged once, flushed within a second and exits 1", async () => {
  const { fake, exited, steps, said } = setUp(() => Promise.resolve());
  fake.emit("uncaughtException", new Error("bug"));
  fake.emit("unhandledRejection", new Error("and another"));
  assert.equal(await exited, 1);
  assert.deepEqual(steps, ["marked", "flush 1000", "finished"]);
  assert.deepEqual(said(), ["crashed"]);
});

test("a drain that fails is a crash", async () => {
  const { fake, exited, said } = setUp(() => Promise.reject(new Error("disk full")));
  fake.emit("SIGTERM");
  assert.equal(await exited, 1);
  assert.deepEqual(said(), ["stopping", "crashed"]);
});

const program = (rest: string): string => `
  import { createLog, handleExits, startTelemetry } from ${JSON.stringify(new URL("mod.ts", import.meta.url).href)};
  const telemetry = startTelemetry({ serviceName: "bot", serviceVersion: "1", env: process.env });
  const log = createLog({ telemetry });
  handleExits({ telemetry, log, drain: () => Promise.resolve() });
  telemetry.tracer.startSpan("last work").end();
  log.info("last line");
  setInterval(() => {}, 1000);
  ${rest}
`;

async function runProgram(rest: string, url: string, signal?: NodeJS.Signals) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(rest)], {
    env: { PATH: process.env["PATH"], OTEL_EXPORTER_OTLP_ENDPOINT: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stderr.on("data", (data: Buffer) => void (output += String(data)));
  child.stdout.on("data", (data: Buffer) => {
    output += String(data);
    if (signal && !child.killed && output.includes("ready")) child.kill(signal);
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, output };
}

test("a real process sends its last span and line before it exits by a signal", async (t) => {
  const capture = await startOtlpCapture();
  t.after(() => capture.close());
  const { code, output } = await runProgram(`console.log("ready");`, capture.url, "SIGTERM");
  assert.equal(code, 0);
  assert.match(output, /"msg":"last line"/);
  assert.deepEqual(
    capture.spans.map(({ name }) => name),
    ["last work"],
  );
  assert.deepEqual(
    capture.logs.map(({ body }) => body),
    ["last line", "stopping", "stopped"],
  );
});

test("a real process that crashes sends why, without its token", async (t) => {
  const capture = await startOtlpCapture();
  t.after(() => capture.close());
  const token = `123456789:${"a".repeat(35)}`;
  const { code, output } = await runProgram(`throw new Error("GET /bot${token}/x");`, capture.url);
  assert.equal(code, 1);
  assert.match(output, /"msg":"crashed"/);
  const crash = capture.logs.at(-1);
  assert.deepEqual([crash?.severityText, crash?.attributes["exception.message"]], ["FATAL", "GET /bot[token]/x"]);
  assert.ok(![output, ...capture.raw.map(String)].join("").includes(token));
});

test("a receiver that hangs does not keep the process from leaving", { timeout: 30_000 }, async (t) => {
  const capture = await startOtlpCapture();
  t.after(() => capture.close());
  capture.behave({ kind: "trickle" });
  const { code } = await runProgram(`console.log("ready");`, capture.url, "SIGINT");
  assert.equal(code, 0);
});
