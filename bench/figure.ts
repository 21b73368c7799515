/** One line of the scoreboard. A bench prints it as JSON on a line of its own; everything else it prints is talk. */
export interface Figure {
  figure: string;
  unit: string;
  ours: number;
  /** Default: lower is better. */
  better?: "higher";
  /** What we want. */
  goal?: number;
  /** What must hold: over it the bench fails. */
  must?: number;
  /** The same, measured in the same run, of something else. */
  peer?: { name: string; value: number };
}

/** The bounded form: seconds instead of minutes. */
export const short = process.argv.includes("--short");

export const report = (figure: Figure): void => {
  process.stdout.write(`${JSON.stringify({ ...figure, ours: rounded(figure.ours) })}\n`);
};

/** Three significant digits are more than a shared machine can promise. */
const rounded = (value: number): number => (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)));

/** The value below which `share` of all lie; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Waits until `look` says something; polls, because another process can only be looked at. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, withinMs = 60_000) {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const seen = await Promise.resolve(look()).catch(() => undefined);
    if (seen !== undefined) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited ${withinMs / 1000} s for ${what}`);
}
