import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableHide,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dashboard, Panel, VariableModel } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { METRICS } from "./panel.ts";
import { P, at } from "./query.ts";

/** Panels side by side; their widths add up to 24. `title` begins a section. */
export interface Row {
  title?: string;
  height: number;
  panels: Builder<Panel>[];
}
export interface Description {
  /** A contract: alert messages link to `/d/<uid>?var-…`. */
  uid: string;
  title: string;
  description: string;
  variables?: Builder<VariableModel>[];
  rows: Row[];
}

/** A dashboard with what all of them share: variables, annotations, links, refresh, numbering and places of panels. */
export function dashboard({ uid, title, description, variables = [], rows }: Description): Dashboard {
  const builder = new DashboardBuilder(`Gramwatch / ${title}`)
    .uid(uid)
    .description(description)
    .tags(["gramwatch"])
    .readonly()
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([...common, ...variables])
    .annotations(annotations)
    .link(
      new DashboardLinkBuilder("Gramwatch")
        .type(DashboardLinkType.Dashboards)
        .tags(["gramwatch"])
        // One button instead of a line of them: the panels are what somebody came for.
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  let y = 0;
  const numbered: number[] = [];
  for (const row of rows) {
    if (row.title !== undefined) {
      const number = numbered.push(y);
      builder.withRow(new RowBuilder(row.title).id(number).gridPos({ x: 0, y, w: 24, h: 1 }));
      y += 1;
    }
    let x = 0;
    for (const panel of row.panels) {
      const built = panel.build();
      const w = built.gridPos?.w ?? 24;
      // The SDK leaves panels without an id, and `viewPanel` links need a stable one.
      const placed = { ...built, id: numbered.push(y), gridPos: { x, y, w, h: row.height } };
      builder.withPanel({ build: () => placed });
      x += w;
    }
    if (x !== 24) throw new Error(`${uid}: the panels at row ${y} are ${x} columns wide, not 24`);
    y += row.height;
  }
  const built = builder.build();
  // The SDK puts every link and annotation into a menu (`placement`); links belong on the page, where they are seen.
  for (const item of [...(built.links ?? []), ...(built.annotations.list ?? [])]) delete item.placement;
  return built;
}

const fromUptime = (name: string, label: string, title: string, matchers: string): QueryVariableBuilder => {
  const query = `label_values(${at(P.uptime, matchers, "")}, ${label})`;
  return new QueryVariableBuilder(name)
    .label(title)
    .datasource(METRICS)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ["All"], value: ["$__all"] });
};

const source = (name: string, type: string, title: string): DatasourceVariableBuilder =>
  new DatasourceVariableBuilder(name)
    .label(title)
    .type(type)
    .current({ selected: true, text: title, value: `gramwatch-${type}` })
    .hide(VariableHide.HideLabel);

const common: Builder<VariableModel>[] = [
  source("datasource", "prometheus", "Prometheus"),
  source("loki", "loki", "Loki"),
  source("tempo", "tempo", "Tempo"),
  // All is `.*` where the label may be absent, and `.+` for the service: Loki refuses what accepts the empty string.
  fromUptime("env", "deployment_environment_name", "Environment", "").allValue(".*"),
  fromUptime("service", "service_name", "Service", 'deployment_environment_name=~"$env"').allValue(".+"),
  fromUptime(
    "instance",
    "service_instance_id",
    "Instance",
    'service_name=~"$service", deployment_environment_name=~"$env"',
  ).allValue(".*"),
];

const marked = (name: string, color: string, expr: string, title: string, text: string): AnnotationQueryBuilder =>
  new AnnotationQueryBuilder()
    .name(name)
    .datasource(METRICS)
    .enable(true)
    .iconColor(color)
    .target(new DataqueryBuilder().refId(name).expr(expr).range())
    .expr(expr)
    .step("30s")
    .titleFormat(title)
    .textFormat(text);

const versions = (extra: string): string =>
  `group by (service_name, service_version) (${at(P.uptime, "", 'service_name=~"$service"')}${extra})`;

const annotations: AnnotationQueryBuilder[] = [
  new AnnotationQueryBuilder()
    .name("Deploy marks")
    .datasource({ type: "grafana", uid: "-- Grafana --" })
    .enable(true)
    .iconColor("purple")
    .type("tags")
    .target({
      build: () => ({ type: "tags", tags: ["deploy"], limit: 100, matchAny: false, refId: "deploy" }) as never,
    }),
  marked(
    "Alerts",
    "red",
    'ALERTS{alertstate="firing", service_name=~"$service|"}',
    "{{alertname}}",
    "{{service_name}}",
  ),
  marked(
    "Deploys",
    "blue",
    `${versions("")} unless ${versions(" offset 2m")}`,
    "{{service_name}} {{service_version}}",
    "first seen",
  ),
  // A new service.instance.id is a new series, which resets() cannot see.
  marked(
    "Restarts",
    "orange",
    `resets(${at(P.uptime)}[2m]) > 0 or ${at(P.uptime)} < 60`,
    "{{service_name}} started",
    "{{service_instance_id}}",
  ),
];
