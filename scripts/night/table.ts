import type { Row } from "./ledger.ts";
import { clock, type Night } from "./night.ts";
import type { Told } from "./told.ts";

/** The night on one page: what happened, who was told what of it and when, and whether the books balance. */
export function tableOf({ seed, fromMs, record, balance, memory, skipped }: Night): string {
  const { updates, alerts, telemetry, wrong } = balance;
  const { linesPrinted, handled, handlings } = record.telemetry;
  const lost = (count: number, counted: number): string =>
    count === 0 ? "none lost" : `${count} lost, ${counted} counted`;
  return [
    line("what happened", "at", "took", "what was told"),
    ...balance.rows.flatMap((row) => describe(row, fromMs)),
    ...skipped.map((what) => `skipped: ${what}`),
    "",
    fact("updates", `${updates.said} said, ${updates.answered} answered, ${updates.lost} lost`),
    fact(
      "",
      `${updates.twice} handled twice (${updates.unmarked} unmarked), ${updates.again} answers sent again after a lost reply`,
    ),
    fact("alerts", `${alerts.expected} expected, ${alerts.told} told, ${alerts.lost} lost, ${alerts.false} false`),
    fact("", `${alerts.repeated} told twice (${alerts.unmarked} unmarked)`),
    fact(
      "spans",
      `${handlings.length} of ${handled} handlings in Jaeger: ${lost(telemetry.spansLost, telemetry.counted.spans)}`,
    ),
    fact(
      "log lines",
      `${record.telemetry.linesArrived} of ${linesPrinted} in Loki: ${lost(telemetry.linesLost, telemetry.counted.logs)}`,
    ),
    fact("heartbeats", `${record.heartbeats.main} main, ${record.heartbeats.delivery} delivery`),
    fact("memory", `bot ${memory.bot.map(mib).join(" → ")}, sidecar ${memory.sidecar.map(mib).join(" → ")} MiB`),
    "",
    wrong.length === 0
      ? `The night balances. Again: --seed ${seed}`
      : `The night does not balance. Again: --seed ${seed}`,
    ...wrong.map((problem) => `  ✗ ${problem}`),
  ].join("\n");
}

function describe({ happened, expected, told }: Row, zeroMs: number): string[] {
  const { name, fromMs, toMs, note } = happened;
  const took = `${((toMs - fromMs) / 1000).toFixed(1)} s`;
  const first = expected?.rule ?? (told.length === 0 ? "nothing" : `also: ${told[0]?.title}`);
  return [
    line(name, clock(fromMs - zeroMs), took, note === undefined ? first : `${first} (${note})`),
    ...told.map((one) => line("", "", "", `  ${hearing(one, fromMs)}`)),
  ];
}

const hearing = ({ atMs, channel, what, cause, marked, incident }: Told, fromMs: number): string =>
  [
    `+${((atMs - fromMs) / 1000).toFixed(1)} s`.padEnd(8),
    channel.padEnd(9),
    `${what}${marked ? " ↻" : ""}`.padEnd(10),
    `#${incident}`,
    cause.length > 110 ? `${cause.slice(0, 109)}…` : cause,
  ].join(" ");

const line = (name: string, at: string, took: string, told: string): string =>
  `${name.padEnd(38)} ${at.padStart(5)} ${took.padStart(7)}  ${told}`.trimEnd();
const fact = (name: string, text: string): string => `${name.padEnd(12)} ${text}`;
const mib = (value: number): string => value.toFixed(0);
