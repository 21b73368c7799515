import type { Builder, Dataquery } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import * as logsPanel from "@grafana/grafana-foundation-sdk/logs";
import * as loki from "@grafana/grafana-foundation-sdk/loki";
import * as nodegraph from "@grafana/grafana-foundation-sdk/nodegraph";
import * as prometheus from "@grafana/grafana-foundation-sdk/prometheus";
import * as statPanel from "@grafana/grafana-foundation-sdk/stat";
import * as timeline from "@grafana/grafana-foundation-sdk/statetimeline";
import * as tablePanel from "@grafana/grafana-foundation-sdk/table";
import * as tempo from "@grafana/grafana-foundation-sdk/tempo";
import * as textPanel from "@grafana/grafana-foundation-sdk/text";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

/** Data sources are only ever the dashboard's variables. */
export const METRICS = { type: "prometheus", uid: "${datasource}" };
const LOKI = { type: "loki", uid: "${loki}" };
const TEMPO = { type: "tempo", uid: "${tempo}" };

/** Ends the description of a panel whose emptiness is good news; the runner accepts empty results only there. */
const EMPTY_IS_GOOD = "Empty is good.";

export interface Described {
  title: string;
  /** What is normal, and what to do if it is not. */
  description: string;
  /** Grafana's id of the unit: `s`, `percentunit`, `bytes`, `short` … */
  unit: string;
  /** Columns of 24. */
  w: number;
  /** What stands there without data. `good`: nothing to show is good news; otherwise it says what to do. */
  empty: string | { good: string };
  /** Where somebody must act: `[300, "red"]` from 300 on. Green below the first. */
  thresholds?: [number, string][];
  mappings?: Record<string, [text: string, color: string]>;
  min?: number;
  max?: number;
  decimals?: number;
  /** The axis reaches this far at least: Grafana draws a line of zeros under an axis to 100. */
  softMax?: number;
  links?: Link[];
}
export interface Link {
  title: string;
  url: string;
}
/** A query, or legend → query. */
type Queries = string | Record<string, string>;
type Column = { rename?: string; unit?: string; link?: Link; hidden?: boolean; width?: number };

/** What every panel builder of the SDK has. */
interface AnyPanel extends Builder<dashboard.Panel> {
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: common.DataSourceRef): this;
  span(w: number): this;
  withTarget(target: Builder<Dataquery>): this;
  links(links: Builder<dashboard.DashboardLink>[]): this;
}
interface FieldPanel extends AnyPanel {
  unit(unit: string): this;
  noValue(text: string): this;
  thresholds(thresholds: Builder<dashboard.ThresholdsConfig>): this;
  mappings(mappings: dashboard.ValueMapping[]): this;
  min(min: number): this;
  max(max: number): this;
  decimals(decimals: number): this;
}

/** One number per series, at the end of the time range. */
export const stat = (spec: Described, query: Queries): Builder<dashboard.Panel> =>
  described(
    new statPanel.PanelBuilder(),
    spec,
    METRICS,
    promTargets(query, (target) => target.instant()),
  )
    .colorMode(spec.thresholds || spec.mappings ? common.BigValueColorMode.Background : common.BigValueColorMode.None)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]));

export const graph = (
  spec: Described & { stacked?: boolean; fill?: number },
  query: Queries,
): Builder<dashboard.Panel> => {
  const panel = lines(
    spec,
    METRICS,
    promTargets(query, (target) => target.range()),
  );
  if (spec.thresholds)
    panel.thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed));
  return panel;
};

/** Lines from log queries. */
export const logGraph = (spec: Described & { stacked?: boolean }, query: Queries): Builder<dashboard.Panel> =>
  lines(
    spec,
    LOKI,
    entries(query).map(([legend, expr], index) => lokiTarget(expr, index).legendFormat(legend).queryType("range")),
  );

/** Lines from TraceQL metrics; their exemplars are traces. */
export const traceGraph = (spec: Described, query: string): Builder<dashboard.Panel> =>
  lines(spec, TEMPO, [tempoTarget(query).metricsQueryType(tempo.MetricsQueryType.Range).exemplars(100)]);

