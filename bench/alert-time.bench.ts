import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { quantile, report, short, until } from "./figure.ts";
import { bundle, freePort, run, scratch, telemetrySink } from "./process.ts";

// Eleven errors: how long from the tick that decides to Telegram's 200, by the outbox ledger, and is it one message?
const rounds = short ? 2 : 10;
const alertChat = -100_200_300;

interface Alert {
  id: string;
  rule: string;
  fired_at: string;
}
interface Delivery {
  incident: string | null;
  kind: string;
  state: string;
  sent_at: string | null;
}

bundle();
const sink = await telemetrySink();
const decided: number[] = [];
const seen: number[] = [];
let most = 0;
for (let round = 0; round < rounds; round++) {
  const { decidedMs, seenMs, messages } = await burst();
  decided.push(decidedMs);
  seen.push(seenMs);
  most = Math.max(most, messages);
}
sink.close();
const times = `of ${rounds}`;
report({
  figure: `deciding tick to Telegram's 200, longest ${times}`,
  unit: "ms",
  ours: Math.max(...decided),
  goal: 2000,
});
report({ figure: `deciding tick to Telegram's 200, median ${times}`, unit: "ms", ours: quantile(decided, 0.5) });
report({ figure: `the 11th error to the message, median ${times}`, unit: "ms", ours: quantile(seen, 0.5) });
report({ figure: "messages for a burst of 11 errors, most", unit: "messages", ours: most, goal: 1, must: 1 });

/** A new bot, a new sidecar, eleven errors. */
async function burst() {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  telegram.group({ id: alertChat, title: "Alerts" });
  const [botPort, consolePort] = [await freePort(), await freePort()];
  const common = { TELEGRAM_API_ROOT: telegram.url, BOT_TOKEN: telegram.bot("shop").token };
  const programs = [
    run("dist/bot/main.mjs", {
      ...common,
      BOT_HTTP_PORT: String(botPort),
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      DATA_DIR: scratch(),
    }),
    run("dist/sidecar/main.mjs", {
      ...common,
      BOT_URL: `http://127.0.0.1:${botPort}`,
      ALERT_BOT_TOKEN: telegram.bot("alerts").token,
      ALERT_CHAT_ID: String(alertChat),
      CONSOLE_PORT: String(consolePort),
      OTLP_PORT: "0",
      DATA_DIR: scratch(),
    }),
  ];
  const api = async <T>(path: string): Promise<T> =>
    (await (await fetch(`http://127.0.0.1:${consolePort}/api/${path}`)).json()) as T;
  try {
    await until("both to be up", async () =>
      (await api<{ bots: { state: string }[] }>("status")).bots[0]?.state === "connected" ? true : undefined,
    );
    for (let error = 0; error < 11; error++) telegram.say("/boom", { user: 100 + error });
    const burstAt = Date.now();
    await telegram.called("sendMessage", { bot: "alerts", timeoutMs: 60_000 });
    const seenMs = Date.now() - burstAt;
    const { alert, delivery } = await until("the ledger", async () => {
      const { alerts } = await api<{ alerts: Alert[] }>("alerts");
      const { deliveries } = await api<{ deliveries: Delivery[] }>("deliveries");
      const alert = alerts.find(({ rule }) => rule === "TelegramBotErrorsHigh");
      const delivery = deliveries.find(({ incident, sent_at }) => incident === alert?.id && sent_at !== null);
      return alert && delivery?.sent_at ? { alert, delivery } : undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 2500)); // a second message would come with the next ticks
    const messages = telegram.calls().filter((call) => call.bot === "alerts" && call.method === "sendMessage").length;
    return { decidedMs: Date.parse(delivery.sent_at ?? "") - Date.parse(alert.fired_at), seenMs, messages };
  } finally {
    for (const { process: child, exit } of programs) {
      child.kill("SIGKILL");
      await exit;
    }
    await telegram.close();
  }
}
