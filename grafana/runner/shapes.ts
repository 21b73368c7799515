import { isEmpty, transformed } from "./frames.ts";
import type { Found, Table } from "./frames.ts";
import { emptyIsGood } from "./model.ts";
import type { Panel } from "./model.ts";

/** The table that a table panel shows, after its transformations. */
export const tableOf = (panel: Panel, found: Found[]): Table =>
  transformed(
    panel,
    found.flatMap((one) => (one.form === "table" ? [one] : [])),
  );

/**
 * What is wrong with what a panel would show. `excused`: targets that may find nothing here for a reason of the
 * machine; `demanded`: emptiness is not good this time, whatever the panel says.
 */
export function shapeProblems(
  panel: Panel,
  found: Found[],
  excused: (text: string) => boolean,
  demanded = false,
): string[] {
  const empty = found.filter((one) => isEmpty(one) && !excused(one.target.expr ?? one.target.query ?? ""));
  if (empty.length > 0 && (demanded || !emptyIsGood(panel)))
    return empty.map(({ target }) => `${target.refId} found nothing: ${target.expr ?? target.query}`);
  const full = found.filter((one) => !isEmpty(one));
  if (full.length === 0) return [];
  return [...full.flatMap((one) => legendProblems(one)), ...typeProblems(panel, full)];
}

/** A label that the legend names and no series has would show as nothing. */
function legendProblems(found: Found): string[] {
  if (found.form !== "series") return [];
  const named = [...(found.target.legendFormat ?? "").matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
  return named
    .filter((label) => !found.series.some(({ labels }) => labels[label] !== undefined))
    .map((label) => `${found.target.refId}: no series has the label ${label} of the legend`);
}

function typeProblems(panel: Panel, found: Found[]): string[] {
  const series = found.flatMap((one) => (one.form === "series" ? one.series : []));
  switch (panel.type) {
    case "stat":
      return series
        .filter(({ points }) => points.length !== 1 || !Number.isFinite(points[0]![1]))
        .map(({ labels, points }) => `${points.length} values instead of one number: ${JSON.stringify(labels)}`);
    case "timeseries":
      // What happens rarely may have happened once.
      return emptyIsGood(panel) || series.some(({ points }) => points.length > 1)
        ? []
        : ["no series has more than one point"];
    case "heatmap":
      return series.length > 1 && series.every(({ labels }) => labels["le"] !== undefined)
        ? []
        : ["a heatmap needs several buckets with the label le"];
    case "state-timeline": {
      const mapped = Object.keys(panel.fieldConfig?.defaults.mappings?.[0]?.options ?? {});
      const strange = new Set(series.flatMap(({ points }) => points.map(([, value]) => String(value))));
      return [...strange].filter((value) => !mapped.includes(value)).map((value) => `no text for the state ${value}`);
    }
    case "table":
      return columnProblems(panel, tableOf(panel, found));
    case "logs":
      if (!panel.description?.includes("Open trace")) return [];
      return found.some((one) => one.form === "lines" && one.lines.some(({ labels }) => labels["trace_id"]))
        ? []
        : ["no line has a trace id: Open trace would be missing"];
    case "traces":
    case "nodeGraph":
      return found.every((one) => one.form === "spans" && one.spans.some(({ parentId }) => parentId === undefined))
        ? []
        : ["the trace has no root"];
    default:
      return [];
  }
}

function columnProblems(panel: Panel, table: Table): string[] {
  const shown = new Set(table.columns);
  const named = (panel.fieldConfig?.overrides ?? []).map(({ matcher }) => matcher.options);
  const missing = named.filter((name) => !shown.has(name)).map((name) => `no column ${name}, which an override names`);
  const blank = table.columns.filter((name) => table.rows.every((row) => row[name] === undefined));
  return [...missing, ...blank.map((name) => `the column ${name} is blank in every row`)];
}
