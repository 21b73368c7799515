import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createLog, startTelemetry } from "@gramwatch/otel";
import { startFakeTelegram, type FakeTelegram } from "../fake-telegram/mod.ts";
import { createApp, type App } from "./app.ts";
import { systemClock, type Clock } from "./clock.ts";
import { readConfig } from "./config.ts";
import { openDataDir } from "./storage/database.ts";

/** A directory that is gone after the test. */
export function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-bot-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

interface Sleeper {
  dueMs: number;
  wake: () => void;
}

/** A clock that stands still until a test moves it. */
export interface FakeClock extends Clock {
  /** Moves on by `ms` and wakes, in order, whoever was due. */
  advance: (ms: number) => Promise<void>;
  /** Resolves when somebody waits for exactly so long. */
  sleeping: (ms: number) => Promise<void>;
}

/** Starts at 2026-11-21T12:00:00Z. */
export function fakeClock(startMs = Date.UTC(2026, 10, 21, 12)): FakeClock {
  let passedMs = 0;
  const sleepers = new Set<Sleeper>();
  let expected: { ms: number; resolve: () => void }[] = [];
  const earliest = (): Sleeper | undefined => [...sleepers].toSorted((a, b) => a.dueMs - b.dueMs)[0];
  // Who is woken goes on in microtasks; a turn of the loop lets it.
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  return {
    now: () => startMs + passedMs,
    monotonicMs: () => passedMs,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted || ms <= 0) return resolve();
        const wake = (): void => {
          sleepers.delete(sleeper);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper: Sleeper = { dueMs: passedMs + ms, wake };
        signal.addEventListener("abort", wake, { once: true });
        sleepers.add(sleeper);
        for (const one of expected) if (one.ms === ms) one.resolve();
        return undefined;
      }),
    async advance(ms) {
      const target = passedMs + ms;
      for (let next = earliest(); next && next.dueMs <= target; next = earliest()) {
        passedMs = next.dueMs;
        next.wake();
        await settle();
      }
      passedMs = target;
      await settle();
    },
    async sleeping(ms) {
      if ([...sleepers].some(({ dueMs }) => dueMs - passedMs === ms)) return;
      await new Promise<void>((resolve) => expected.push({ ms, resolve }));
      expected = expected.filter((one) => one.ms !== ms);
    },
  };
}

/** Resolves when `condition` holds; for what no call and no timer announces. Rejects after 30 s. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export interface TestBotOptions {
  env?: Record<string, string>;
  telegram?: FakeTelegram;
  clock?: Clock;
  dataDir?: string;
  deadlinesMs?: Record<string, number>;
  /** Leaves no clean-stop mark. */
  crash?: boolean;
}

export interface TestBot {
  telegram: FakeTelegram;
  app: App;
  db: ReturnType<typeof openDataDir>["db"];
  dataDir: string;
  /** Log lines so far. */
  lines: Record<string, unknown>[];
  /** Stops as SIGTERM does, waits for the end and closes the database. */
  stop: () => Promise<"stopped" | "refused">;
  /** Settles when the bot ends by itself. */
  ended: Promise<"stopped" | "refused">;
  /** A person (4242 unless said) writes; resolves with the text of the `nth` message that the bot sends from now on. */
  ask: (text: string, where?: Parameters<FakeTelegram["say"]>[1], nth?: number) => Promise<string>;
}

/** The whole bot in this process against a fake Telegram; telemetry off, randomness at its upper end. */
export async function startTestBot(t: TestContext, options: TestBotOptions = {}): Promise<TestBot> {
  const telegram = options.telegram ?? (await startFakeTelegram({ bots: ["shop"] }));
  const dataDir = options.dataDir ?? temporaryDir(t);
  const config = readConfig({
    BOT_TOKEN: telegram.bot().token,
    TELEGRAM_API_ROOT: telegram.url,
    DATA_DIR: dataDir,
    BOT_RATE_LIMIT: "1000/1s",
    BACKUP_AT: "off",
    ...options.env,
  });
  const telemetry = startTelemetry({ serviceName: "bot", serviceVersion: "test", env: { OTEL_SDK_DISABLED: "true" } });
  const lines: Record<string, unknown>[] = [];
  const log = createLog({
    level: "debug",
    destination: { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const data = openDataDir(dataDir);
  const app = createApp({
    config,
    db: data.db,
    telemetry,
    log,
    clock: options.clock ?? systemClock,
    random: () => 1,
    deadlinesMs: options.deadlinesMs ?? {},
  });
  const stopping = new AbortController();
  const ended = app.run(stopping.signal).finally(() => {
    if (options.crash !== true) app.stopped();
    data.close();
  });
  const stop = async () => {
    stopping.abort();
    return ended;
  };
  t.after(async () => {
    await stop();
    await telemetry.shutdown(0);
    if (options.telegram === undefined) await telegram.close();
  });

  const sentCalls = (): number => telegram.calls().filter((call) => call.method === "sendMessage").length;
  return {
    telegram,
    app,
    db: data.db,
    dataDir,
    lines,
    stop,
    ended,
    async ask(text, where, nth = 0) {
      const before = sentCalls();
      telegram.say(text, where);
      const call = await telegram.called("sendMessage", { skip: before + nth, timeoutMs: 30_000 });
      return String(call.params["text"]);
    },
  };
}
