import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { quantile, report, short } from "./figure.ts";

// What does observing a bot cost? CPU of all threads per update, the last flush included, and updates per second, as
// ratios to a bare grammY bot on its own client, in one interleaved run. One update is one handler that sends one message.
const goal = 1;
const must = 1.3;
const variants = ["bare", "bare on our transport", "observed", "bare with default auto-instrumentation"] as const;
type Variant = (typeof variants)[number];
const updates = Number(process.env["BENCH_UPDATES"] ?? (short ? 4000 : 10_000));
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

  const seen = new Map(variants.map((variant) => [variant, { micros: [] as number[], perSecond: [] as number[] }]));
  for (let round = 0; round < rounds; round++) {
    for (const variant of variants) {
      const { micros, perSecond } = await measure(variant, url);
      seen.get(variant)?.micros.push(micros);
      seen.get(variant)?.perSecond.push(perSecond);
    }
  }
  server.close();
  server.closeAllConnections();

  const bare = seen.get("bare");
  const median = (values: readonly number[]): number => quantile(values, 0.5);
  // Neighbours come and go: each round is compared with itself.
  const scaled = (kind: "micros" | "perSecond", variant: Variant): number =>
    median(bare?.[kind] ?? []) *
    median((seen.get(variant)?.[kind] ?? []).map((value, round) => value / (bare?.[kind][round] ?? Number.NaN)));
  const reference = median(bare?.micros ?? []);
  for (const variant of variants.slice(1)) {
    const limits =
      variant === "observed" ? { goal: Math.round(reference * goal), must: Math.round(reference * must) } : {};
    report({
      figure: `CPU per update, ${variant}`,
      unit: "µs",
      ours: scaled("micros", variant),
      peer: { name: "bare grammY", value: Math.round(reference) },
      ...limits,
    });
  }
  report({
    figure: "updates per second, observed",
    unit: "1/s",
    ours: scaled("perSecond", "observed"),
    better: "higher",
    peer: { name: "bare grammY", value: Math.round(scaled("perSecond", "bare")) },
  });
}

interface Cost {
  micros: number;
  perSecond: number;
}

async function measure(variant: Variant, url: string): Promise<Cost> {
  const automatic = variant === "bare with default auto-instrumentation";
  const flags = automatic ? ["--import", "@opentelemetry/auto-instrumentations-node/register"] : [];
  const bot = spawn(process.execPath, [...flags, import.meta.filename], {
    env: {
      PATH: process.env["PATH"],
      BENCH_VARIANT: variant,
      BENCH_URL: url,
      BENCH_UPDATES: String(updates),
      // The default detectors ask the clouds for their metadata.
      ...(automatic && { ...telemetryEnv(url), OTEL_NODE_RESOURCE_DETECTORS: "env,host,os,process" }),
    },
    cwd: import.meta.dirname,
    // Lines go to a real file descriptor that takes them all; the figure comes back on another one.
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  let figure = "";
  bot.stdio[3]?.on("data", (data: Buffer) => void (figure += String(data)));
  const [code] = (await once(bot, "close")) as [number];
  if (code !== 0) throw new Error(`${variant} ended with ${code}`);
  return JSON.parse(figure) as Cost;
}

/** Queues that hold what a bot at full speed makes: what is dropped costs nothing. */
const telemetryEnv = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_BSP_MAX_QUEUE_SIZE: "8192",
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1024",
  OTEL_BLRP_MAX_QUEUE_SIZE: "8192",
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: "1024",
});

async function child(variant: Variant): Promise<void> {
  const url = process.env["BENCH_URL"] ?? "";
  const token = `123456:${"a".repeat(35)}`;
  const ours = variant === "observed" || variant === "bare on our transport";
  const otel = ours ? await import("../otel/mod.ts") : undefined;
  const { Bot } = await import("grammy");
  const transport = otel?.createTransport({ token, apiRoot: url });
  const bot = new Bot(transport?.token ?? token, {
    client: { apiRoot: url, ...(transport && { fetch: transport.fetch }) },
    botInfo: { id: 123456, is_bot: true, first_name: "b", username: "b_bot" } as never,
  });
  const observed = variant === "observed" ? otel?.observe(bot, { port: false, env: telemetryEnv(url) }) : undefined;
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
  const fromMs = performance.now();
  await run(updates);
  const perSecond = (1000 * updates) / (performance.now() - fromMs);
  await observed?.shutdown(10_000);
  if (variant === "bare with default auto-instrumentation") await flushed();
  const { user, system } = process.cpuUsage(before);
  writeSync(3, JSON.stringify({ micros: (user + system) / updates, perSecond } satisfies Cost));
  const { spans = 0, logs = 0 } = observed?.telemetry.health().dropped ?? {};
  if (spans + logs > 0) process.stderr.write(`${spans} spans, ${logs} lines were dropped: the figure is too good\n`);
  process.exit(0);
}

/** Its own handler of SIGTERM flushes and says nothing when that is done. */
async function flushed(): Promise<void> {
  process.emit("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 2000));
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
