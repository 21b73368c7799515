const UNITS: [string, number][] = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** The two largest units that say something: `5 min 12 s`, `1 h 05 min`, `3 d`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const at = UNITS.findIndex(([, length]) => seconds >= length);
  if (at < 0) return "0 s";
  const [unit, length] = UNITS[at] ?? ["s", 1];
  const count = Math.floor(seconds / length);
  const [smaller, smallerLength] = UNITS[at + 1] ?? ["", 1];
  const rest = Math.floor((seconds - count * length) / smallerLength);
  return rest === 0 || smaller === "" ? `${count} ${unit}` : `${count} ${unit} ${rest} ${smaller}`;
}

/** `14:02:11 UTC (16:02 Berlin)`; with the date when it is not today's. */
export function clockTime(wallMs: number, nowWallMs: number, timeZone: string | undefined): string {
  const iso = new Date(wallMs).toISOString();
  const today = iso.slice(0, 10) === new Date(nowWallMs).toISOString().slice(0, 10);
  const utc = `${today ? "" : `${iso.slice(0, 10)} `}${iso.slice(11, 19)} UTC`;
  if (timeZone === undefined) return utc;
  const local = new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }).format(wallMs);
  return `${utc} (${local} ${timeZone.split("/").at(-1)?.replaceAll("_", " ")})`;
}

/** `4.2 GiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, count)) / 10)));
  const value = count / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

export const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
