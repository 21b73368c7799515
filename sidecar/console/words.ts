/** How the console says numbers: always with a unit, never more digits than anybody needs. */

/** `0.4 ms`, `34 ms`, `2.1 s`, `3 min 12 s`. */
export function millis(ms: number): string {
  if (ms < 1) return `${ms.toFixed(ms < 0.1 ? 2 : 1)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms / 1000);
}

/** The two largest units: `45 s`, `6 min 12 s`, `3 d 4 h`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: [number, string][] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  const at = units.findIndex(([size]) => whole >= size);
  if (at === -1) return "0 s";
  const [size, unit] = units[at] as [number, string];
  const next = units[at + 1];
  const rest = next === undefined ? 0 : Math.floor((whole % size) / next[0]);
  return `${Math.floor(whole / size)} ${unit}${rest > 0 && next !== undefined ? ` ${rest} ${next[1]}` : ""}`;
}

const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];
const sizeUnit = (bytes: number): number =>
  bytes < 1000 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(bytes) / 3));
const sized = (bytes: number, unit: number): string => {
  const value = bytes / 1000 ** unit;
  return unit === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, "");
};

/** `190 MB`. */
export const bytes = (count: number): string => `${sized(count, sizeUnit(count))} ${SIZES[sizeUnit(count)]}`;

/** `31.2 of 40 GB`: both in the unit of the whole. */
export const bytesOf = (part: number, whole: number): string =>
  `${sized(part, sizeUnit(whole))} of ${sized(whole, sizeUnit(whole))} ${SIZES[sizeUnit(whole)]}`;

/** `99.94 %`; never 100 unless it is. */
export function percent(ratio: number): string {
  if (ratio >= 1) return "100 %";
  return `${(Math.floor(ratio * 10_000) / 100).toFixed(2)} %`;
}

/** `poll_stalled` → `Poll stalled`. */
export const sentence = (code: string): string => {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** `TelegramBotDisconnected` → `telegram-bot-disconnected`, the name of its runbook. */
export const kebab = (rule: string): string => rule.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "-").toLowerCase();

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
