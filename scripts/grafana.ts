/**
 * The dashboards in their real Grafana: the shipped stack in containers, the stand-in for Telegram behind it, a story
 * with traffic, an error burst and an outage; then the given command with GRAFANA_URL.
 *
 *   node scripts/run.mjs scripts/grafana.ts npm run test:grafana
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { findEngine } from "./images/engine.ts";
import { API_TOKEN, eventually } from "./images/scene.ts";
import { up } from "./images/up.ts";
import type { Up } from "./images/up.ts";

const [command, ...args] = process.argv.slice(2);
if (command === undefined) stop("grafana.ts: which command?");
const engine = await findEngine();
if (typeof engine === "string") stop(engine);

const world = await up(engine);
try {
  await tell(world);
  const GRAFANA_URL = `http://127.0.0.1:${world.grafanaPort}`;
  process.stdout.write(`${GRAFANA_URL}: ${[command, ...args].join(" ")}\n`);
  const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, GRAFANA_URL } });
  const [code] = (await once(child, "close")) as [number | null];
  process.exitCode = code ?? 1;
} finally {
  await world.close();
}

function stop(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

async function tell({ telegram, stack, consolePort }: Up): Promise<void> {
  const fires = async (rule: string): Promise<boolean> => {
    const headers = { authorization: `Bearer ${API_TOKEN}` };
    const response = await fetch(`http://127.0.0.1:${consolePort}/api/alerts?state=firing`, { headers });
    const { alerts } = (await response.json()) as { alerts: { rule: string }[] };
    return alerts.some((alert) => alert.rule === rule);
  };
  const inPrometheus = (what: string, query: string): Promise<true> =>
    eventually(
      what,
      async () => {
        const answer = await stack.get(`http://prometheus:9090/api/v1/query?query=${encodeURIComponent(query)}`);
        return (JSON.parse(answer) as { data: { result: unknown[] } }).data.result.length > 0 || undefined;
      },
      120_000,
    );
  const answers = { method: "sendMessage", bot: "shop" };

  void telegram.load({ perSecond: 4, seconds: 1800, seed: 7 });
  await telegram.called("sendMessage", { bot: "shop", timeoutMs: 30_000 });
  // increase() does not see what a series is born with.
  await inPrometheus("the bot's counters with their zeros", "telegram_bot_errors_total");

  telegram.faults.add({ ...answers, times: 3, fault: { kind: "slow", delayMs: 800 } });
  // Every second one spoils the apology for the one before.
  telegram.faults.add({
    ...answers,
    times: 40,
    fault: { kind: "error", code: 400, description: "Bad Request: story" },
  });
  await eventually("the error burst is an alert", async () => (await fires("TelegramBotErrorsHigh")) || undefined);

  const outage = telegram.faults.add({ bot: "shop", fault: { kind: "reset" } });
  await eventually("the outage is an alert", async () => (await fires("TelegramBotDisconnected")) || undefined);
  await outage.remove();
  await eventually("the outage is over", async () => !(await fires("TelegramBotDisconnected")) || undefined, 60_000);
  await inPrometheus("a minute of polls", "count_over_time(telegram_bot_last_poll_success_timestamp_seconds[10m:1m])");
}
