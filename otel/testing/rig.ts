/** A foreign bot made observable, between a fake Telegram and an OTLP receiver: what most tests here need. */
import type { TestContext } from "node:test";
import { startFakeTelegram } from "../../fake-telegram/mod.ts";
import { Bot } from "grammy";
import type { ObserveOptions } from "../observe.ts";
import { observe } from "../observe.ts";
import { startOtlpCapture } from "../testing.ts";
import type { TransportOptions } from "../transport.ts";
import { createTransport } from "../transport.ts";

/** Nothing is exported by time in tests: they flush. */
export const QUIET = {
  OTEL_METRIC_EXPORT_INTERVAL: "600000",
  OTEL_BSP_SCHEDULE_DELAY: "600000",
  OTEL_BLRP_SCHEDULE_DELAY: "600000",
} as const;

export interface RigOptions {
  env?: Record<string, string>;
  observe?: Partial<ObserveOptions>;
  /** The bot on grammY's own client, holding its own token; default: on our transport. */
  plainClient?: boolean;
  transport?: Partial<TransportOptions>;
}

export async function startRig(t: TestContext, options: RigOptions = {}) {
  const token = `7000001:${"S3cret-canary_token".padEnd(35, "x")}`;
  const telegram = await startFakeTelegram({ bots: [{ name: "canary", token }] });
  const capture = await startOtlpCapture();
  const transport = createTransport({ token, apiRoot: telegram.url, ...options.transport });
  const bot = new Bot(options.plainClient ? token : transport.token, {
    client: { apiRoot: telegram.url, ...(!options.plainClient && { fetch: transport.fetch }) },
  });
  const lines: string[] = [];
  const waiting = new Set<(line: string) => void>();
  const write = (line: string): void => {
    lines.push(line);
    for (const look of waiting) look(line);
  };
  const observed = observe(bot, {
    port: false,
    env: { ...QUIET, OTEL_EXPORTER_OTLP_ENDPOINT: capture.url, ...options.env },
    logDestination: { write },
    ...options.observe,
  });
  t.after(async () => {
    await observed.shutdown(2000);
    await Promise.all([transport.close(), capture.close(), telegram.close()]);
  });
  /** Resolves with the next log line that holds the text. */
  const logged = (text: string): Promise<string> =>
    new Promise((resolve) => {
      waiting.add(function look(line) {
        if (!line.includes(text)) return;
        waiting.delete(look);
        resolve(line);
      });
    });
  return { telegram, capture, token, transport, bot, observed, lines, logged };
}
export type Rig = Awaited<ReturnType<typeof startRig>>;

/** Reproducible chance: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
