import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { report, short, until } from "./figure.ts";
import { bundle, cpuSeconds, freePort, run, scratch, telemetrySink } from "./process.ts";

// Does the bot grow with the number of updates it has handled? A straight line through what is left after a full
// collection, every few thousand updates after the warm-up: between collections the heap is a saw, and a line through it
// is the word of chance. Every commit waits for the disk: TMPDIR=/dev/shm is faster.
const updates = Number(process.env["BENCH_UPDATES"] ?? (short ? 20_000 : 200_000));
const perSecond = 1_000;
/** On a machine that is busy with other things it stops here and says how far it came. */
const limitMs = 60_000 * Number(process.env["BENCH_MINUTES"] ?? 15);
const people = 500;
/** So many times the bot is left in peace and asked what is left. */
const looks = 20;

/** Collects, twice because what is finalized goes with the second, and says what is left. */
const collector = `import v8 from "node:v8"; import vm from "node:vm";
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc");
  process.on("SIGUSR2", () => { gc(); setImmediate(() => { gc(); const { heapUsed, rss } = process.memoryUsage();
    process.stderr.write("\\nleft " + heapUsed + " " + rss + "\\n"); }); });`;

bundle();
const sink = await telemetrySink();
const main = fileURLToPath(new URL("../fake-telegram/main.ts", import.meta.url));
const telegram = spawn(process.execPath, [main], {
  env: { PATH: process.env["PATH"], FAKE_TELEGRAM_PORT: "0", FAKE_TELEGRAM_CONTROL_PORT: "0" },
  stdio: ["ignore", "pipe", "inherit"],
});
process.on("exit", () => telegram.kill("SIGKILL"));
const [line] = (await once(telegram.stdout, "data")) as [Buffer];
const [, api = "", control = ""] = /Bot API (\S+), chat page (\S+)/.exec(line.toString()) ?? [];
const get = async <T>(url: string): Promise<T> => (await (await fetch(url)).json()) as T;
const { bots } = await get<{ bots: { token: string }[] }>(`${control}/state`);

const port = await freePort();
const bot = run("dist/bot/main.mjs", {
  TELEGRAM_API_ROOT: api,
  BOT_TOKEN: bots[0]?.token ?? "",
  BOT_HTTP_PORT: String(port),
  BOT_RATE_LIMIT: "10000/1s",
  DATA_DIR: scratch(),
  OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
  BACKUP_AT: "off",
  LOG_LEVEL: "info",
  NODE_OPTIONS: `--import=data:text/javascript;base64,${Buffer.from(collector).toString("base64")}`,
});
interface Health {
  updates: { handled: number; failed: number };
  memory: { rss_bytes: number };
}
const health = () => get<Health>(`http://127.0.0.1:${port}/health`);
await until("the bot", health);

interface Seen {
  handled: number;
  rss: number;
  heap: number;
}
const left: Seen[] = [];
async function look(): Promise<void> {
  bot.process.kill("SIGUSR2");
  const [, heap, rss] = await until(
    "what is left",
    () => /\nleft (\d+) (\d+)\n(?![^]*\nleft )/.exec(bot.output()) ?? undefined,
  );
  left.push({ handled, rss: Number(rss) / 1e6, heap: Number(heap) / 1e6 });
}

let highest = 0;
let asked = 0;
let handled = 0;
const cpuBefore = cpuSeconds(bot.pid);
const begun = performance.now();
while (handled < updates && performance.now() - begun < limitMs) {
  // No more than a few seconds ahead: what waits in the inbox is not what is measured.
  const next = Math.min(updates, ((left.length + 1) * updates) / looks);
  if (handled >= next) await look();
  else if (asked < next && asked - handled < 2 * perSecond) {
    const seconds = Math.min(1, (next - asked) / perSecond);
    asked += Math.round(perSecond * seconds);
    const texts = ["/ping", "/list", "hello", "/start", "/help", "/done 1"]; // nothing that makes later answers longer
    await fetch(`${control}/load`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ perSecond, seconds, people, seed: asked, texts }),
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  const now = await health().catch(() => undefined); // a kept connection may end as it is used
  if (now === undefined && bot.process.exitCode === null && bot.process.signalCode === null) continue;
  if (now === undefined) throw new Error(`the bot ended after ${handled} updates: ${bot.output()}`);
  const { updates: counts, memory } = now;
  handled = counts.handled + counts.failed;
  if (counts.failed > 0) throw new Error(`${counts.failed} updates failed: ${bot.output()}`);
  highest = Math.max(highest, memory.rss_bytes / 1e6);
}
const seconds = (performance.now() - begun) / 1000;
const cpu = cpuSeconds(bot.pid) - cpuBefore;
bot.process.kill("SIGTERM");
await bot.exit;
telegram.kill("SIGTERM");
sink.close();

const warm = left.slice(looks / 4);
const last = warm.at(-1);
console.log(
  `${handled} updates in ${seconds.toFixed(0)} s; left from ${warm[0]?.handled} on: heap ${warm[0]?.heap.toFixed(1)} → ${last?.heap.toFixed(1)} MB, RSS ${warm[0]?.rss.toFixed(0)} → ${last?.rss.toFixed(0)} MB`,
);
report({
  figure: `RSS slope of the bot per 100,000 updates, over ${handled}`,
  unit: "MB",
  ours: slopePer100k(warm.map((at) => [at.handled, at.rss])),
  goal: 1,
  must: 5,
});
report({
  figure: `heap slope of the bot per 100,000 updates, over ${handled}`,
  unit: "MB",
  ours: slopePer100k(warm.map((at) => [at.handled, at.heap])),
  goal: 0.5,
  must: 2,
});
report({ figure: "RSS of the bot, highest under load", unit: "MB", ours: highest });
report({ figure: "CPU per update of the whole bot, all threads", unit: "µs", ours: (cpu / handled) * 1e6 });
report({ figure: "updates handled per second", unit: "1/s", ours: handled / seconds, better: "higher" });

/** Least squares over [updates, megabytes]. */
function slopePer100k(points: readonly (readonly [number, number])[]): number {
  const mean = (index: 0 | 1): number => points.reduce((sum, point) => sum + point[index], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, [px, py]) => sum + (px - x) * (py - y), 0);
  return (over / points.reduce((sum, [px]) => sum + (px - x) ** 2, 0)) * 100_000;
}
