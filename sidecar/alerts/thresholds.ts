import type { Severity } from "../state/records.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const GiB = 1024 ** 3;

/** Restarts and conflicts of a bot that are remembered: no rule that counts them can ask for more. */
export const REMEMBERED = 100;

/** What every rule has. `forMs`: how long a breach must hold; `clearMs`: how long the clear must. */
interface Common {
  enabled: boolean;
  /** undefined: the rule's own. */
  severity?: Severity;
  forMs: number;
  clearMs: number;
}

/**
 * The numbers of every rule; `docs/alerts.md` shows them. Waits of the rules about the way to Telegram shrink with `DISCONNECTED_AFTER`, so that 3 s in a demo behaves as 5 min does.
 */
export function defaultThresholds(disconnectedAfterMs: number, errors: { max: number; windowMs: number }) {
  const scaled = (ms: number) => ms * Math.min(1, disconnectedAfterMs / (5 * MINUTE));
  const common = (forMs: number, clearMs: number): Common => ({ enabled: true, forMs, clearMs });
  return {
    TelegramBotDisconnected: {
      ...common(0, scaled(2 * MINUTE)),
      afterMs: disconnectedAfterMs,
      suspectMs: scaled(MINUTE),
      waitingMs: 45_000,
      startMs: scaled(MINUTE / 2),
      patienceMs: scaled(MINUTE),
    },
    TelegramBotDown: {
      ...common(scaled(2 * MINUTE), scaled(2 * MINUTE)),
      reads: 3,
      afterStopMs: disconnectedAfterMs,
    },
    TelegramBotErrorsHigh: { ...common(0, errors.windowMs / 6), max: errors.max, windowMs: errors.windowMs },
    TelegramBotErrorBurst: {
      ...common(0, 5 * MINUTE),
      enabled: false,
      max: Math.max(15, errors.max),
      windowMs: Math.min(5 * MINUTE, errors.windowMs),
    },
    DependencyUnhealthy: { ...common(MINUTE, 2 * MINUTE), reads: 3 },
    DiskSpaceLow: {
      ...common(5 * MINUTE, 0),
      warning: [{ ratio: 0.1, bytes: 5 * GiB }],
      critical: [
        { ratio: 0.05, bytes: 5 * GiB },
        { ratio: 0.2, bytes: GiB },
      ],
      clearFactor: 1.2,
    },
    DiskFillingUp: {
      ...common(5 * MINUTE, 0),
      warningMs: 24 * HOUR,
      criticalMs: 4 * HOUR,
      clearFactor: 2,
      maxAvailableRatio: 0.4,
      minFit: 0.8,
      minHistoryMs: 3 * HOUR,
    },
    DiskInodesLow: { ...common(5 * MINUTE, 0), warningRatio: 0.05, criticalRatio: 0.03, clearFactor: 1.2 },
    UpdatesBacklog: { ...common(2 * MINUTE, 2 * MINUTE), max: 100, oldestMs: scaled(2 * MINUTE), clearFactor: 0.5 },
    SlowResponses: { ...common(5 * MINUTE, 10 * MINUTE), p95Ms: 2000, clearP95Ms: 1500, minUpdates: 20 },
    EventLoopBlocked: { ...common(MINUTE, 2 * MINUTE), delayMs: 1000, answerMs: 2000, reads: 3 },
    MemoryHigh: { ...common(5 * MINUTE, 5 * MINUTE), ratio: 0.9, clearRatio: 0.8 },
    BotRestarting: { ...common(0, 0), max: 3, windowMs: 15 * MINUTE },
    TelegramTokenInvalid: { ...common(0, 0), reads: 2 },
    TelegramPollingConflict: { ...common(scaled(MINUTE), scaled(2 * MINUTE)), max: 3, windowMs: 5 * MINUTE },
    TelegramWebhookMisconfigured: { ...common(0, 0), reads: 3, holdMs: scaled(3 * MINUTE) },
    TelemetryAbsent: { ...common(0, 2 * MINUTE), afterMs: 10 * MINUTE },
    BackupStale: { ...common(0, 0), afterMs: 26 * HOUR },
    HostOffline: { ...common(scaled(MINUTE), scaled(2 * MINUTE)), reads: 2 },
  } satisfies Record<string, Common & Record<string, unknown>>;
}

export type Thresholds = { [R in RuleName]: ReturnType<typeof defaultThresholds>[R] & Pick<Common, "severity"> };
export type RuleName = keyof ReturnType<typeof defaultThresholds>;

/** What the YAML file may set for a rule. */
export interface RuleOverride {
  enabled?: boolean | undefined;
  severity?: Severity | undefined;
  after?: number | undefined;
  recover_after?: number | undefined;
  max?: number | undefined;
  window?: number | undefined;
}

/**
 * The defaults with the file's settings over them. `after` is the age limit of a rule that has one, else how long its
 * breach must hold; `recover_after` how long the clear must; `max` and `window` (milliseconds) go to the limits of that name.
 */
export function createThresholds(
  disconnectedAfterMs: number,
  errors: { max: number; windowMs: number },
  overrides: Partial<Record<RuleName, RuleOverride>> = {},
): Thresholds {
  const all: Record<string, Common & { afterMs?: number; max?: number; windowMs?: number }> = defaultThresholds(
    disconnectedAfterMs,
    errors,
  );
  for (const [name, given] of Object.entries(overrides)) {
    const rule = all[name];
    if (rule === undefined || given === undefined) continue;
    if (given.enabled !== undefined) rule.enabled = given.enabled;
    if (given.severity !== undefined) rule.severity = given.severity;
    if (given.max !== undefined) rule.max = given.max;
    if (given.window !== undefined) rule.windowMs = given.window;
    if (given.recover_after !== undefined) rule.clearMs = given.recover_after;
    if (given.after !== undefined && rule.afterMs !== undefined) rule.afterMs = given.after;
    else if (given.after !== undefined) rule.forMs = given.after;
  }
  return all as unknown as Thresholds;
}
