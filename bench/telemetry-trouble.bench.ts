import { setTimeout as delay } from "node:timers/promises";
import { Bot } from "grammy";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { createTransport, observe } from "../otel/mod.ts";
import { startOtlpCapture, type Behaviour } from "../otel/testing.ts";
import { quantile, report, short, until } from "./figure.ts";
import { rssMiB, run } from "./process.ts";

// Does a bot answer more slowly because its telemetry endpoint is in trouble, and does it grow? From the update being
// said to Telegram having the answer. A bot with telemetry off is asked in turn with the observed one, update by
// update, so that both meet the same neighbours. Nothing of a network is in the time, so a ratio here is the worst that
// anybody can see.
const mustRatio = 1.1;
const mustGrowMB = 100;
const perSecond = 100;
const rounds = short ? 1 : 12;
const sliceSeconds = short ? 1.2 : 2.4;
const memory = { perSecond: 500, warmSeconds: short ? 2 : 6, hangSeconds: short ? 4 : 20 };

const troubles: [string, Behaviour | "refuse"][] = [
  ["up", { kind: "ok" }],
  ["down", "refuse"],
  ["hanging", { kind: "hang" }],
  ["trickling", { kind: "trickle" }],
  ["503 with Retry-After", { kind: "status", status: 503, retryAfterSeconds: 1 }],
  ["429 with Retry-After", { kind: "status", status: 429, retryAfterSeconds: 1 }],
  ["400", { kind: "status", status: 400 }],
  ["413", { kind: "status", status: 413 }],
  ["up again", { kind: "ok" }],
];

/** Another bot with telemetry off: what the machine makes of two that are alike. */
const control = "off as well";

/** By default an export hangs for 10 s: here each slice meets its own trouble, several times. */
const eager = {
  OTEL_EXPORTER_OTLP_TIMEOUT: "1200",
  OTEL_BSP_SCHEDULE_DELAY: "500",
  OTEL_BLRP_SCHEDULE_DELAY: "500",
  OTEL_METRIC_EXPORT_INTERVAL: "1000",
};

type Name = "off" | "control" | "eager" | "default";

