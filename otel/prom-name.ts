import type { Metric } from "./names.ts";

const UNITS: Readonly<Record<string, string>> = {
  d: "days",
  h: "hours",
  min: "minutes",
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
  By: "bytes",
  KiBy: "kibibytes",
  MiBy: "mebibytes",
  GiBy: "gibibytes",
  KBy: "kilobytes",
  MBy: "megabytes",
  GBy: "gigabytes",
  V: "volts",
  A: "amperes",
  J: "joules",
  W: "watts",
  Hz: "hertz",
  Cel: "celsius",
  "%": "percent",
};
const PER: Readonly<Record<string, string>> = {
  s: "second",
  m: "minute",
  h: "hour",
  d: "day",
  w: "week",
  mo: "month",
  y: "year",
};

/**
 * What Prometheus calls a metric, on `/metrics` and when it receives OTLP itself.
 * The rules of prometheus/otlptranslator, `metric_namer.go`, strategy UnderscoreEscapingWithSuffixes.
 */
export function promName(metric: Pick<Metric, "name" | "kind" | "unit">): string {
  const tokens = metric.name.split(/[^a-zA-Z0-9]+/).filter((token) => token !== "");
  for (const unit of unitTokens(metric.unit)) if (!tokens.includes(unit)) tokens.push(unit);
  if (metric.kind === "counter") moveLast(tokens, "total");
  if (metric.kind === "gauge" && metric.unit === "1") moveLast(tokens, "ratio");
  const name = tokens.join("_");
  return /^\d/.test(name) ? `_${name}` : name;
}

/** What Prometheus calls a label. */
export const promLabel = (attribute: string): string => {
  const name = attribute.replace(/[^a-zA-Z0-9]/g, "_");
  return /^\d/.test(name) ? `key_${name}` : name;
};

function unitTokens(unit: string): string[] {
  const [main = "", per] = unit.split("/", 2).map((part) => (part.includes("{") ? "" : part.trim()));
  const words: string[] = [];
  if (main !== "" && main !== "1") words.push(UNITS[main] ?? main);
  if (per !== undefined && per !== "") words.push("per", PER[per] ?? per);
  return words.flatMap((word) => word.split(/[^a-zA-Z0-9]+/)).filter((word) => word !== "");
}

function moveLast(tokens: string[], word: string): void {
  const rest = tokens.filter((token) => token !== word);
  tokens.splice(0, tokens.length, ...rest, word);
}
