import { until } from "./children.ts";
import type { Product } from "./product.ts";

interface Alert {
  rule: string;
  state: string;
}
/** What the sidecar says of its alerts. */
export async function alerts({ consoleUrl }: Product, state: "firing" | "resolved"): Promise<Alert[]> {
  const response = await fetch(`${consoleUrl}/api/alerts?state=${state}`);
  return ((await response.json()) as { alerts: Alert[] }).alerts;
}
const fires = (product: Product, rule: string): Promise<boolean> =>
  alerts(product, "firing").then((all) => all.some((alert) => alert.rule === rule));

/** The bot's own figures. */
export async function health({ botUrl }: Product): Promise<{
  updates: { received: number; handled: number; failed: number; in_flight: number; inbox_pending: number };
  errors: { by_reason: Record<string, number> };
}> {
  const response = await fetch(`${botUrl}/health`);
  return (await response.json()) as Awaited<ReturnType<typeof health>>;
}

/**
 * People write all the time, also afterwards, and one thing after the other goes wrong and well again: each leaves its mark in a panel.
 * @param counted resolves when the bot's counters have arrived in Prometheus
 */
export async function tell(product: Product, counted: () => Promise<unknown>): Promise<void> {
  const { telegram, neighbour } = product;
  void telegram.load({ perSecond: 4, seconds: 600, seed: 7 });
  await telegram.called("sendMessage");

  // A slow answer, a voice note, a user who stopped the bot, a flood wait.
  telegram.faults.add({ method: "sendMessage", bot: "shop", times: 2, fault: { kind: "slow", delayMs: 800 } });
  telegram.voice(Buffer.from("OggS"), { user: 77 });
  telegram.say("/help", { user: 78 });
  telegram.trouble(78, "blocked");
  telegram.say("/ping", { user: 78 });
  telegram.faults.add({ method: "sendMessage", bot: "shop", times: 1, fault: { kind: "flood", retryAfterSeconds: 1 } });
  // A burst: lines of one millisecond that differ in their fields only.
  for (let user = 200; user < 260; user++) telegram.say("/ping", { user });

  // Counters are in Prometheus with their zeros: increase() does not see what a series is born with.
  await counted();

  // An error burst, and the dependency down under a voice note.
  for (let count = 0; count < 12; count++) telegram.say("/boom", { user: 90 + count });
  neighbour.ill = true;
  telegram.voice(Buffer.from("OggS"), { user: 77 });
  await until("the error burst is an alert", () => fires(product, "TelegramBotErrorsHigh"));
  await until("the voice note failed", async () => (await health(product)).errors.by_reason["dependency"]! > 0);
  neighbour.ill = false;
  // Some go on failing: a rate needs more than the value that a series is born with.
  void telegram.load({ perSecond: 0.5, seconds: 600, seed: 8, texts: ["/boom"] });

  // An outage of Telegram, until it is an alert, and the recovery.
  const outage = telegram.faults.add({ fault: { kind: "refuse" } });
  await until("the outage is an alert", () => fires(product, "TelegramBotDisconnected"));
  await outage.remove();
  await until("the outage is over", async () => !(await fires(product, "TelegramBotDisconnected")));
}
