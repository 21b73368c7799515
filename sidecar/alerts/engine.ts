import type { Logger } from "pino";
import type { Sample } from "../probes/probe.ts";
import type { Incident, Instance, OutboxRow, Severity } from "../state/records.ts";
import type { Now, SteadyClock, SteadyMark } from "../state/steady.ts";
import type { Change, State } from "../state/state.ts";
import { newBot } from "./bot-view.ts";
import { createComposer } from "./compose.ts";
import { createDesk } from "./desk.ts";
import { type Evidence, explain } from "./explain.ts";
import { apply, fire, letters, newReference, refresh } from "./incidents.ts";
import { asInhibitor, inhibition, type Inhibitor, INHIBITORS } from "./inhibit.ts";
import { plan } from "./plan.ts";
import type { RenderOptions } from "./render.ts";
import type { Context, Rule } from "./rule.ts";
import { RULES } from "./rules.ts";
import { ALERT_BOT } from "./rules-telegram.ts";
import { holds, newInstance, step } from "./step.ts";
import type { Thresholds } from "./thresholds.ts";
import { type ChannelPolicy, createTruth, isOpenRow, keyOf, put, toldKey } from "./truth.ts";
import {
  createWorld,
  forgetReadings,
  forgetUnseen,
  observe,
  renameBot,
  type World,
  type WorldOptions,
} from "./world.ts";

export type { AlertJson } from "./desk.ts";
export type { Evidence } from "./explain.ts";
export type { ChannelPolicy } from "./truth.ts";

/** One rule on one target as it stands, for the console, `/api/status` and `sidecar.alerts.firing`. */
export interface Standing {
  rule: string;
  target: string;
  severity: Severity;
  state: Instance["state"];
  /** Since when there is no data (null: there is); worth showing after 2 min. */
  noDataForMs: number | null;
}

export interface EngineOptions {
  thresholds: Thresholds;
  channels: ChannelPolicy[];
  escalateAfterMs: number;
  render: RenderOptions;
  /** The name of the channel whose token is one of its own; its refusal is an alert. undefined: none. */
  tokenChannel?: string | undefined;
}
export interface EngineDeps {
  state: State;
  clock: SteadyClock;
  log: Pick<Logger, "info" | "warn" | "error">;
  random: () => number;
  evidence?: Evidence | undefined;
  /** Rows were queued: the sender should look. */
  wake: () => void;
  /** Something became true or over; for `gramwatch.alert` log records. */
  onTransition?(incident: Incident): void;
}

const CHECKPOINT_MS = 15_000;
/** The telemetry of what made an incident is a moment behind it: so long it is looked for at every tick. */
const YOUNG_MS = 10_000;
const KEEP_MS = 30 * 86_400_000;
const UNSEEN_MS = 10 * 60_000; // longer than the longest interval of a probe

