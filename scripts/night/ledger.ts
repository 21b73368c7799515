import type { Told } from "./told.ts";

/** What people must be told of an act, and how they would know it. */
export interface Expected {
  rule: string;
  title: RegExp;
  cause: RegExp;
  channels: Told["channel"][];
}
/** Something that happened. Times are Unix milliseconds. */
export interface Happened {
  name: string;
  fromMs: number;
  toMs: number;
  expected: Expected[];
  /** Titles of what may be told of it besides: followed to its end, not demanded. */
  also?: RegExp[] | undefined;
  /** What else was seen of it. */
  note?: string | undefined;
  /** Why it did not come to its end: what it waited for did not happen. */
  failed?: string;
}
/** What a person wrote, and what an answer to it looks like. */
export interface Said {
  id: number;
  atMs: number;
  chat: number;
  text: string;
  answer: RegExp;
}
export interface Answered {
  chat: number;
  atMs: number;
  text: string;
}
/** One handling of an update as Jaeger has it. */
export interface Handling {
  spanId: string;
  updateId: number;
  replayed: boolean;
}
export interface NightRecord {
  happened: Happened[];
  said: Said[];
  answered: Answered[];
  told: Told[];
  /** When nobody's answer could arrive: a sender there cannot know what did, and sends again. */
  holes: { fromMs: number; toMs: number }[];
  telemetry: {
    handlings: Handling[];
    /** By the counters of every process that the bot was. */
    handled: number;
    /** What it printed, and what of it Loki has. */
    linesPrinted: number;
    linesArrived: number;
    /** What it says that it lost. */
    dropped: { spans: number; logs: number };
  };
  heartbeats: { main: number; delivery: number };
}

/** One thing that was told, with all who heard it. */
export interface Row {
  happened: Happened;
  expected: Expected | undefined;
  told: Told[];
}
export interface Balance {
  rows: Row[];
  updates: { said: number; answered: number; lost: number; again: number; twice: number; unmarked: number };
  alerts: { expected: number; told: number; lost: number; repeated: number; unmarked: number; false: number };
  telemetry: { spansLost: number; linesLost: number; counted: { spans: number; logs: number } };
  /** Every reason for which the night does not balance, in words. */
  wrong: string[];
}

/** A firing needs its time: probes, the wait of the rule, a channel that groups what follows within 15 s. */
const LATE_MS = 30_000;
/** A lost answer is noticed and the message sent again within this. */
const AGAIN_MS = 15_000;

/** Closes the books of a night: what was said and done against what arrived, all of it seen from outside. */
export function balance(record: NightRecord): Balance {
  const wrong: string[] = [];
  const updates = balanceUpdates(record, wrong);
  const { rows, alerts } = balanceAlerts(record, wrong);
  const telemetry = balanceTelemetry(record, wrong);
  if (record.heartbeats.main === 0) wrong.push("no heartbeat was sent");
  if (record.heartbeats.delivery === 0) wrong.push("no delivery heartbeat was sent");
  return { rows, updates, alerts, telemetry, wrong };
}

function balanceUpdates({ said, answered, holes, telemetry }: NightRecord, wrong: string[]): Balance["updates"] {
  const inHole = ({ atMs }: Answered): boolean =>
    holes.some(({ fromMs, toMs }) => atMs > fromMs - AGAIN_MS && atMs < toMs + AGAIN_MS);
  let lost = 0;
  let again = 0;
  for (const { id, chat, text, answer } of said) {
    const answers = answered.filter((one) => one.chat === chat && answer.test(one.text));
    if (answers.length === 0) {
      lost++;
      wrong.push(`update ${id} was lost: "${text}" in chat ${chat} has no answer`);
    }
    if (answers.length > 1) {
      again++;
      if (!answers.some(inHole)) wrong.push(`update ${id} was answered ${answers.length} times: "${text}"`);
    }
  }
  const byUpdate = Map.groupBy(telemetry.handlings, ({ updateId }) => updateId);
  const twice = [...byUpdate.values()].filter((handlings) => handlings.length > 1);
  const unmarked = twice.filter((handlings) => handlings.filter(({ replayed }) => !replayed).length > 1);
  for (const [first] of unmarked) wrong.push(`update id ${first?.updateId} was handled twice without a mark`);
  return {
    said: said.length,
    answered: said.length - lost,
    lost,
    again,
    twice: twice.length,
    unmarked: unmarked.length,
  };
}