async function parent(): Promise<void> {
  const telegram = await startFakeTelegram({ bots: ["off", "control", "eager", "default"] });
  const endpoint = await startEndpoint();
  const said = new Map<string, { bot: Name; atMs: number }>();
  let answerMs: Partial<Record<Name, number[]>> = {};
  telegram.onCall(({ method, state, params }) => {
    const update = method === "sendMessage" && state === "answered" && said.get(String(params["text"]));
    if (!update) return;
    said.delete(String(params["text"]));
    (answerMs[update.bot] ??= []).push(performance.now() - update.atMs);
  });
  let updates = 0;

  /** Asks these bots in turn, each `rate` times a second; resolves with their answer times when all are there. */
  async function ask(bots: readonly Name[], rate: number, seconds: number): Promise<Partial<Record<Name, number[]>>> {
    answerMs = {};
    const startMs = performance.now();
    for (let nth = 0; nth < rate * seconds * bots.length; nth++) {
      const waitMs = startMs + (1000 * nth) / (rate * bots.length) - performance.now();
      if (waitMs > 0) await delay(waitMs);
      // They change places now and then: after a pause of the machine the second of two waits for the first.
      const bot = bots[(nth + Math.floor(nth / 60)) % bots.length] as Name;
      const text = String(++updates);
      said.set(text, { bot, atMs: performance.now() });
      telegram.say(text, { user: 1 + (nth % 100), bot });
    }
    await until("every update to be answered", () => (said.size === 0 ? true : undefined), 10_000);
    return answerMs;
  }

  async function start(name: Name, env: Record<string, string>) {
    const { token } = telegram.bot(name);
    const program = run("bench/telemetry-trouble.bench.ts", { BENCH_API: telegram.url, BENCH_TOKEN: token, ...env });
    await telegram.called("getUpdates", { bot: name, timeoutMs: 30_000 });
    return program;
  }

  const programs = [
    await start("off", { OTEL_SDK_DISABLED: "true" }),
    await start("control", { OTEL_SDK_DISABLED: "true" }),
    await start("eager", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url, ...eager }),
  ];
  await ask(["off", "control", "eager"], 2 * perSecond, short ? 2 : 5);
  const met = new Map<string, { off: number[]; on: number[] }>();
  /** One slice; those of one trouble are put together, for the p95 of one slice is the word of nine updates. */
  async function compare(what: string, name: Name): Promise<void> {
    const times = await ask(["off", name], perSecond, sliceSeconds);
    const sofar = met.get(what) ?? { off: [], on: [] };
    met.set(what, { off: [...sofar.off, ...(times.off ?? [])], on: [...sofar.on, ...(times[name] ?? [])] });
  }
  for (let round = 0; round < rounds; round++) {
    await compare(control, "control");
    for (const [what, behaviour] of troubles) {
      await endpoint.behave(behaviour);
      await compare(`endpoint ${what}`, "eager");
      if (!endpoint.met()) throw new Error(`no export met "${what}"`);
    }
  }
  for (const { process: child } of programs) child.kill("SIGKILL");

  const ratio = ({ off, on }: { off: number[]; on: number[] }, share: number): number =>
    quantile(on, share) / quantile(off, share);
  for (const [what, times] of met) {
    console.log(`${what}: p95 ${ratio(times, 0.95).toFixed(2)}, p50 ${ratio(times, 0.5).toFixed(2)}`);
    report({
      figure: `answer time p95, telemetry off = 1: ${what}`,
      unit: "×",
      ours: ratio(times, 0.95),
      ...(what !== control && { must: mustRatio }),
    });
  }
  const troubled = [...met].filter(([what]) => what !== control).map(([, times]) => times);
  const together = { off: troubled.flatMap(({ off }) => off), on: troubled.flatMap(({ on }) => on) };
  const of = `all ${together.on.length} answers`;
  report({
    figure: `answer time p95, telemetry off = 1: ${of}`,
    unit: "×",
    ours: ratio(together, 0.95),
    must: mustRatio,
  });
  report({ figure: `answer time p50, telemetry off = 1: ${of}`, unit: "×", ours: ratio(together, 0.5) });
  report({ figure: "answer time p95, telemetry off", unit: "ms", ours: quantile(together.off, 0.95) });

  // As shipped: the deadlines and queues that hold most.
  await endpoint.behave({ kind: "ok" });
  const { pid, process: child } = await start("default", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.url });
  await ask(["default"], memory.perSecond, memory.warmSeconds);
  const seen = [rssMiB(pid)];
  await endpoint.behave({ kind: "hang" });
  const sampler = setInterval(() => seen.push(rssMiB(pid)), 100);
  await ask(["default"], memory.perSecond, memory.hangSeconds);
  clearInterval(sampler);
  child.kill("SIGKILL");
  const quarters = [0, 0.25, 0.5, 0.75, 1].map((share) => seen[Math.round(share * (seen.length - 1))]?.toFixed(0));
  console.log(`RSS over the ${memory.hangSeconds} s that the endpoint hangs: ${quarters.join(" → ")} MB`);
  report({
    figure: `RSS growth while the endpoint hangs ${memory.hangSeconds} s, ${memory.perSecond} updates/s`,
    unit: "MB",
    ours: Math.max(...seen) - (seen[0] ?? Number.NaN),
    must: mustGrowMB,
  });
  await endpoint.behave("refuse");
  await telegram.close();
}

/** An OTLP receiver that goes down and comes back on the same port. */
async function startEndpoint() {
  let capture = await startOtlpCapture();
  const { url, port } = capture;
  let now: Behaviour | "refuse" = { kind: "ok" };
  return {
    url,
    async behave(next: Behaviour | "refuse"): Promise<void> {
      if (now !== "refuse") await capture.close();
      now = next;
      if (next === "refuse") return;
      capture = await startOtlpCapture({ port });
      capture.behave(next);
    },
    /** Whether exports came since then, and spans where they were to be taken. */
    met: () => now === "refuse" || (capture.requests() > 0 && (now.kind !== "ok" || capture.spans.length > 0)),
  };
}

function child(apiRoot: string, token: string): Promise<void> {
  const transport = createTransport({ token, apiRoot });
  const bot = new Bot(transport.token, { client: { apiRoot, fetch: transport.fetch } });
  observe(bot, { port: false });
  bot.on("message:text", (ctx) => ctx.reply(ctx.message.text));
  return bot.start();
}

const { BENCH_API, BENCH_TOKEN } = process.env;
if (BENCH_API !== undefined && BENCH_TOKEN !== undefined) await child(BENCH_API, BENCH_TOKEN);
else await parent();