/** Decides: samples in, rows of the outbox out. One `tick` is one evaluation and one transaction. */
export function createEngine(deps: EngineDeps, options: EngineOptions) {
  const { state, clock, log, random, evidence, wake } = deps;
  const { thresholds, channels } = options;
  const truth = createTruth(state, channels, options.escalateAfterMs);
  const composer = createComposer(state, truth, options.render, channels);
  const rules = RULES.filter(({ name }) => thresholds[name].enabled);
  const worldOptions: WorldOptions = {
    errorsWindowMs: thresholds.TelegramBotErrorsHigh.windowMs,
    slowAnswerMs: thresholds.EventLoopBlocked.answerMs,
  };
  /** Which target a probe last spoke of: a bot gets its name only once it was read. */
  const spokenOf = new Map<string, string>();
  let world = loadWorld();
  /** Targets that were read in this run. */
  const seen = new Set<string>();
  const broken = new Set<string>();
  const startedAtMs = clock.now().atMs;
  let checkpointAtMs = Number.NEGATIVE_INFINITY;

  function loadWorld(): World {
    const { atMs } = clock.now();
    const saved = state.get("memory", "world") as World | undefined;
    const mark = state.get("memory", "clock") as SteadyMark | undefined;
    return saved === undefined ? createWorld(atMs) : { ...forgetReadings(saved), knownSinceMs: mark?.atMs ?? atMs };
  }

  function onSample(sample: Sample): void {
    const target = spokenOf.get(sample.probe);
    spokenOf.set(sample.probe, sample.target);
    seen.add(sample.target);
    if (target !== undefined && target !== sample.target) rename(target, sample.target);
    guarded(sample.probe, () => {
      world = observe(world, steadied(sample), worldOptions);
    });
  }

  /** A rule or reading that breaks must not silence the others; it is logged once until it works again. */
  function guarded<T>(what: string, work: () => T): T | undefined {
    try {
      const result = work();
      broken.delete(what);
      return result;
    } catch (error) {
      if (!broken.has(what)) log.error({ err: error, rule: what }, "this is not judged: its evaluation broke");
      broken.add(what);
      return undefined;
    }
  }

  /** The sample with its instants on the steady clock. */
  function steadied(sample: Sample): Sample {
    const atMs = clock.ofMonotonic(sample.atMs);
    if (sample.kind !== "own") return { ...sample, atMs };
    const arrivals = Object.entries(sample.lastMetricsAtMs).map(([service, last]) => [
      service,
      { ...last, atMs: clock.ofMonotonic(last.atMs) },
    ]);
    return { ...sample, atMs, lastMetricsAtMs: Object.fromEntries(arrivals) };
  }

  function rename(from: string, to: string): void {
    world = renameBot(world, from, to);
    const changes: Change[] = state.all("instance").flatMap((instance): Change[] => {
      if (instance.target !== from || state.get("instance", keyOf(instance.rule, to))) return [];
      return [
        { table: "instance", key: keyOf(instance.rule, from), value: null },
        put.instance({ ...instance, target: to }),
      ];
    });
    const incidents = state
      .all("incident")
      .filter((incident) => incident.target === from && incident.resolvedAtMs === null);
    state.commit([...changes, ...incidents.map((incident) => put.incident({ ...incident, target: to }))]);
  }

  function tick(): void {
    const gap = clock.advance();
    if (gap !== undefined) {
      world = forgetReadings(world, gap.atMs);
      log.warn({ gap_ms: Math.round(gap.lengthMs) }, "nobody looked for a while: that time counts for no alert");
    }
    const now = clock.now();
    const due = now.atMs - checkpointAtMs >= CHECKPOINT_MS;
    const inhibitors: Inhibitor[] = [];
    const moved = rules.flatMap((rule) =>
      targetsOf(rule).map((target) => guarded(keyOf(rule.name, target), () => evaluate(rule, target, now, inhibitors))),
    );
    const touched = [...moved, ...truth.recent(now).map((incident) => surround(incident, inhibitors, due, now))];
    if (due && now.atMs - startedAtMs >= UNSEEN_MS) touched.push(closeUnwatched(now));
    const rows = plan(state, truth, channels, now);
    if (rows.length > 0 || due || touched.some(Boolean)) state.commit([...rows, ...checkpoint(now)]);
    if (rows.length > 0) wake();
  }

  /** Without a token of its own there is no alert bot. */
  const targetsOf = (rule: Rule): string[] =>
    rule.targets(world).filter((target) => target !== ALERT_BOT || options.tokenChannel !== undefined);

  /** What the configuration no longer names would stay as it was for ever: its open incidents end. */
  function closeUnwatched(now: Now): boolean {
    world = forgetUnseen(world, seen);
    const watched = new Set(rules.flatMap((rule) => targetsOf(rule).map((target) => keyOf(rule.name, target))));
    const gone = state.all("instance").filter(({ rule, target }) => !watched.has(keyOf(rule, target)));
    for (const { rule, target, incident: id } of gone) {
      const incident = id === null ? undefined : state.get("incident", id);
      const over = {
        state: "resolved",
        resolvedAtMs: now.atMs,
        resolvedWallMs: now.wallMs,
        held: false,
        unwatched: true,
      } as const;
      state.stage([
        { table: "instance", key: keyOf(rule, target), value: null },
        ...(incident === undefined ? [] : [put.incident({ ...incident, ...over })]),
      ]);
    }
    return gone.length > 0;
  }

  /** Returns whether something changed that must not be lost. */
  function evaluate(rule: Rule, target: string, now: Now, inhibitors: Inhibitor[]): boolean {
    const before =
      state.get("instance", keyOf(rule.name, target)) ?? newInstance(rule.name, target, rule.severity, now.atMs);
    let incident = before.incident === null ? undefined : state.get("incident", before.incident);
    const context: Context = {
      world,
      target,
      now,
      thresholds,
      firing: before.state === "firing" || before.state === "recovering",
      cause: incident?.cause ?? null,
      alertTokenRefused: alertTokenRefused(),
      saidStopped: () => saidStopped(target),
    };
    const limits = thresholds[rule.name];
    const reading = rule.read(context);
    const severity = limits.severity ?? reading.severity ?? rule.severity;
    const forMs = rule.forMs?.(context) ?? limits.forMs;
    const suspect = rule.suspect?.(context) ?? false;
    const waits = { forMs, clearMs: limits.clearMs };
    const { state: after, effects } = step(before, { reading, severity, waits, suspect }, now);
    let instance = after;
    for (const effect of effects) {
      if (effect.effect === "fire") {
        const id = newReference((taken) => state.get("incident", taken) !== undefined, random);
        incident = fire({ id, nonce: letters(4, random) }, after, effect, reading, severity, now);
        instance = { ...instance, incident: id };
      } else if (incident !== undefined) {
        incident = apply(incident, effect, severity, now);
      }
    }
    if (incident !== undefined) {
      if (incident.state === "firing") incident = refresh(incident, reading);
      if (effects.some(({ effect }) => effect === "fire"))
        incident = explain(incident, serviceOf(target), evidence, true);
      state.stage([put.incident(incident)]);
      for (const { effect } of effects) if (effect !== "dip" && effect !== "clearing") deps.onTransition?.(incident);
    }
    if (instance !== before) state.stage([put.instance(instance)]);
    const holding = holds(instance, rule.holdMs?.(thresholds) ?? limits.forMs, now);
    if (INHIBITORS.has(rule.name) && (holding || (incident !== undefined && incident.state !== "resolved"))) {
      inhibitors.push(asInhibitor(instance, incident?.state === "resolved" ? undefined : incident));
    }
    return instance.state !== before.state || effects.length > 0;
  }

  /** What stands around an open incident: what explains it, what it may say, what the telemetry adds. */
  function surround(stored: Incident, inhibitors: Inhibitor[], withEvidence: boolean, now: Now): boolean {
    if (stored.resolvedAtMs !== null) return false;
    const young = now.atMs - stored.firedAtMs < YOUNG_MS;
    const explained = young || withEvidence ? explain(stored, serviceOf(stored.target), evidence, young) : stored;
    // What recovers with its inhibitor is not told because that was a moment faster.
    const { inhibitedBy, held } = stored.state === "recovering" ? stored : inhibition(explained, inhibitors);
    const same = inhibitedBy === stored.inhibitedBy && held === stored.held;
    state.stage([put.incident(same ? explained : { ...explained, inhibitedBy, held })]);
    const marked = truth.markFree(state.get("incident", stored.id) ?? stored, now);
    state.stage([put.incident(marked)]);
    return !same || marked.free !== stored.free;
  }

  const serviceOf = (target: string): string | undefined =>
    world.bots[target]?.service ?? (world.bots[target] && target);

  function saidStopped(target: string): boolean {
    try {
      return evidence?.saidStopped?.(serviceOf(target) ?? target) ?? false;
    } catch {
      return false; // the store is broken or busy
    }
  }

  function alertTokenRefused(): boolean | undefined {
    if (options.tokenChannel === undefined) return undefined;
    const status = state.get("channel", options.tokenChannel);
    if (status?.parked?.class === "token") return true;
    return status?.lastSentWallMs == null ? undefined : false;
  }

  /** The world and the clock, every 15 s and with every transition; old history goes. */
  function checkpoint(now: Now): Change[] {
    checkpointAtMs = now.atMs;
    const isOld = (atMs: number | null) => atMs !== null && now.atMs - atMs > KEEP_MS;
    const old = state.all("incident").filter(({ resolvedAtMs }) => isOld(resolvedAtMs));
    const gone = new Set(old.map(({ id }) => id));
    return [
      { table: "memory", key: "world", value: world },
      { table: "memory", key: "clock", value: clock.mark() },
      ...old.map(({ id }): Change => ({ table: "incident", key: id, value: null })),
      ...state
        .all("told")
        .flatMap(({ incident, channel }): Change[] =>
          gone.has(incident) ? [{ table: "told", key: toldKey(incident, channel), value: null }] : [],
        ),
      ...state
        .all("outbox")
        .flatMap((row): Change[] =>
          !isOpenRow(row) && isOld(row.createdAtMs) ? [{ table: "outbox", key: String(row.id), value: null }] : [],
        ),
    ];
  }

  return {
    /** Takes what a probe saw; `sample.atMs` is monotonic. */
    observe: onSample,
    /** Evaluates every rule and commits what changed in one transaction. Call it about every second. */
    tick,
    /** What a channel is to be told for these rows, decided now: the sender calls it. */
    compose: (channel: string, rows: OutboxRow[]) => composer.compose(channel, rows, clock.now()),
    /** What a channel was told is firing and still is. */
    firing: (channel: string) => composer.firing(channel, clock.now()),
    standings(): Standing[] {
      const { atMs } = clock.now();
      return rules.flatMap((rule) =>
        targetsOf(rule).map((target): Standing => {
          const { name, severity } = rule;
          const instance = state.get("instance", keyOf(name, target)) ?? newInstance(name, target, severity, atMs);
          const noDataForMs = instance.unknownSinceAtMs === null ? null : atMs - instance.unknownSinceAtMs;
          return { rule: name, target, severity: instance.severity, state: instance.state, noDataForMs };
        }),
      );
    },
    ...createDesk(state, clock, truth, options.render.links, () => {
      state.commit(plan(state, truth, channels, clock.now()));
      wake();
    }),
    /** The bots that are watched, so that one that was never read is known from the start. */
    watch(targets: string[]): void {
      const { atMs, wallMs } = clock.now();
      for (const target of targets) seen.add(target);
      const missing = targets.filter((target) => world.bots[target] === undefined);
      world = {
        ...world,
        bots: { ...world.bots, ...Object.fromEntries(missing.map((target) => [target, newBot(atMs, wallMs)])) },
      };
    },
  };
}