/** Queries in one table, joined on their labels. Columns of values: `Value #A`, `Value #B` …; `Value` of a single query. */
export const table = (
  spec: Described & { columns: Record<string, Column>; sortBy?: string },
  queries: string[],
): Builder<dashboard.Panel> => {
  const targets = queries.map((expr, index) =>
    promTarget(expr, index).format(prometheus.PromQueryFormat.Table).instant(),
  );
  return columns(described(new tablePanel.PanelBuilder(), spec, METRICS, targets), spec, ["Time"])
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "organize",
      options: {
        excludeByName: Object.fromEntries(["Time", ...hidden(spec.columns)].map((name) => [name, true])),
        renameByName: renamed(spec.columns),
        indexByName: Object.fromEntries(Object.keys(spec.columns).map((name, index) => [name, index])),
      },
    });
};

/** Spans that a TraceQL search finds, newest trace first. Columns: what the query selects, `Span ID`, `Start time`, `Duration`. */
export const spanTable = (
  spec: Described & { columns: Record<string, Column> },
  query: string,
): Builder<dashboard.Panel> =>
  columns(
    described(new tablePanel.PanelBuilder(), spec, TEMPO, [
      tempoTarget(query).tableType(tempo.SearchTableType.Spans).limit(20).spss(20),
    ]),
    spec,
  )
    // Attributes of the conditions come as columns, too. The trace id stays: hidden, for links.
    .withTransformation({
      id: "filterFieldsByName",
      options: { include: { names: ["traceIdHidden", ...Object.keys(spec.columns)] } },
    })
    .withTransformation({
      id: "organize",
      options: {
        excludeByName: {},
        renameByName: renamed(spec.columns),
        indexByName: Object.fromEntries(Object.keys(spec.columns).map((name, index) => [name, index])),
      },
    });

export const histogram = (spec: Described, query: string): Builder<dashboard.Panel> =>
  described(new heatmap.PanelBuilder(), spec, METRICS, [
    promTarget(query, 0).format(prometheus.PromQueryFormat.Heatmap).legendFormat("{{le}}").range(),
  ])
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(spec.unit))
    .color(new heatmap.HeatmapColorOptionsBuilder().mode(heatmap.HeatmapColorMode.Scheme).scheme("Oranges").steps(32));

export const states = (spec: Described, query: Queries): Builder<dashboard.Panel> =>
  described(
    new timeline.PanelBuilder(),
    spec,
    METRICS,
    promTargets(query, (target) => target.range()),
  )
    .mergeValues(true)
    .showValue(common.VisibilityMode.Never)
    .rowHeight(0.9);

export const logs = (spec: Described & { ascending?: boolean }, query: string): Builder<dashboard.Panel> =>
  described(new logsPanel.PanelBuilder(), spec, LOKI, [lokiTarget(query, 0).maxLines(200).queryType("range")])
    .showTime(true)
    .wrapLogMessage(true)
    .enableLogDetails(true)
    .dedupStrategy(common.LogsDedupStrategy.None)
    .sortOrder(spec.ascending === true ? common.LogsSortOrder.Ascending : common.LogsSortOrder.Descending);

/** A trace by its bare id, as spans. */
export const trace = (spec: Described, id: string): Builder<dashboard.Panel> =>
  described(new dashboard.PanelBuilder().type("traces"), spec, TEMPO, [tempoTarget(id)]);

/** A trace by its bare id, as a graph. */
export const traceNodes = (spec: Described, id: string): Builder<dashboard.Panel> =>
  described(new nodegraph.PanelBuilder(), spec, TEMPO, [tempoTarget(id)]);

/** Alerts of the provisioned Prometheus; this panel type takes a name, not a variable. */
export const alertList = (spec: Described): Builder<dashboard.Panel> =>
  described(new dashboard.PanelBuilder().type("alertlist"), spec, METRICS, []).options({
    viewMode: "list",
    groupMode: "default",
    maxItems: 20,
    sortOrder: 3,
    datasource: "Prometheus",
    stateFilter: { firing: true, pending: true, noData: false, normal: false, error: true },
  });

export const text = (title: string, w: number, markdown: string): Builder<dashboard.Panel> =>
  new textPanel.PanelBuilder()
    .title(title)
    .description("How to use this dashboard.")
    .span(w)
    .mode(textPanel.TextMode.Markdown)
    .content(markdown);

