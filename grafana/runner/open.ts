import type { Engines } from "./engines.ts";
import { seriesTable, spanTable } from "./frames.ts";
import type { Found } from "./frames.ts";
import { interpolate, intervalSeconds } from "./interpolate.ts";
import type { Range, Scope } from "./interpolate.ts";
import { linksOf } from "./model.ts";
import type { Dashboard, Panel, Target } from "./model.ts";
import { shapeProblems, tableOf } from "./shapes.ts";
import { parseTraceQl } from "./traceql.ts";
import type { Span } from "./traceql.ts";

export interface Visit {
  dashboard: Dashboard;
  range: Range;
  /** Chosen values; the others stand at the dashboard's own defaults. */
  values?: Record<string, string | string[]>;
}
export interface Surroundings {
  engines: Engines;
  dashboards: Dashboard[];
  /** `timeInterval` of the provisioned Prometheus data source. */
  scrapeSeconds: number;
  /** Queries that find nothing on this machine for a known reason. */
  excused?: (text: string) => boolean;
}
export interface Opened {
  /** `dashboard / panel: what is wrong`. */
  problems: string[];
  /** Where the links of this dashboard lead, with a value from the first row where a link takes one. */
  leads: Visit[];
  /** Panel title → what its targets found. */
  found: Map<string, Found[]>;
}

/** Opens a dashboard as Grafana would: variables, queries, what each panel needs of them, links. */
export async function open({ dashboard, range, values = {} }: Visit, around: Surroundings): Promise<Opened> {
  const scope: Scope = {
    range,
    scrapeSeconds: around.scrapeSeconds,
    points: 800,
    variables: dashboard.templating.list,
    values,
  };
  const opened: Opened = { problems: [], leads: [], found: new Map() };
  const report = (where: string, problems: string[]): void => {
    opened.problems.push(...problems.map((problem) => `${dashboard.uid} / ${where}: ${problem}`));
  };
  report("variables", await variableProblems(scope, around.engines));
  const chosen = await chosenTrace(scope, around.engines);

  for (const panel of dashboard.panels.filter(({ type }) => type !== "row" && type !== "text")) {
    try {
      const found = await Promise.all(
        (panel.targets ?? []).map((target) => execute(panel, target, scope, around.engines)),
      );
      opened.found.set(panel.title, found);
      report(panel.title, shapeProblems(panel, found, around.excused ?? (() => false), demanded(panel, chosen)));
      if (panel.type === "alertlist") report(panel.title, await ruleProblems(around.engines));
      for (const link of linksOf(panel)) {
        const local = link.column === undefined ? {} : firstRow(panel, found, link.column);
        if (local === undefined) continue;
        const lead = follow(interpolate(link.url ?? "", { ...scope, local }, "url"), around.dashboards);
        if (typeof lead === "string") report(panel.title, [`link ${link.title}: ${lead}`]);
        else opened.leads.push(lead);
      }
    } catch (error) {
      report(panel.title, [(error as Error).message]);
    }
  }
  for (const annotation of dashboard.annotations.list.filter(({ expr }) => expr !== undefined))
    await around.engines.metrics
      .range(interpolate(annotation.expr ?? "", scope, "prometheus"), range, intervalSeconds(scope))
      .catch((error: Error) => report(`annotation ${annotation.name}`, [error.message]));
  for (const link of dashboard.links)
    if (!around.dashboards.some(({ tags }) => link.tags?.every((tag) => tags.includes(tag))))
      report("links", [`${link.title}: no dashboard has the tag ${link.tags?.join()}`]);
  return opened;
}

/** Query variables must have values: an empty list in the head of a dashboard is a wrong label or metric. */
async function variableProblems(scope: Scope, engines: Engines): Promise<string[]> {
  const problems: string[] = [];
  for (const variable of scope.variables.filter(({ type }) => type === "query")) {
    const query = typeof variable.query === "string" ? variable.query : variable.query.query;
    const [, match = "", label = ""] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
    const options = await engines.metrics.labelValues(label, interpolate(match, scope, "prometheus"), scope.range);
    if (options.length === 0) problems.push(`${variable.name} has no values: ${query}`);
  }
  return problems;
}

