import { spawn } from "node:child_process";
import { once } from "node:events";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { quantile, report, short } from "./figure.ts";
import { bundle, cpuSeconds, freePort, rssMiB, run, scratch, telemetrySink } from "./process.ts";

// How long until the bot listens to people, how long until it is gone, and what bot and sidecar weigh while nothing
// happens. The peer is a grammY bot of three lines on the same Node.
const rounds = short ? 3 : 11;
const idleMs = short ? 3_000 : 20_000;

bundle();
const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
const sink = await telemetrySink();
const shop = telegram.bot("shop");
const common = { TELEGRAM_API_ROOT: telegram.url, NODE_ENV: "production", OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
const botEnv = () => ({ ...common, BOT_TOKEN: shop.token, BOT_HTTP_PORT: "0", DATA_DIR: scratch() });

const times = { bundled: [] as number[], stripped: [] as number[], plain: [] as number[], stop: [] as number[] };
/** A shared machine stretches times; what a start costs in CPU it stretches less. */
const cpu = { bundled: [] as number[], plain: [] as number[] };
for (let round = 0; round < rounds; round++) {
  for (const [kind, entry] of [["bundled", "dist/bot/main.mjs"] as const, ["stripped", "bot/main.ts"] as const]) {
    const polled = nextPoll();
    const begun = performance.now();
    const bot = run(entry, botEnv());
    times[kind].push((await polled) - begun);
    if (kind === "bundled") cpu.bundled.push(cpuSeconds(bot.pid) * 1000);
    await new Promise((resolve) => setTimeout(resolve, 700)); // whatever a start leaves behind is done by then
    const asked = performance.now();
    bot.process.kill("SIGTERM");
    const code = await bot.exit;
    if (code !== 0) throw new Error(`the bot ended with ${code}: ${bot.output()}`);
    if (kind === "bundled") times.stop.push(performance.now() - asked);
  }
  times.plain.push(await plainBot());
}

const dataDir = scratch();
const port = await freePort();
const bot = run("dist/bot/main.mjs", { ...botEnv(), BOT_HTTP_PORT: String(port) });
const sidecar = run("dist/sidecar/main.mjs", {
  ...common,
  BOT_URL: `http://127.0.0.1:${port}`,
  BOT_TOKEN: shop.token,
  ALERT_BOT_TOKEN: telegram.bot("alerts").token,
  ALERT_CHAT_ID: "-100200300",
  CONSOLE_PORT: "0",
  OTLP_PORT: "0",
  DATA_DIR: dataDir,
});
await new Promise((resolve) => setTimeout(resolve, idleMs));
const idle = { bot: rssMiB(bot.pid) * 1.048576, sidecar: rssMiB(sidecar.pid) * 1.048576 };
for (const program of [bot, sidecar]) {
  program.process.kill("SIGTERM");
  await program.exit;
}
sink.close();
await telegram.close();

const peer = { name: "grammY alone", value: Math.round(quantile(times.plain, 0.5)) };
const cpuPeer = { name: peer.name, value: Math.round(quantile(cpu.plain, 0.5)) };
report({
  figure: "start to first getUpdates, bundled",
  unit: "ms",
  ours: quantile(times.bundled, 0.5),
  goal: 250,
  must: 400,
  peer,
});
report({ figure: "start to first getUpdates, types stripped", unit: "ms", ours: quantile(times.stripped, 0.5), peer });
report({
  figure: "CPU until the first getUpdates, bundled",
  unit: "ms",
  ours: quantile(cpu.bundled, 0.5),
  peer: cpuPeer,
});
report({ figure: "SIGTERM to exit, idle, telemetry flushed", unit: "ms", ours: quantile(times.stop, 0.5), goal: 100 });
report({ figure: "RSS of bot + sidecar, idle", unit: "MB", ours: idle.bot + idle.sidecar, goal: 150, must: 180 });
report({ figure: "RSS of the bot, idle", unit: "MB", ours: idle.bot });
report({ figure: "RSS of the sidecar, idle", unit: "MB", ours: idle.sidecar });

/** When the next poll of the bot begins to wait. */
function nextPoll(): Promise<number> {
  return new Promise((resolve) => {
    const stop = telegram.onCall(({ bot, method, state }) => {
      if (bot !== "shop" || method.toLowerCase() !== "getupdates" || state !== "waiting") return;
      stop();
      resolve(performance.now());
    });
  });
}

async function plainBot(): Promise<number> {
  const program = `const { Bot } = await import("grammy");
    const bot = new Bot(process.env.T, { client: { apiRoot: process.env.R } });
    bot.on("message", (ctx) => ctx.reply("hello"));
    void bot.start();`;
  const polled = nextPoll();
  const begun = performance.now();
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    env: { PATH: process.env["PATH"], T: shop.token, R: telegram.url },
    stdio: "ignore",
  });
  const tookMs = (await polled) - begun;
  cpu.plain.push(cpuSeconds(child.pid ?? 0) * 1000);
  child.kill("SIGKILL");
  await once(child, "exit");
  return tookMs;
}
