import type { Figure } from "../../bench/figure.ts";

/** `FAILED`: what must hold does not; `missed`: what we want does not. A dash where nothing was asked. */
export function verdictOf({ ours, goal, must, better }: Figure): "ok" | "missed" | "FAILED" | "–" {
  const holds = (limit: number): boolean => (better === "higher" ? ours >= limit : ours <= limit);
  if (must !== undefined && !holds(must)) return "FAILED";
  if (goal !== undefined && !holds(goal)) return "missed";
  return goal === undefined && must === undefined ? "–" : "ok";
}

export const oursOf = ({ ours, unit }: Figure): string => `${ours} ${unit}`;

export function limitsOf({ goal, must, better }: Figure): { goal: string; must: string } {
  const limit = (value: number | undefined): string =>
    value === undefined ? "" : `${better === "higher" ? "≥" : "≤"} ${value}`;
  return { goal: limit(goal), must: limit(must) };
}

/** The same of something else, measured in the same run, and the ratio to it. */
export const peerOf = ({ ours, peer }: Figure): string =>
  peer === undefined ? "" : `×${(ours / peer.value).toFixed(2)} of ${peer.value} (${peer.name})`;

const WIDTHS = [66, 8, 8, -16, 38];

/** One line of the table; without a figure its head. */
export function row(figure?: Figure): string {
  if (figure === undefined) return line(["figure", "goal", "must", "ours", "beside it"]);
  const { goal, must } = limitsOf(figure);
  return line([figure.figure, goal, must, oursOf(figure), peerOf(figure), verdictOf(figure)]);
}

function line(cells: string[]): string {
  const placed = cells.map((cell, at) => {
    const width = WIDTHS[at] ?? 0;
    return width < 0 ? `${cell.padStart(-width)} ` : cell.padEnd(width);
  });
  return placed.join(" ").trimEnd();
}
