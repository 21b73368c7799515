import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { freePorts } from "./product/product.ts";

const names = ["FAKE_TELEGRAM_PORT", "FAKE_TELEGRAM_CONTROL_PORT", "BOT_HTTP_PORT", "CONSOLE_PORT", "OTLP_PORT"];

/** The demo on ports of its own. `closed` settles only when no process of it holds the pipes any more. */
async function demo(t: TestContext, flags: string[], settings: Record<string, string> = {}) {
  const ports = (await freePorts(names.length)).map(String);
  const child = spawn(process.execPath, [join(import.meta.dirname, "demo.ts"), ...flags], {
    env: {
      PATH: process.env["PATH"],
      NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"],
      ...Object.fromEntries(names.map((name, index) => [name, ports[index]])),
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close") as Promise<[number | null, string | null]>;
  let printed = "";
  const seen = new Map<string, () => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      printed += String(chunk);
      for (const [text, resolve] of seen) if (printed.includes(text)) resolve();
    });
  t.after(async () => {
    child.kill("SIGTERM");
    await closed;
  });
  return {
    child,
    closed,
    ports,
    printed: () => printed,
    said: (text: string) => Promise.race([new Promise<void>((resolve) => seen.set(text, resolve)), closed]),
  };
}

test("the demo tells its story and ends with 0", { timeout: 120_000 }, async (t) => {
  // A token in the environment is not the demo's: it would play with a real bot.
  const real = { BOT_TOKEN: "123:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", TELEGRAM_API_ROOT: "http://127.0.0.1:9" };
  const run = await demo(t, ["--end", "--fast"], { DISCONNECTED_AFTER: "2s", ...real });
  assert.deepEqual(await run.closed, [0, null], run.printed());

  const facts = [
    `chat page  http://127.0.0.1:${run.ports[1]}/`,
    `console    http://127.0.0.1:${run.ports[3]}/`,
    "Ada: /add buy tea",
    "buy tea",
    "too many errors",
    `http://127.0.0.1:${run.ports[3]}/incidents/`,
    "What happened to",
    "└─ process message",
    "✗ handler",
    "SELECT tasks",
    "sendMessage",
    "failed on purpose",
    "disconnected",
    "late but not lost: Added",
    "connected again",
    "each once",
  ];
  let from = 0;
  for (const fact of facts) {
    const at = run.printed().indexOf(fact, from);
    assert.notEqual(at, -1, `"${fact}" in its place in\n${run.printed()}`);
    from = at;
  }
  assert.equal(run.printed().match(/│ 🟠 .*too many errors/g)?.length, 1, "one alert for the burst");
});

test("Ctrl-C in the middle of the demo ends every process of it, with 0", { timeout: 60_000 }, async (t) => {
  const run = await demo(t, []);
  await run.said("1. A day like any other");
  run.child.kill("SIGINT");
  assert.deepEqual(await run.closed, [0, null], run.printed());
  await assert.rejects(fetch(`http://127.0.0.1:${run.ports[2]}/livez`), "the bot's port is free again");
});

test("a start that fails ends the demo with its exit code and its words", { timeout: 60_000 }, async (t) => {
  const run = await demo(t, ["--end"], { DISCONNECTED_AFTER: "soon" });
  const [code] = await run.closed;
  assert.equal(code, 78, run.printed());
  assert.match(run.printed(), /DISCONNECTED_AFTER = "soon": a duration/);
});
