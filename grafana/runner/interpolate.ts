import type { Variable } from "./model.ts";

export interface Range {
  fromMs: number;
  toMs: number;
}
export interface Scope {
  range: Range;
  /** `timeInterval` of the Prometheus data source. */
  scrapeSeconds: number;
  /** Points that fit into the panel's width. */
  points: number;
  variables: Variable[];
  /** The chosen values; `$__all` for All. */
  values: Record<string, string | string[]>;
  /** `${__value.raw}` and the like, in links. */
  local?: Record<string, string>;
}
/** How values are put into text: each data source has its own way, links have theirs. */
export type Dialect = "prometheus" | "loki" | "tempo" | "url";

const REFERENCE = /\$(\w+)|\$\{([\w.]+)(?:\.[^:^}]+)?(?::([^}]+))?\}|\[\[(\w+)(?::(\w+))?\]\]/g;

/** Seconds between two points: the range over the width, rounded up as Grafana does, never under the scrape interval. */
export function intervalSeconds({ range, points, scrapeSeconds }: Scope): number {
  const exact = (range.toMs - range.fromMs) / 1000 / points;
  const steps = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  ];
  return Math.max(scrapeSeconds, steps.find((step) => step >= exact) ?? 604_800);
}

/**
 * Text with its variables replaced as Grafana replaces them. Throws on a variable that nobody declares, which Grafana
 * would leave standing in the query.
 */
export function interpolate(text: string, scope: Scope, dialect: Dialect): string {
  const builtIn = builtIns(scope);
  return text.replace(REFERENCE, (whole, plain, braced, format, square, squareFormat) => {
    const name: string = plain ?? braced ?? square;
    const local = scope.local?.[name];
    if (local !== undefined) return dialect === "url" ? encodeURIComponent(local) : local;
    const own = builtIn[name];
    if (own !== undefined) return own;
    const variable = scope.variables.find((one) => one.name === name);
    if (variable === undefined) throw new Error(`${whole} is not declared`);
    return formatted(variable, scope.values[name] ?? variable.current.value, format ?? squareFormat ?? dialect);
  });
}

function builtIns(scope: Scope): Record<string, string> {
  const { fromMs, toMs } = scope.range;
  const interval = intervalSeconds(scope);
  const rangeSeconds = Math.round((toMs - fromMs) / 1000);
  return {
    __interval: `${interval}s`,
    __interval_ms: String(interval * 1000),
    __auto: `${interval}s`,
    // At least four scrapes, so that a lost one does not make a hole.
    __rate_interval: `${Math.max(interval + scope.scrapeSeconds, 4 * scope.scrapeSeconds)}s`,
    __range: `${rangeSeconds}s`,
    __range_s: String(rangeSeconds),
    __range_ms: String(toMs - fromMs),
    __from: String(fromMs),
    __to: String(toMs),
    __url_time_range: `from=${fromMs}&to=${toMs}`,
  };
}

const isAll = (value: string | string[]): boolean =>
  value === "$__all" || (Array.isArray(value) && value[0] === "$__all");

function formatted(variable: Variable, value: string | string[], format: string): string {
  const values = Array.isArray(value) ? value : [value];
  if (format === "queryparam" || format === "url")
    return values.map((one) => `var-${variable.name}=${encodeURIComponent(one)}`).join("&");
  // What All stands for goes in as it is, in every dialect.
  if (isAll(value)) return variable.allValue ?? "";
  switch (format) {
    case "raw":
      return values.join(",");
    case "regex":
      return values.length === 1 ? escapeRegex(values[0]!) : `(${values.map(escapeRegex).join("|")})`;
    case "prometheus":
      if (variable.multi !== true && variable.includeAll !== true)
        return values.join().replaceAll("\\", "\\\\").replaceAll("'", "\\\\'");
      return values.length === 1 ? quotedRegex(values[0]!) : `(${values.map(quotedRegex).join("|")})`;
    case "loki":
      if (variable.multi !== true && variable.includeAll !== true) return values.join().replaceAll("'", "\\\\'");
      return values.map(quotedRegex).join("|");
    case "tempo":
      return variable.multi === true ? values.map(quotedRegex).join("|") : values.join();
    default:
      throw new Error(`\${${variable.name}:${format}}: unknown format`);
  }
}

const escapeRegex = (text: string): string => text.replace(/[\\^$*+?.()|[\]{}]/g, "\\$&");
/** A regex inside a quoted string: its backslashes are doubled. */
const quotedRegex = (text: string): string => escapeRegex(text).replaceAll("\\", "\\\\");
