import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type * as Undici from "undici";
import { startFakeTelegram } from "../fake-telegram/mod.ts";

const bundler = join(import.meta.dirname, "bundle.mjs");

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-bundle-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("the bundled bot loads no HTTP/2, no second undici; its telemetry leaves; its stacks name our lines", async (t) => {
  const dir = folder(t);
  assert.equal(spawnSync(process.execPath, [bundler, "bot", `--to=${dir}`], { stdio: "ignore" }).status, 0);
  const asked = new Set<string>();
  const sink = createServer((request, response) => {
    asked.add(request.url ?? "");
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  }).listen(0, "127.0.0.1");
  await once(sink, "listening");
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(async () => {
    sink.closeAllConnections();
    sink.close();
    await telegram.close();
  });
  const loaded = join(dir, "loaded.mjs");
  writeFileSync(loaded, 'process.on("exit", () => console.log(JSON.stringify({ loaded: process.moduleLoadList })));');
  const bot = spawn(process.execPath, [`--import=${loaded}`, join(dir, "bot", "main.mjs")], {
    env: {
      BOT_TOKEN: telegram.bot("shop").token,
      TELEGRAM_API_ROOT: telegram.url,
      BOT_HTTP_PORT: "0",
      DATA_DIR: join(dir, "data"),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(sink.address() as AddressInfo).port}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => bot.kill("SIGKILL"));
  let said = "";
  for (const stream of [bot.stdout, bot.stderr]) stream.on("data", (part: Buffer) => (said += part.toString()));
  telegram.say("/boom", { bot: "shop" });
  await telegram.called("sendMessage", { bot: "shop", timeoutMs: 20_000 });
  bot.kill("SIGTERM");
  assert.deepEqual(await once(bot, "close"), [0, null], said);

  const lines = said
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { loaded?: string[]; err?: { stack: string } });
  const heavy = lines
    .find((line) => "loaded" in line)
    ?.loaded?.filter((name) => /NativeModule (http2|stream\/web|internal\/deps\/undici\/undici)$/.test(name));
  assert.deepEqual(heavy, []);
  assert.deepEqual([...asked].toSorted(), ["/v1/logs", "/v1/metrics", "/v1/traces"]);
  const stack = lines.find(({ err }) => err !== undefined)?.err?.stack ?? "";
  assert.match(stack, /at .+ \(bot\/handlers\/\w+\.ts:\d+:\d+\)/);
});

test("undici's parts take what ours give: a form, a body, a signal, and no dispatcher", async (t) => {
  const { FormData, request } = createRequire(import.meta.url)("./images/undici.cjs") as typeof Undici;
  const seen: string[] = [];
  const server = createServer(async (incoming, response) => {
    let body = "";
    for await (const part of incoming) body += String(part);
    seen.push(`${incoming.method} ${incoming.url} ${body}`);
    response.end("answer");
  }).listen(0, "127.0.0.1");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const plain = await request(`${url}/a?b=c`, { signal: AbortSignal.timeout(5000) });
  assert.equal(await plain.body.text(), "answer");
  const form = new FormData();
  form.append("file", new Blob(["sound"]), "voice.ogg");
  const posted = await request(`${url}/form`, { method: "POST", body: form });
  await posted.body.dump();
  assert.equal(seen[0], "GET /a?b=c ");
  assert.match(seen[1] ?? "", /^POST \/form --[^]*filename="voice\.ogg"[^]*sound/);
  await assert.rejects(request(url, { signal: AbortSignal.abort() }), { name: "AbortError" });
});
