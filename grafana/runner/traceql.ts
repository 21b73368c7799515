/** A span as Jaeger and Tempo would both show it. Attributes of the resource are apart. */
export interface Span {
  traceId: string;
  spanId: string;
  parentId: string | undefined;
  name: string;
  kind: string;
  status: "ok" | "error" | "unset";
  startMs: number;
  durationMs: number;
  /** Of the whole trace. */
  traceDurationMs: number;
  attributes: Record<string, string | number | boolean>;
  resource: Record<string, string | number | boolean>;
}
export interface TraceQuery {
  matches(span: Span): boolean;
  /** Attribute names of `select(…)`, without `span.`; intrinsics with their colon. */
  selected: string[];
  /** Ends in a metrics function. */
  metrics: boolean;
}

const CONDITION = /^([\w.]+(?::\w+)?) *(=~|!=|>=|<=|=|>|<) *("(?:[^"\\]|\\.)*"|[\w.]+)$/;

/**
 * The small part of TraceQL that our dashboards use, for a trace engine that has none:
 * `{ condition && … } | select(…) | …_over_time(…) with (most_recent=true)`. Whether Tempo accepts a query is decided by
 * Grafana's grammar, not here.
 */
export function parseTraceQl(query: string): TraceQuery {
  const parts = /^\{(.*?)\} *(?:\| *(.*?))? *(?:with *\(.*\))?$/s.exec(query.trim());
  if (parts === null) throw new Error(`not understood: ${query}`);
  const [, conditions = "", pipeline = ""] = parts;
  const tests = conditions.split("&&").map((text) => (text.trim() === "false" ? () => false : condition(text.trim())));
  return {
    matches: (span) => tests.every((test) => test(span)),
    selected: (/select\((.*?)\)/.exec(pipeline)?.[1] ?? "")
      .split(",")
      .map((name) => name.trim().replace(/^span\./, ""))
      .filter(Boolean),
    metrics: /_over_time\(|^rate\(/.test(pipeline),
  };
}

function condition(text: string): (span: Span) => boolean {
  const parts = CONDITION.exec(text);
  if (parts === null) throw new Error(`condition not understood: ${text}`);
  const [, field = "", operator = "", literal = ""] = parts;
  const wanted = value(literal);
  return (span) => {
    const is = read(span, field);
    if (is === undefined) return false;
    switch (operator) {
      case "=":
        return is === wanted;
      case "!=":
        return is !== wanted;
      case "=~":
        return new RegExp(`^(?:${String(wanted)})$`).test(String(is));
      case ">":
        return Number(is) > Number(wanted);
      case ">=":
        return Number(is) >= Number(wanted);
      case "<":
        return Number(is) < Number(wanted);
      default:
        return Number(is) <= Number(wanted);
    }
  };
}

/** What `select(…)` or a condition names; undefined where the span has no such attribute. */
export function read(span: Span, field: string): string | number | boolean | undefined {
  switch (field) {
    case "span:kind":
    case "kind":
      return span.kind;
    case "span:status":
    case "status":
      return span.status;
    case "span:duration":
    case "duration":
      return span.durationMs;
    case "trace:duration":
      return span.traceDurationMs;
    case "trace:id":
      return span.traceId;
    default:
      return field.startsWith("resource.")
        ? span.resource[field.slice("resource.".length)]
        : span.attributes[field.replace(/^span\./, "")];
  }
}

const UNIT_MS: Record<string, number> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A string, a number, a duration (in ms) or a word such as `consumer`. */
function value(literal: string): string | number {
  if (literal.startsWith('"')) return JSON.parse(literal) as string;
  const [, number, unit = ""] = /^([\d.]+)([a-z]*)$/.exec(literal) ?? [];
  if (number === undefined) return literal;
  return Number(number) * (unit === "" ? 1 : (UNIT_MS[unit] ?? Number.NaN));
}
