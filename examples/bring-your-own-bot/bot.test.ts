import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { startFakeTelegram } from "../../fake-telegram/mod.ts";
import { assertNoSecret, startOtlpCapture } from "../../otel/testing.ts";

const file = join(import.meta.dirname, "bot.ts");

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("a plain bot with two more lines sends its traces, metrics and logs and tells its health", async (t) => {
  const telegram = await startFakeTelegram({ bots: ["echo"] });
  const capture = await startOtlpCapture();
  const port = await freePort();
  const { token } = telegram.bot();
  const bot = spawn(process.execPath, [file], {
    env: {
      PATH: process.env["PATH"],
      BOT_TOKEN: token,
      TELEGRAM_API_ROOT: telegram.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      BOT_HTTP_PORT: String(port),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [bot.stdout, bot.stderr]) stream.on("data", (data: Buffer) => void (output += String(data)));
  t.after(async () => {
    bot.kill("SIGKILL");
    await Promise.all([telegram.close(), capture.close()]);
  });

  await telegram.called("getUpdates", { timeoutMs: 20_000 });
  const polled = telegram.called("getUpdates", { skip: 1 });
  telegram.say("hello");
  telegram.say("/fail");
  await polled;
  await telegram.called("sendMessage", { where: ({ params }) => params["text"] === "That went wrong." });

  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  const health = JSON.parse(await get("/health")) as Record<string, Record<string, unknown>>;
  assert.deepEqual(
    [
      health["service"],
      health["telegram"]?.["connected"],
      health["telegram"]?.["username"],
      health["errors"]?.["total"],
    ],
    ["echo", true, "echo_bot", 1],
  );
  assert.match(await get("/metrics"), /telegram_bot_errors_total\{reason="handler",service_name="echo"[^}]*\} 1\n/);

  bot.kill("SIGTERM");
  const [code] = (await once(bot, "exit")) as [number];
  assert.equal(code, 0, output);
  const roots = capture.spans.filter(({ name }) => name === "process message");
  assert.deepEqual(
    roots.map(({ resource, attributes }) => [resource["service.name"], attributes["error.type"]]),
    [
      ["echo", undefined],
      ["echo", "handler"],
    ],
  );
  assert.equal(capture.logs.filter(({ body }) => body === "update failed").length, 1);
  assert.ok(capture.metrics.has("rpc.client.call.duration"));
  assertNoSecret({ output, exported: Buffer.concat(capture.raw) }, [token]);
});

test("it is two lines, as the page says", () => {
  const lines = readFileSync(file, "utf8").split("\n");
  assert.equal(lines.filter((line) => line.includes("observe")).length, 2);
});
