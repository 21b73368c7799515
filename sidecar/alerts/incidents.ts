import { redactFreeText } from "@gramwatch/otel";
import type { Facts, Incident, Instance, Severity } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import type { Reading } from "./rule.ts";
import type { Effect } from "./step.ts";

// Without 0, O, 1, I, L: the reference is read aloud and typed.
const ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/** A free reference of four characters, such as `K7F2`. */
export function newReference(taken: (id: string) => boolean, random: () => number): string {
  for (let length = 4; ;) {
    const id = Array.from({ length }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join("");
    if (!taken(id)) return id;
    if (random() < 0.1) length++; // crowded: longer ones are free
  }
}

export const letters = (length: number, random: () => number): string =>
  Array.from({ length }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join("");

export function fire(
  id: { id: string; nonce: string },
  instance: Instance,
  effect: Extract<Effect, { effect: "fire" }>,
  reading: Reading,
  severity: Severity,
  now: Now,
): Incident {
  return {
    ...id,
    rule: instance.rule,
    target: instance.target,
    severity,
    state: "firing",
    seq: 1,
    cause: reading.cause ?? null,
    facts: cleaned(reading.facts ?? {}),
    errors: [],
    traceIds: [],
    startedAtMs: effect.startedAtMs,
    startedWallMs: effect.startedWallMs,
    firedAtMs: now.atMs,
    firedWallMs: now.wallMs,
    clearedAtMs: null,
    clearedWallMs: null,
    resolvedAtMs: null,
    resolvedWallMs: null,
    dips: 0,
    ackedBy: null,
    ackedAtMs: null,
    inhibitedBy: null,
    held: false,
    flapping: instance.flappingSinceAtMs !== null,
    free: {},
  };
}

/** The incident after what its instance went through. */
export function apply(incident: Incident, effect: Effect, severity: Severity, now: Now): Incident {
  switch (effect.effect) {
    case "worse":
      // What was acknowledged was the lesser trouble.
      return { ...incident, severity, seq: incident.seq + 1, ackedAtMs: null, ackedBy: null };
    case "clearing":
      return { ...incident, state: "recovering", clearedAtMs: now.atMs, clearedWallMs: now.wallMs };
    case "dip":
      return { ...incident, state: "firing", clearedAtMs: null, clearedWallMs: null, dips: incident.dips + 1 };
    case "resolve":
      return { ...incident, state: "resolved", resolvedAtMs: now.atMs, resolvedWallMs: now.wallMs, held: false };
    default:
      return incident;
  }
}

/** What bots and receivers say of their errors goes to chats and pages: without tokens and phone numbers. */
const cleaned = (facts: Facts): Facts =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, typeof value === "string" ? redactFreeText(value) : value]),
  );

/**
 * While it is a breach the incident shows what is read now. A cause of `unknown` does not replace a known one, which keeps
 * the way to Telegram that it was read from.
 */
export function refresh(incident: Incident, reading: Reading): Incident {
  if (reading.value !== "breach") return incident;
  const facts = reading.facts ? cleaned(reading.facts) : incident.facts;
  if (reading.cause === undefined) return { ...incident, facts };
  if (reading.cause !== "unknown" || incident.cause === null) return { ...incident, cause: reading.cause, facts };
  const { way = null, back = false } = incident.facts;
  return { ...incident, facts: { ...facts, ...("way" in facts && { way, back }) } };
}
