import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { createEngine, type EngineOptions, type Evidence } from "../alerts/engine.ts";
import { bodyAt } from "../alerts/testing.ts";
import { createThresholds, type RuleName, type RuleOverride } from "../alerts/thresholds.ts";
import type { Channel } from "../channels/channel.ts";
import type { BotHealth, Sample } from "../probes/probe.ts";
import { type State, openState } from "../state/state.ts";
import { createSteadyClock, type SteadyMark } from "../state/steady.ts";
import { createSender } from "./deliver.ts";

/** For tests: time that moves only when the test says so. */
export function fakeClock(wallMs = Date.parse("2026-11-20T14:00:00Z")) {
  let monotonicMs = 1_000_000;
  let wall = wallMs;
  return {
    monotonicMs: () => monotonicMs,
    wallMs: () => wall,
    advance(ms: number) {
      monotonicMs += ms;
      wall += ms;
    },
    jumpWall(ms: number) {
      wall += ms;
    },
  };
}
export type FakeClock = ReturnType<typeof fakeClock>;

export function temporaryDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface RigOptions {
  dir?: string | undefined;
  state?: State;
  clock?: FakeClock;
  channels: Channel[];
  always?: string[];
  disconnectedAfterMs?: number;
  errors?: { max: number; windowMs: number };
  rules?: Partial<Record<RuleName, RuleOverride>>;
  evidence?: Evidence;
  render?: Partial<EngineOptions["render"]>;
  random?: () => number;
  escalateAfterMs?: number;
  /** The alerts go out with the token of a bot that is watched. */
  sharedToken?: boolean;
}

/** An engine and a sender over the given channels, the first of which is primary; as `app.ts` wires them. */
export function createRig(options: RigOptions) {
  const clock = options.clock ?? fakeClock();
  const state = options.state ?? openState(options.dir);
  state.database()?.exec("PRAGMA synchronous = OFF"); // tests kill processes, not the power
  const steady = createSteadyClock(clock, 15_000, state.get("memory", "clock") as SteadyMark | undefined);
  const random = options.random ?? seeded(7);
  const warnings: unknown[] = [];
  const log = {
    info() {},
    warn: (...line: unknown[]) => void warnings.push(line),
    error: (...line: unknown[]) => void warnings.push(line),
  };
  const engine = createEngine(
    {
      state,
      clock: steady,
      log: log as never,
      random,
      evidence: options.evidence,
      wake: () => sender.wake(),
    },
    {
      thresholds: createThresholds(
        options.disconnectedAfterMs ?? 300_000,
        options.errors ?? { max: 10, windowMs: 3_600_000 },
        options.rules,
      ),
      channels: options.channels.map(({ name, edits }, at) => ({
        name,
        edits,
        primary: at === 0,
        always: options.always?.includes(name) ?? false,
      })),
      escalateAfterMs: options.escalateAfterMs ?? 60_000,
      tokenChannel: options.sharedToken ? undefined : options.channels[0]?.name,
      render: {
        links: { grafanaUrl: undefined, consoleUrl: "http://127.0.0.1:8090", runbookUrl: undefined },
        environment: "prod",
        host: "web-1",
        displayTimeZone: undefined,
        actions: false,
        ...options.render,
      },
    },
  );
  const sender = createSender({
    state,
    clock: steady,
    channels: options.channels,
    compose: engine.compose,
    firing: engine.firing,
    log: log as never,
    random,
  });
  let reachable = true;
  function observe(...samples: Sample[]): void {
    for (const sample of samples) {
      engine.observe(sample);
      if (sample.kind !== "telegram") continue;
      const works = sample.paths.every((path) => path.failure === undefined);
      if (works && !reachable) sender.retryNow("telegram");
      reachable = works;
    }
  }
  const at = () => ({ atMs: clock.monotonicMs(), wallMs: clock.wallMs() });

  return {
    clock,
    state,
    engine,
    sender,
    warnings,
    at,
    observe,
    /** Time passes in steps; `look` gives the samples of each step. */
    async run(ms: number, look: () => Sample[], stepMs = 5000): Promise<void> {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(stepMs);
        observe(...look());
        engine.tick();
        await sender.pump();
      }
    },
    rows: () => state.all("outbox").toSorted((a, b) => a.id - b.id),
    close(): void {
      state.close();
    },
  };
}
export type Rig = ReturnType<typeof createRig>;

/** Chance that is the same in each run (mulberry32). */
export function seeded(seed: number): () => number {
  let value = seed;
  return () => {
    value = (value + 0x6d2b79f5) | 0;
    let mixed = Math.imul(value ^ (value >>> 15), 1 | value);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface At {
  atMs: number;
  wallMs: number;
}

/** A `/health` body of a bot that polled a second ago; `over` replaces parts, one level deep. */
export const health = (at: At, over: Parameters<typeof bodyAt>[1] = {}): BotHealth => bodyAt(at.wallMs, over);

export const healthSample = (at: At, body: BotHealth, target = "shopbot"): Sample => ({
  kind: "health",
  probe: `health:${target}`,
  target,
  ...at,
  result: { ok: true, body, durationMs: 4 },
});

export const unreachable = (at: At, code = "ECONNREFUSED", target = "shopbot"): Sample => ({
  kind: "health",
  probe: `health:${target}`,
  target,
  ...at,
  result: { ok: false, failure: { phase: "tcp", code, message: "" } },
});

/** The way to Telegram: good, or failed at a phase. */
export const telegramSample = (at: At, failed?: "dns" | "tcp" | "tls" | "ttfb", target = "shopbot"): Sample => ({
  kind: "telegram",
  probe: `telegram:${target}`,
  target,
  ...at,
  paths: [
    failed === undefined
      ? { family: 4, dnsMs: 9, tcpMs: 31, tlsMs: 64, ttfbMs: 88 }
      : { family: 4, failure: { phase: failed, code: "UND_ERR_CONNECT_TIMEOUT", message: "" } },
  ],
  ...(failed === undefined && { getMe: { ok: true as const, id: 1, username: "shopbot" }, expectedId: 1 }),
});

export const controlSample = (at: At, fails: boolean, target = "1.1.1.1:443"): Sample => ({
  kind: "control",
  probe: `control:${target}`,
  target,
  ...at,
  ...(fails && { failure: { phase: "tcp" as const, code: "ENETUNREACH", message: "" } }),
});

export const dependencySample = (at: At, fails: boolean, target = "whisper"): Sample => ({
  kind: "dependency",
  probe: `dependency:${target}`,
  target,
  ...at,
  durationMs: 3,
  ...(fails ? { failure: { phase: "tcp" as const, code: "ECONNREFUSED", message: "" } } : { status: 200 }),
});

export const diskSample = (at: At, availableBytes: number, sizeBytes = 100 * 1024 ** 3, target = "/data"): Sample => ({
  kind: "disk",
  probe: `disk:${target}`,
  target,
  ...at,
  result: { ok: true, availableBytes, sizeBytes, inodesFree: 900_000, inodes: 1_000_000, readOnly: false, device: "1" },
});