async function execute(panel: Panel, target: Target, scope: Scope, engines: Engines): Promise<Found> {
  const { range } = scope;
  const step = intervalSeconds(scope);
  switch (target.datasource.type) {
    case "prometheus": {
      const expr = interpolate(target.expr ?? "", scope, "prometheus");
      if (target.instant !== true)
        return { form: "series", target, series: await engines.metrics.range(expr, range, step) };
      const series = await engines.metrics.instant(expr, range.toMs);
      return target.format === "table"
        ? seriesTable(target, series, panel.targets?.length ?? 1)
        : { form: "series", target, series };
    }
    case "loki": {
      const expr = interpolate(target.expr ?? "", scope, "loki");
      return panel.type === "logs"
        ? { form: "lines", target, lines: await engines.logs.lines(expr, range, 200) }
        : { form: "series", target, series: await engines.logs.range(expr, range, step) };
    }
    default:
      return traces(target, interpolate(target.query ?? "", scope, "tempo"), range, engines);
  }
}

async function traces(target: Target, text: string, range: Range, engines: Engines): Promise<Found> {
  // A bare id is a lookup.
  if (/^[0-9a-f]+$/.test(text)) return { form: "spans", target, spans: await engines.traces.byId(text) };
  const query = parseTraceQl(text);
  const spans = await engines.traces.spans(range);
  if (!query.metrics) return spanTable(target, query, spans);
  const points = spans
    .filter((span) => query.matches(span))
    .map((span): [number, number] => [span.startMs, span.durationMs]);
  return { form: "series", target, series: points.length === 0 ? [] : [{ labels: {}, points }] };
}

async function chosenTrace(scope: Scope, engines: Engines): Promise<Span[]> {
  const id = scope.values["traceId"];
  return typeof id === "string" && id.length === 32 ? engines.traces.byId(id) : [];
}

/** With a trace chosen, what is about it must show something: its log lines if it is an update's, its calls if it has any. */
function demanded(panel: Panel, chosen: Span[]): boolean {
  const query = panel.targets?.map((target) => target.expr ?? target.query ?? "").join() ?? "";
  if (chosen.length === 0 || !query.includes("$traceId")) return false;
  if (panel.type === "logs")
    return chosen.some(({ parentId, name }) => parentId === undefined && name.startsWith("process "));
  if (panel.type === "table") return chosen.some(({ attributes }) => attributes["rpc.method"] !== undefined);
  return true;
}

async function ruleProblems(engines: Engines): Promise<string[]> {
  const rules = (await engines.metrics.rules()).flatMap((group) => group.rules);
  const ill = rules.filter(({ health }) => health === "err").map(({ name, lastError }) => `${name}: ${lastError}`);
  return rules.length === 0 ? ["Prometheus has no rules"] : ill;
}

/** What a link in a column can name: the value, and the other columns of its row. */
function firstRow(panel: Panel, found: Found[], column: string): Record<string, string> | undefined {
  const row = tableOf(panel, found).rows[0];
  const value = row?.[column];
  if (row === undefined || value === undefined) return undefined;
  const fields = Object.entries(row).map(([name, one]) => [`__data.fields.${name}`, String(one)]);
  return { "__value.raw": String(value), ...Object.fromEntries(fields) };
}

/** Where a link leads, or why nowhere. */
function follow(url: string, dashboards: Dashboard[]): Visit | string {
  const to = new URL(url, "http://grafana");
  const uid = /^\/d\/([\w-]+)$/.exec(to.pathname)?.[1];
  const dashboard = dashboards.find((one) => one.uid === uid);
  if (dashboard === undefined) return `no dashboard ${to.pathname}`;
  const range = { fromMs: Number(to.searchParams.get("from")), toMs: Number(to.searchParams.get("to")) };
  const values: Record<string, string[]> = {};
  for (const [name, value] of to.searchParams) if (name.startsWith("var-")) (values[name.slice(4)] ??= []).push(value);
  const unknown = Object.keys(values).filter((name) => !dashboard.templating.list.some((one) => one.name === name));
  if (unknown.length > 0) return `${uid} has no variable ${unknown.join()}`;
  const chosen = Object.entries(values).map(([name, all]) => [name, all.length === 1 ? all[0]! : all]);
  return { dashboard, range, values: Object.fromEntries(chosen) };
}
