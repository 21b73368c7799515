import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { report, short } from "./figure.ts";

// What does observing a bot cost? CPU of all threads per update, the last flush included, as a ratio to a bare grammY
// bot on its own client, in one interleaved run. One update is one handler that sends one message.
const goal = 1;
const must = 1.3;
const variants = ["bare", "bare on our transport", "observed"] as const;
type Variant = (typeof variants)[number];
const updates = Number(process.env["BENCH_UPDATES"] ?? (short ? 1000 : 10_000));
const rounds = Number(process.env["BENCH_ROUNDS"] ?? (short ? 1 : 5));

/** Answers every call as Telegram would, and takes telemetry without reading it. */
async function parent(): Promise<void> {
  const answer = JSON.stringify({
    ok: true,
    result: { message_id: 1, date: 1, chat: { id: 1, type: "private" }, text: "x" },
  });
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, {
        "content-type": request.url?.startsWith("/bot") ? "application/json" : "application/x-protobuf",
      });
      response.end(request.url?.startsWith("/bot") ? answer : undefined);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const ratios: Record<Variant, number[]> = { bare: [], "bare on our transport": [], observed: [] };
  let reference: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const micros: Partial<Record<Variant, number>> = {};
    for (const variant of variants) micros[variant] = await measure(variant, url);
    const bare = micros.bare ?? Number.NaN;
    reference = [...reference, bare];
    for (const variant of variants) ratios[variant].push((micros[variant] ?? Number.NaN) / bare);
  }
  server.close();
  server.closeAllConnections();

  const micros = median(reference);
  const peer = { name: "bare grammY", value: Math.round(micros) };
  for (const variant of variants) {
    if (variant === "bare") continue;
    const limits = variant === "observed" ? { goal: Math.round(micros * goal), must: Math.round(micros * must) } : {};
    report({
      figure: `CPU per update, ${variant}`,
      unit: "µs",
      ours: micros * median(ratios[variant]),
      peer,
      ...limits,
    });
  }
}

async function measure(variant: Variant, url: string): Promise<number> {
  const bot = spawn(process.execPath, [import.meta.filename], {
    env: { PATH: process.env["PATH"], BENCH_VARIANT: variant, BENCH_URL: url, BENCH_UPDATES: String(updates) },
    // Lines go to a real file descriptor that takes them all; the figure comes back on another one.
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  let figure = "";
  bot.stdio[3]?.on("data", (data: Buffer) => void (figure += String(data)));
  const [code] = (await once(bot, "close")) as [number];
  if (code !== 0) throw new Error(`${variant} ended with ${code}`);
  return Number(figure);
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

async function child(variant: Variant): Promise<void> {
  const url = process.env["BENCH_URL"] ?? "";
  const token = `123456:${"a".repeat(35)}`;
  const otel = variant === "bare" ? undefined : await import("../otel/mod.ts");
  const { Bot } = await import("grammy");
  const transport = otel?.createTransport({ token, apiRoot: url });
  const bot = new Bot(transport?.token ?? token, {
    client: { apiRoot: url, ...(transport && { fetch: transport.fetch }) },
    botInfo: { id: 123456, is_bot: true, first_name: "b", username: "b_bot" } as never,
  });
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_BSP_MAX_QUEUE_SIZE: "8192",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1024",
  };
  const observed = variant === "observed" ? otel?.observe(bot, { port: false, env }) : undefined;
  bot.on("message", (ctx) => ctx.reply("answer"));
  const run = async (count: number): Promise<void> => {
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let id = next++; id < count; id = next++) await bot.handleUpdate(update(id));
    };
    await Promise.all(Array.from({ length: 20 }, worker));
  };
  await run(1000);
  const before = process.cpuUsage();
  await run(updates);
  await observed?.shutdown(10_000);
  const { user, system } = process.cpuUsage(before);
  const { writeSync } = await import("node:fs");
  writeSync(3, String((user + system) / updates));
  const dropped = observed?.telemetry.health().dropped.spans ?? 0;
  if (dropped > 0) process.stderr.write(`${dropped} spans were dropped: the figure is too good\n`);
  process.exit(0);
}

const update = (id: number) => ({
  update_id: id,
  message: {
    message_id: id,
    date: 1_700_000_000,
    chat: { id: 1 + (id % 100), type: "private" as const, first_name: "A" },
    from: { id: 1 + (id % 100), is_bot: false, first_name: "A" },
    text: "hello",
  },
});

if (process.env["BENCH_VARIANT"] === undefined) await parent();
else await child(process.env["BENCH_VARIANT"] as Variant);