function described<B extends FieldPanel>(
  panel: B,
  spec: Described,
  datasource: common.DataSourceRef,
  targets: Builder<Dataquery>[],
): B {
  const good = typeof spec.empty !== "string";
  panel
    .title(spec.title)
    .description(good ? `${spec.description} ${EMPTY_IS_GOOD}` : spec.description)
    .unit(spec.unit)
    .noValue(typeof spec.empty === "string" ? spec.empty : spec.empty.good)
    .datasource(datasource)
    .span(spec.w)
    .thresholds(
      new dashboard.ThresholdsConfigBuilder()
        .mode(dashboard.ThresholdsMode.Absolute)
        .steps([
          { value: null, color: base(spec.thresholds) },
          ...(spec.thresholds ?? []).map(([value, color]) => ({ value, color })),
        ]),
    );
  for (const target of targets) panel.withTarget(target);
  if (spec.min !== undefined) panel.min(spec.min);
  if (spec.max !== undefined) panel.max(spec.max);
  if (spec.decimals !== undefined) panel.decimals(spec.decimals);
  if (spec.links) panel.links(spec.links.map(({ title, url }) => new dashboard.DashboardLinkBuilder(title).url(url)));
  if (spec.mappings)
    panel.mappings([
      {
        type: dashboard.MappingType.ValueToText,
        options: Object.fromEntries(
          Object.entries(spec.mappings).map(([value, [shown, color]], index) => [value, { text: shown, color, index }]),
        ),
      },
    ]);
  return panel;
}

/** Below the first threshold all is well. Where nothing is below it, this is the color of no value: none. */
const base = (thresholds: Described["thresholds"]): string =>
  thresholds === undefined ? "text" : thresholds[0]![0] > 0 ? "green" : "transparent";

function lines(
  spec: Described & { stacked?: boolean; fill?: number },
  datasource: common.DataSourceRef,
  targets: Builder<Dataquery>[],
): timeseries.PanelBuilder {
  const panel = described(new timeseries.PanelBuilder(), spec, datasource, targets)
    .lineWidth(1)
    .fillOpacity(spec.stacked === true ? 30 : (spec.fill ?? 5))
    .showPoints(common.VisibilityMode.Auto)
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(["lastNotNull", "max"])
        // Label sets are there from the start, most of them with a zero: the busy ones come first.
        .sortBy("Max")
        .sortDesc(true),
    );
  if (spec.min === undefined) panel.axisSoftMin(0);
  if (spec.softMax !== undefined) panel.axisSoftMax(spec.softMax);
  if (spec.stacked === true) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  return panel;
}

function columns(
  panel: tablePanel.PanelBuilder,
  spec: { columns: Record<string, Column>; sortBy?: string },
  never: string[] = [],
): tablePanel.PanelBuilder {
  for (const [name, column] of Object.entries(spec.columns)) {
    if (never.includes(name) || column.hidden === true) continue;
    // An empty cell would show the panel's text for no data.
    const properties: dashboard.DynamicConfigValue[] = [{ id: "noValue", value: "–" }];
    if (column.unit !== undefined) properties.push({ id: "unit", value: column.unit });
    if (column.link !== undefined) properties.push({ id: "links", value: [{ ...column.link, targetBlank: false }] });
    if (column.width !== undefined) properties.push({ id: "custom.width", value: column.width });
    panel.overrideByName(column.rename ?? name, properties);
  }
  if (spec.sortBy !== undefined)
    panel.sortBy([new common.TableSortByFieldStateBuilder().displayName(spec.sortBy).desc(true)]);
  return panel;
}

const hidden = (columns: Record<string, Column>): string[] =>
  Object.entries(columns).flatMap(([name, column]) => (column.hidden === true ? [name] : []));
const renamed = (columns: Record<string, Column>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(columns).flatMap(([name, { rename }]) => (rename === undefined ? [] : [[name, rename]])),
  );

const refId = (index: number): string => String.fromCharCode(65 + index);
const entries = (queries: Queries): [string, string][] =>
  typeof queries === "string" ? [["__auto", queries]] : Object.entries(queries);

const promTarget = (expr: string, index: number): prometheus.DataqueryBuilder =>
  new prometheus.DataqueryBuilder().datasource(METRICS).refId(refId(index)).expr(expr);
const promTargets = (
  queries: Queries,
  kind: (target: prometheus.DataqueryBuilder) => prometheus.DataqueryBuilder,
): prometheus.DataqueryBuilder[] =>
  entries(queries).map(([legend, expr], index) => kind(promTarget(expr, index)).legendFormat(legend));
const lokiTarget = (expr: string, index: number): loki.DataqueryBuilder =>
  new loki.DataqueryBuilder().datasource(LOKI).refId(refId(index)).expr(expr);
const tempoTarget = (query: string): tempo.DataqueryBuilder =>
  new tempo.DataqueryBuilder().datasource(TEMPO).refId("A").queryType("traceql").query(query);
