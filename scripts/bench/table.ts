import type { Figure } from "../../bench/figure.ts";

/** `FAILED`: what must hold does not; `missed`: what we want does not. A dash where nothing was asked. */
export function verdictOf({ ours, goal, must, better }: Figure): "ok" | "missed" | "FAILED" | "–" {
  const holds = (limit: number): boolean => (better === "higher" ? ours >= limit : ours <= limit);
  if (must !== undefined && !holds(must)) return "FAILED";
  if (goal !== undefined && !holds(goal)) return "missed";
  return goal === undefined && must === undefined ? "–" : "ok";
}

/** One line of the table; without a figure its head. */
export function row(figure?: Figure): string {
  if (figure === undefined) return line("figure", "goal", "must", "ours", "peer", "ratio", "");
  const { goal, must, ours, unit, peer, better } = figure;
  const limit = (value: number | undefined): string =>
    value === undefined ? "" : `${better === "higher" ? "≥" : "≤"} ${value}`;
  return line(
    figure.figure,
    limit(goal),
    limit(must),
    `${ours} ${unit}`,
    peer === undefined ? "" : `${peer.value} (${peer.name})`,
    peer === undefined ? "" : `×${(ours / peer.value).toFixed(2)}`,
    verdictOf(figure),
  );
}

function line(name: string, goal: string, must: string, ours: string, peer: string, ratio: string, verdict: string) {
  return `${name.padEnd(62)} ${goal.padEnd(7)} ${must.padEnd(7)} ${ours.padStart(16)}  ${peer.padEnd(24)} ${ratio.padEnd(8)} ${verdict}`.trimEnd();
}
