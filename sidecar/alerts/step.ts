import type { Instance, Severity } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import type { Reading } from "./rule.ts";

/** The waits of one evaluation, in milliseconds. */
export interface Waits {
  forMs: number;
  clearMs: number;
}
export interface Input {
  reading: Reading;
  /** The severity of the reading, after the rule's and the configuration's own. */
  severity: Severity;
  waits: Waits;
  suspect: boolean;
}
/** What the step wants done; the engine does it. */
export type Effect =
  | { effect: "fire"; startedAtMs: number; startedWallMs: number }
  | { effect: "worse" }
  | { effect: "dip" }
  | { effect: "clearing" }
  | { effect: "resolve" };

const FLAP_WINDOW_MS = 60 * 60_000;
const FLAP_INCIDENTS = 3;
const FLAP_SETTLED_MS = 30 * 60_000;

export const newInstance = (rule: string, target: string, severity: Severity, atMs: number): Instance => ({
  rule,
  target,
  state: "ok",
  sinceAtMs: atMs,
  breachSinceAtMs: null,
  breachSinceWallMs: null,
  severity,
  incident: null,
  blips: 0,
  firedAtMs: [],
  flappingSinceAtMs: null,
  silencedUntilWallMs: null,
  silencedBy: null,
  suspectSinceAtMs: null,
  unknownSinceAtMs: null,
});

/**
 * The states of one rule on one target:
 * ```
 * OK ──breach──▶ PENDING ──breach held ≥ for──▶ FIRING ──clear──▶ RECOVERING ──clear held──▶ OK
 *  ▲──── clear ──────┘                             ▲──── breach: same incident ────┘
 * ```
 * `unknown` stays where it is. Returns the same object when nothing changed.
 */
export function step(before: Instance, input: Input, now: Now): { state: Instance; effects: Effect[] } {
  const { reading, severity, waits } = input;
  const effects: Effect[] = [];
  let state = before;
  const change = (fields: Partial<Instance>) => {
    state = { ...state, ...fields };
  };

  if (input.suspect !== (state.suspectSinceAtMs !== null)) {
    change({ suspectSinceAtMs: input.suspect ? now.atMs : null });
  }
  const unknown = reading.value === "unknown";
  if (unknown !== (state.unknownSinceAtMs !== null)) change({ unknownSinceAtMs: unknown ? now.atMs : null });
  if (state.flappingSinceAtMs !== null && now.atMs - state.sinceAtMs >= FLAP_SETTLED_MS) {
    change({ flappingSinceAtMs: null, firedAtMs: [] });
  }

  if (reading.value === "breach") {
    if (state.state === "ok") {
      const sinceAtMs = Math.min(reading.sinceAtMs ?? now.atMs, now.atMs);
      const sinceWallMs = now.wallMs - (now.atMs - sinceAtMs);
      change({
        state: "pending",
        sinceAtMs: now.atMs,
        breachSinceAtMs: sinceAtMs,
        breachSinceWallMs: sinceWallMs,
        severity,
      });
    }
    const startedAtMs = state.breachSinceAtMs ?? now.atMs;
    if (state.state === "pending" && now.atMs - startedAtMs >= waits.forMs) {
      const firedAtMs = [...state.firedAtMs.filter((atMs) => now.atMs - atMs < FLAP_WINDOW_MS), now.atMs];
      const flaps = firedAtMs.length >= FLAP_INCIDENTS ? now.atMs : null;
      const flappingSinceAtMs = state.flappingSinceAtMs ?? flaps;
      change({ state: "firing", sinceAtMs: now.atMs, severity, firedAtMs, flappingSinceAtMs });
      effects.push({ effect: "fire", startedAtMs, startedWallMs: state.breachSinceWallMs ?? now.wallMs });
    } else if (state.state === "recovering") {
      change({ state: "firing", sinceAtMs: now.atMs });
      effects.push({ effect: "dip" });
    }
    if (state.state === "firing" && severity === "critical" && state.severity === "warning") {
      change({ severity });
      effects.push({ effect: "worse" });
    }
  } else if (reading.value === "clear") {
    if (state.state === "pending") {
      change({
        state: "ok",
        sinceAtMs: now.atMs,
        breachSinceAtMs: null,
        breachSinceWallMs: null,
        blips: state.blips + 1,
      });
    } else if (state.state === "firing") {
      change({ state: "recovering", sinceAtMs: now.atMs });
      effects.push({ effect: "clearing" });
    }
    if (state.state === "recovering" && now.atMs - state.sinceAtMs >= waits.clearMs) {
      change({ state: "ok", sinceAtMs: now.atMs, breachSinceAtMs: null, breachSinceWallMs: null, incident: null });
      effects.push({ effect: "resolve" });
    }
  }
  return { state, effects };
}

/** An inhibitor that may be about to fire holds the messages of its symptoms, at most for its own threshold. */
export const holds = (instance: Instance, holdMs: number, now: Now): boolean =>
  instance.state === "pending" ||
  (instance.state === "ok" && instance.suspectSinceAtMs !== null && now.atMs - instance.suspectSinceAtMs <= holdMs);
