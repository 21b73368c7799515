import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** What `npm start` runs. */
export const RUN = join(import.meta.dirname, "..", "run.mjs");
/** The group that the stand-in keeps for alerts. */
export const ALERTS = -100_200_300;

/** `npm start` with ports and a folder of its own; resolves when it has printed its addresses. */
export async function startProduct(settings: Record<string, string> = {}) {
  const dataDir = mkdtempSync(join(tmpdir(), "gramwatch-start-"));
  const [api, chat, bot, free, otlp] = await freePorts(5);
  const console = Number(settings["CONSOLE_PORT"] ?? free);
  const child = spawn(process.execPath, [RUN, "scripts/start.ts"], {
    env: {
      ...blanked(),
      PATH: process.env["PATH"],
      NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"],
      FAKE_TELEGRAM_PORT: String(api),
      FAKE_TELEGRAM_CONTROL_PORT: String(chat),
      BOT_HTTP_PORT: String(bot),
      CONSOLE_PORT: String(console),
      OTLP_PORT: String(otlp),
      DATA_DIR: dataDir,
      LOG_FORMAT: "json",
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed += String(chunk)));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  };
  await until("the addresses", () => {
    if (child.exitCode !== null) throw new Error(printed);
    return printed.includes("Gramwatch is ready");
  });
  const url = (port: number | undefined, path: string): string => `http://127.0.0.1:${port}${path}`;
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(url(chat, path), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    child,
    ended,
    stop,
    chatPage: url(chat, "/"),
    consolePage: url(console, "/"),
    printed: () => printed,
    post,
    clearFaults: () => fetch(url(chat, "/faults"), { method: "DELETE" }),
    bot: (path: string) => fetch(url(bot, path)),
    sidecar: <T>(path: string) => json<T>(url(console, path)),
    page: (path: string) => fetch(url(console, path)).then((response) => response.text()),
    /** What the chat shows, oldest first. */
    messages: async (chatId: number, from: string): Promise<string[]> => {
      const all = await json<{ text?: string; from?: { is_bot: boolean } }[]>(
        url(chat, `/messages?chat=${chatId}&bot=${from}`),
      );
      return all.filter((message) => message.from?.is_bot).map((message) => message.text ?? "");
    },
    say: (text: string) => post("/say", { text }),
  };
}

/** A blank variable is an unset one, and keeps the real bot and chat of somebody's `.env` out of a test. */
function blanked(): Record<string, string> {
  const file = join(import.meta.dirname, "..", "..", ".env");
  const names = existsSync(file) ? Object.keys(parseEnv(readFileSync(file, "utf8"))) : [];
  return Object.fromEntries(names.map((name) => [name, ""]));
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function json<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}

/** Asks again until there is an answer; fails after 40 s with what it was waiting for. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = performance.now() + 40_000;
  while (performance.now() < deadline) {
    const seen = await look();
    if (seen) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited 40 s for ${what}`);
}
