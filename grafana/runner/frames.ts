import type { Line, Series } from "./engines.ts";
import type { Panel, Target, Transformation } from "./model.ts";
import { read } from "./traceql.ts";
import type { Span, TraceQuery } from "./traceql.ts";

/** What a target found, in the form that panels draw from. */
export type Found =
  | { form: "series"; target: Target; series: Series[] }
  | { form: "table"; target: Target; columns: string[]; rows: Row[] }
  | { form: "lines"; target: Target; lines: Line[] }
  | { form: "spans"; target: Target; spans: Span[] };
export type Row = Record<string, string | number | boolean>;
export interface Table {
  columns: string[];
  rows: Row[];
}

export const isEmpty = (found: Found): boolean => {
  switch (found.form) {
    case "series":
      return !found.series.some(({ points }) => points.some(([, value]) => Number.isFinite(value)));
    case "table":
      return found.rows.length === 0;
    case "lines":
      return found.lines.length === 0;
    default:
      return found.spans.length === 0;
  }
};

/** An instant query as a table. Grafana calls the column of values by its query once there are several. */
export function seriesTable(target: Target, series: Series[], queries: number): Found {
  const value = queries > 1 ? `Value #${target.refId}` : "Value";
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))];
  const rows = series.map(({ labels: own, points }) => ({
    Time: points.at(-1)![0],
    ...own,
    [value]: points.at(-1)![1],
  }));
  return { form: "table", target, columns: ["Time", ...labels, value], rows };
}

/** What Tempo's data source makes of a search with `tableType: spans`: a row per span, newest trace first. */
export function spanTable(target: Target, query: TraceQuery, spans: Span[]): Found {
  const byTrace = Map.groupBy(
    spans.filter((span) => query.matches(span)),
    ({ traceId }) => traceId,
  );
  const newest = [...byTrace.values()]
    .sort((a, b) => b[0]!.startMs - a[0]!.startMs)
    .slice(0, target.limit ?? 20)
    .flatMap((matched) => matched.slice(0, target.spss ?? 3));
  const rows = newest.map((span) => ({
    traceIdHidden: span.traceId,
    "Span ID": span.spanId,
    "Start time": span.startMs,
    Duration: span.durationMs,
    ...Object.fromEntries(
      query.selected.flatMap((name) => {
        const value = read(span, name);
        return value === undefined ? [] : [[shown(name), value] as const];
      }),
    ),
  }));
  return {
    form: "table",
    target,
    columns: ["traceIdHidden", "Span ID", "Start time", ...query.selected.map(shown), "Duration"],
    rows,
  };
}
/** A column goes by its attribute; an intrinsic loses its scope. */
const shown = (selected: string): string => selected.replace(/^span:/, "");

/** The tables of a panel after its transformations. */
export function transformed(panel: Panel, tables: Table[]): Table {
  let all = tables;
  for (const { id, options } of panel.transformations ?? [])
    if (id === "merge") all = [merged(all)];
    else if (id === "filterFieldsByName") all = all.map((table) => only(table, options.include?.names ?? []));
    else if (id === "organize") all = all.map((table) => organized(table, options));
    else throw new Error(`transformation ${id} is not known to the runner`);
  if (all.length !== 1) throw new Error(`${all.length} tables in one panel: only the first would be seen`);
  return all[0]!;
}

/** Rows that agree in all columns they share become one. */
function merged(tables: Table[]): Table {
  const columns = [...new Set(tables.flatMap((table) => table.columns))];
  const shared = columns.filter((name) => tables.every((table) => table.columns.includes(name)));
  const rows = new Map<string, Row>();
  for (const row of tables.flatMap((table) => table.rows)) {
    const key = JSON.stringify(shared.map((name) => row[name]));
    rows.set(key, { ...rows.get(key), ...row });
  }
  return { columns, rows: [...rows.values()] };
}

const only = ({ columns, rows }: Table, names: string[]): Table => ({
  columns: columns.filter((name) => names.includes(name)),
  rows: rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name)))),
});

function organized(
  { columns, rows }: Table,
  { excludeByName = {}, renameByName = {} }: Transformation["options"],
): Table {
  const kept = columns.filter((name) => excludeByName[name] !== true);
  const renamed = (name: string): string => renameByName[name] ?? name;
  return {
    columns: kept.map(renamed),
    rows: rows.map((row) =>
      Object.fromEntries(kept.flatMap((name) => (row[name] === undefined ? [] : [[renamed(name), row[name]]]))),
    ),
  };
}
