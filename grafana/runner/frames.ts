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

/** What Tempo's data source makes of a search with `tableType: traces`: a row per trace, selected attributes inside. */
export function traceTable(target: Target, query: TraceQuery, spans: Span[]): Found {
  const byTrace = Map.groupBy(
    spans.filter((span) => query.matches(span)),
    ({ traceId }) => traceId,
  );
  const roots = new Map(spans.filter(({ parentId }) => parentId === undefined).map((span) => [span.traceId, span]));
  const rows = [...byTrace].map(([traceId, matched]) => {
    const root = roots.get(traceId) ?? matched[0]!;
    const selected = query.selected.flatMap((name) => {
      const value = matched.map((span) => read(span, name)).find((one) => one !== undefined);
      return value === undefined ? [] : [[name, value] as const];
    });
    return {
      traceID: traceId,
      startTime: root.startMs,
      traceService: String(root.resource["service.name"]),
      traceName: root.name,
      traceDuration: root.traceDurationMs,
      ...Object.fromEntries(selected),
    };
  });
  rows.sort((a, b) => b.startTime - a.startTime);
  return {
    form: "table",
    target,
    columns: ["traceID", "startTime", "traceService", "traceName", "traceDuration", ...query.selected],
    rows: rows.slice(0, target.limit ?? 20),
  };
}

/** The tables of a panel after its transformations. */
export function transformed(panel: Panel, tables: Table[]): Table {
  let all = tables;
  for (const { id, options } of panel.transformations ?? [])
    if (id === "merge") all = [merged(all)];
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
