/**
 * The main job on one machine: fake-telegram (only without a token), bot and sidecar as processes of their own.
 * It derives what follows from the ports, waits until they answer, prints where to look, and passes signals on.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const envFile = join(root, ".env");
if (existsSync(envFile)) process.loadEnvFile(envFile); // what is set already wins

const { env, addresses, standsIn } = plan(process.env);
const children: { name: string; process: ChildProcess; signals: number; code?: number }[] = [];
const stopping = new AbortController();
let signals = 0;
let ready = false;

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => stop());

if (standsIn) {
  start("fake-telegram");
  await answers(`${addresses.chat}/state`);
  if (signals === 0) Object.assign(env, { ...(await whoIsThere()), ...env });
}
if (signals === 0) {
  start("sidecar");
  start("bot");
}
await Promise.all([
  answers(`${addresses.console}/livez`),
  answers(`${addresses.bot}/${standsIn ? "readyz" : "livez"}`),
]);
if (signals === 0) {
  ready = true;
  const chat = standsIn ? `  chat     ${addresses.chat}/   write /start to the bot\n` : "";
  process.stdout.write(
    `\nGramwatch is ready\n${chat}  console  ${addresses.console}/\n  health   ${addresses.bot}/health\n\n`,
  );
}

/** What each process gets: the user's environment, and what follows from the ports where it is not set. */
function plan(given: NodeJS.ProcessEnv) {
  const port = (name: string, fallback: number): string => given[name]?.trim() || String(fallback);
  const loopback = (name: string, fallback: number): string => `http://127.0.0.1:${port(name, fallback)}`;
  const chat = loopback("FAKE_TELEGRAM_CONTROL_PORT", 8082);
  const console = loopback("CONSOLE_PORT", 8090);
  const bot = loopback("BOT_HTTP_PORT", 8080);
  const standsIn = !given["BOT_TOKEN"]?.trim() && !given["BOT_TOKEN_FILE"]?.trim();
  const derived: Record<string, string> = {
    BOT_URL: bot,
    SIDECAR_URL: console,
    OTEL_EXPORTER_OTLP_ENDPOINT: loopback("OTLP_PORT", 4318),
    ...(standsIn && {
      TELEGRAM_API_ROOT: loopback("FAKE_TELEGRAM_PORT", 8081),
    }),
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value?.trim()));
  const env: Record<string, string | undefined> = { ...derived, ...set };
  return { env, addresses: { chat, console, bot }, standsIn };
}

/** Who lives in the stand-in: the bot, the bot that writes the alerts, the chat they go to, the person who may act. */
async function whoIsThere(): Promise<Record<string, string>> {
  const state = (await (await fetch(`${addresses.chat}/state`)).json()) as {
    bots: { name: string; token: string }[];
    people: { id: number }[];
    chats: { chat: { id: number; type: string } }[];
  };
  const token = (name: string): string => state.bots.find((bot) => bot.name === name)?.token ?? "";
  return {
    BOT_TOKEN: token("shop"),
    ...(!env["ALERT_BOT_TOKEN_FILE"] && { ALERT_BOT_TOKEN: token("alerts") }),
    ALERT_CHAT_ID: String(state.chats.find(({ chat }) => chat.type !== "private")?.chat.id),
    BOT_ADMINS: String(state.people[0]?.id),
  };
}

function start(name: "fake-telegram" | "sidecar" | "bot"): void {
  const preload = join(root, "scripts", "end-with-parent.mjs");
  const child = spawn(process.execPath, [`--import=${preload}`, join(root, name, "main.ts")], {
    stdio: "inherit",
    env,
    detached: true, // signals come from here, once, and not from the terminal as well
  });
  const entry: (typeof children)[number] = { name, process: child, signals: 0 };
  children.push(entry);
  child.on("exit", (code, signal) => {
    entry.code = code ?? 1;
    if (signals === 0) process.stderr.write(`${name} ended (${signal ?? `exit code ${code}`})\n`);
    // Before all are up a process that ends is a failed start. Later the others go on: the sidecar has something to tell.
    if (signals > 0) stop(0);
    else if (!ready) stop();
    if (children.every((other) => other.code !== undefined))
      process.exit(children.find((other) => other.code)?.code ?? 0);
  });
}

/** The bot first, so that its last telemetry still finds the sidecar, which still finds Telegram. A second signal: all. */
function stop(more = 1): void {
  signals += more;
  stopping.abort();
  for (const name of ["bot", "sidecar", "fake-telegram"]) {
    const entry = children.find((child) => child.name === name);
    if (entry === undefined || entry.code !== undefined) continue;
    while (entry.signals < signals) {
      entry.signals++;
      entry.process.kill("SIGTERM");
    }
    if (signals === 1) return;
  }
}

/** Resolves when `url` answers 2xx, or when everything is being stopped. */
async function answers(url: string): Promise<void> {
  while (!stopping.signal.aborted) {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(2000)]);
    const response = await fetch(url, { signal }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