function balanceAlerts({ happened, told }: NightRecord, wrong: string[]) {
  const rows: Row[] = [];
  const counts = { expected: 0, told: 0, lost: 0, repeated: 0, unmarked: 0, false: 0 };
  const incidents = Map.groupBy(told, ({ incident }) => incident);
  const explained = new Set<string>();
  for (const act of happened) {
    if (act.failed !== undefined) wrong.push(`${act.name}: ${act.failed}`);
    if (act.expected.length === 0) rows.push({ happened: act, expected: undefined, told: [] });
    for (const expected of act.expected) {
      counts.expected++;
      const mine = [...incidents].filter(([id, all]) => !explained.has(id) && isOf(act, expected.title, all));
      const [first] = mine;
      if (first !== undefined) explained.add(first[0]);
      const heard = first?.[1] ?? [];
      rows.push({ happened: act, expected, told: heard });
      const problems = problemsOf(expected, heard);
      if (problems.length > 0) counts.lost++;
      wrong.push(...problems.map((problem) => `${act.name}: ${expected.rule} ${problem}`));
    }
    for (const title of act.also ?? [])
      for (const [id, all] of incidents)
        if (!explained.has(id) && isOf(act, title, all)) {
          explained.add(id);
          rows.push({ happened: act, expected: undefined, told: all });
        }
  }
  for (const [id, all] of incidents) {
    counts.told++;
    const title = all[0]?.title ?? "";
    if (!explained.has(id)) {
      counts.false++;
      wrong.push(`false alarm: #${id} "${title}" belongs to nothing that happened`);
    }
    for (const [key, same] of Map.groupBy(all, ({ channel, what }) => `${what} by ${channel}`)) {
      if (same.length === 1) continue;
      counts.repeated += same.length - 1;
      if (same.filter(({ marked }) => !marked).length <= 1) continue;
      counts.unmarked++;
      wrong.push(`told twice: #${id} "${title}", ${key}, without a mark`);
    }
  }
  return { rows, alerts: counts };
}

/** The incident began while the act went on, and speaks of it. */
function isOf(act: Happened, title: RegExp, all: Told[]): boolean {
  const fromMs = Math.min(...all.map(({ atMs }) => atMs));
  return fromMs >= act.fromMs && fromMs <= act.toMs + LATE_MS && all.some((one) => title.test(one.title));
}

function problemsOf({ channels, cause }: Expected, heard: Told[]): string[] {
  if (heard.length === 0) return ["was told nowhere"];
  const problems: string[] = [];
  for (const channel of channels) {
    const there = heard.filter((one) => one.channel === channel);
    // Where nobody knows whether the beginning arrived, the end is marked, or tells the whole of it with its cause.
    const began = there.some(
      (one) =>
        one.what === "firing" ||
        one.what === "missed" ||
        (one.what === "resolved" && (one.marked || cause.test(one.cause))),
    );
    const ended = there.some(({ what }) => what === "resolved" || what === "missed");
    if (!began) problems.push(`was not told by ${channel}`);
    else if (!ended) problems.push(`is not over by ${channel}`);
  }
  const causes = heard.map((one) => one.cause).filter(Boolean);
  if (!causes.some((said) => cause.test(said))) problems.push(`names no such cause as ${String(cause)}`);
  return problems;
}

function balanceTelemetry({ telemetry }: NightRecord, wrong: string[]): Balance["telemetry"] {
  const { handlings, handled, linesPrinted, linesArrived, dropped } = telemetry;
  const arrived = new Set(handlings.map(({ spanId }) => spanId)).size;
  const spansLost = Math.max(0, handled - arrived);
  const linesLost = Math.max(0, linesPrinted - linesArrived);
  if (spansLost > dropped.spans) wrong.push(`${spansLost} spans are lost, ${dropped.spans} are counted`);
  if (linesLost > dropped.logs) wrong.push(`${linesLost} log lines are lost, ${dropped.logs} are counted`);
  return { spansLost, linesLost, counted: dropped };
}
