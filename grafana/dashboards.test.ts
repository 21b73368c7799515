import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parser as logql } from "@grafana/lezer-logql";
import { parser as traceql } from "@grafana/lezer-traceql";
import { attributes, foreignMetrics, logFields, metrics } from "@gramwatch/otel/names.ts";
import { promLabel, promName } from "@gramwatch/otel/prom-name.ts";
import type { SyntaxNodeRef } from "@lezer/common";
import type { LRParser } from "@lezer/lr";
import { parser as promql } from "@prometheus-io/lezer-promql";
import { parse as parseYaml } from "yaml";
import { interpolate } from "./runner/interpolate.ts";
import type { Dialect } from "./runner/interpolate.ts";
import { emptyIsGood, linksOf, readDashboards } from "./runner/model.ts";
import type { Dashboard, Panel, Target } from "./runner/model.ts";
import { parseTraceQl } from "./runner/traceql.ts";
import type { Span } from "./runner/traceql.ts";
import { files } from "./src/dashboards.ts";
import { engine, sdk } from "./src/engine-metrics.ts";
import { UID } from "./src/links.ts";

const dashboards = readDashboards();
const contentOf = (dashboard: Dashboard): Panel[] => dashboard.panels.filter(({ type }) => type !== "row");
const GRAMMARS: Record<string, LRParser> = { prometheus: promql, loki: logql, tempo: traceql };
const textOf = (target: Target): string => target.expr ?? target.query ?? "";

/** The part of the text that the grammar does not understand, if any. */
function misunderstood(grammar: LRParser, text: string): string | undefined {
  let wrong: string | undefined;
  grammar.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) wrong ??= text.slice(Math.max(0, node.from - 20), node.to + 20);
    },
  });
  return wrong;
}

/** Metrics, and the labels that go with them, that a PromQL expression names. */
function namesIn(expr: string): { metrics: string[]; labels: string[] } {
  const found = { metrics: [] as string[], labels: [] as string[] };
  promql.parse(expr).iterate({
    enter: ({ name, from, to, node }: SyntaxNodeRef) => {
      const text = expr.slice(from, to);
      if (name === "Identifier" && node.parent?.name === "VectorSelector") found.metrics.push(text);
      if (name === "LabelName") found.labels.push(text);
    },
  });
  return found;
}

const base = (name: string): string => name.replace(/_(bucket|sum|count)$/, "");

test("the grammars refuse what the engines would refuse", () => {
  assert.ok(misunderstood(promql, "sum(rate(x[5m])"));
  assert.ok(misunderstood(logql, "{a=} |= 1"));
  // Tempo wants 0.95
  assert.ok(misunderstood(traceql, "{ } | quantile_over_time(duration, .95)"));
});

test("lines are searched for the text as it was typed, quotes and backslashes with it", () => {
  const logs = dashboards.find(({ uid }) => uid === UID.logs)!;
  const search = String.raw`can't read "a\b" of {undefined}`;
  const scope = {
    range: { fromMs: 0, toMs: 3_600_000 },
    scrapeSeconds: 15,
    points: 800,
    variables: logs.templating.list,
    values: { search },
  };
  for (const target of contentOf(logs).flatMap(({ targets = [] }) => targets)) {
    if (!textOf(target).includes("search")) continue;
    const query = interpolate(textOf(target), scope, "loki");
    assert.equal(misunderstood(logql, query), undefined, query);
    assert.ok(query.includes(`|= \`${search}\``), query);
  }
});

test("what outlives the handling of an update is in no panel about handlings", () => {
  const job: Span = {
    traceId: "a".repeat(32),
    spanId: "1",
    parentId: undefined,
    name: "job reply",
    kind: "consumer",
    status: "unset",
    startMs: 0,
    durationMs: 60_000,
    traceDurationMs: 60_000,
    attributes: { [attributes.system]: "telegram" },
    resource: { "service.name": "bot" },
  };
  const handling = {
    ...job,
    attributes: { [attributes.operationName]: "process", [attributes.handler]: "start", [attributes.updateId]: 0 },
  };
  const asked = dashboards.flatMap((dashboard) => {
    const variables = dashboard.templating.list;
    const scope = { range: { fromMs: 0, toMs: 3_600_000 }, scrapeSeconds: 15, points: 800, variables, values: {} };
    return contentOf(dashboard)
      .flatMap(({ targets = [] }) => targets.map((target) => target.query ?? ""))
      .filter((query) => query.includes("span:kind=consumer"))
      .map((query) => parseTraceQl(interpolate(query, scope, "tempo")));
  });
  assert.ok(asked.length > 3);
  for (const query of asked) assert.deepEqual([query.matches(handling), query.matches(job)], [true, false]);
});

test("the committed dashboards are what the sources build", () => {
  const folder = join(import.meta.dirname, "dashboards");
  const built = files();
  assert.deepEqual(readdirSync(folder).sort(), Object.keys(built).sort());
  for (const [name, content] of Object.entries(built))
    assert.equal(readFileSync(join(folder, name), "utf8"), content, `${name}: run node grafana/src/build.ts`);
});

test("the uids are the contract's seven", () => {
  assert.deepEqual(dashboards.map(({ uid }) => uid).sort(), Object.values(UID).sort());
});

test("the compose file mounts the dashboards where the provider looks, and opens the overview first", () => {
  const at = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8");
  const provider = parseYaml(at("provisioning/dashboards/gramwatch.yaml")) as {
    providers: { options: { path: string } }[];
  };
  const folder = provider.providers[0]!.options.path;
  const compose = at("../docker-compose.prod.yml");
  assert.ok(compose.includes(`./grafana/dashboards:${folder}:ro`));
  assert.ok(compose.includes(`HOME_DASHBOARD_PATH: ${folder}/${UID.overview}.json`));
});

for (const dashboard of dashboards)
  describe(dashboard.uid, () => {
    const panels = contentOf(dashboard);
    const targets = panels.flatMap((panel) => (panel.targets ?? []).map((target) => ({ panel, target })));
    const scope = {
      range: { fromMs: 0, toMs: 3_600_000 },
      scrapeSeconds: 15,
      points: 800,
      variables: dashboard.templating.list,
      values: {},
    };

    test("loads in Grafana 11 to 13, read-only, linked to its sisters", () => {
      assert.equal(dashboard.schemaVersion, 42);
      assert.equal(dashboard.editable, false);
      assert.deepEqual(dashboard.tags, ["gramwatch"]);
      assert.ok(dashboard.links.some(({ type, tags }) => type === "dashboards" && tags?.includes("gramwatch")));
      assert.deepEqual(
        dashboard.templating.list.slice(0, 6).map(({ name }) => name),
        ["datasource", "loki", "tempo", "env", "service", "instance"],
      );
    });

    test("panels are numbered once, lie on 24 columns and do not overlap", () => {
      assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
      const taken = new Map<string, string>();
      for (const { title, gridPos } of dashboard.panels) {
        assert.ok(gridPos.x >= 0 && gridPos.x + gridPos.w <= 24, title);
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.equal(taken.get(`${x},${y}`), undefined, `${title} lies on another panel`);
            taken.set(`${x},${y}`, title);
          }
      }
    });

    test("every panel says what it is, what is normal, its unit and what it means to be empty", () => {
      assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length, "titles are unique");
      for (const panel of panels) {
        assert.match(panel.title, /\S/);
        assert.match(panel.description ?? "", /\w.*\./, panel.title);
        if (panel.type === "text") continue;
        assert.ok(panel.fieldConfig?.defaults.unit, `${panel.title}: unit`);
        assert.ok(panel.fieldConfig.defaults.noValue, `${panel.title}: text for no data`);
        if (!emptyIsGood(panel)) assert.doesNotMatch(panel.fieldConfig.defaults.noValue, /^(No data|None)/);
        if (panel.type === "timeseries") {
          assert.equal(panel.options?.legend?.displayMode, "table", panel.title);
          assert.deepEqual(panel.options.legend.calcs, ["lastNotNull", "max"], panel.title);
        }
      }
    });

    test("only panel types that Grafana 11 to 13 have without a download", () => {
      const old = [
        "stat",
        "timeseries",
        "table",
        "heatmap",
        "logs",
        "traces",
        "nodeGraph",
        "state-timeline",
        "alertlist",
        "text",
      ];
      assert.deepEqual(
        panels.filter(({ type }) => !old.includes(type)).map(({ title, type }) => ({ title, type })),
        [],
      );
    });

    test("data sources are variables, and refIds are unique within a panel", () => {
      const sources = new Set(["${datasource}", "${loki}", "${tempo}"]);
      for (const panel of panels) {
        const used = [panel.datasource, ...(panel.targets ?? []).map(({ datasource }) => datasource)];
        for (const source of used)
          assert.ok(source === undefined || sources.has(source.uid), `${panel.title}: ${source?.uid}`);
        const refIds = (panel.targets ?? []).map(({ refId }) => refId);
        assert.equal(new Set(refIds).size, refIds.length, panel.title);
      }
      for (const { name, datasource } of dashboard.annotations.list)
        assert.ok(datasource.uid === "${datasource}" || datasource.uid === "-- Grafana --", name);
    });

    test("every query parses after interpolation, so every variable is declared", () => {
      assert.ok(targets.length > 0);
      for (const { panel, target } of targets) {
        const { type } = target.datasource;
        const text = interpolate(textOf(target), scope, type as Dialect);
        assert.equal(misunderstood(GRAMMARS[type]!, text), undefined, `${panel.title}: ${text}`);
      }
      for (const { name, expr } of dashboard.annotations.list)
        if (expr !== undefined)
          assert.equal(misunderstood(promql, interpolate(expr, scope, "prometheus")), undefined, name);
    });

    test("rates look back over $__rate_interval or the whole range, and nobody selects by job", () => {
      for (const { panel, target } of targets) {
        const text = textOf(target);
        const ranges = [...text.matchAll(/\b(?:rate|increase|irate)\((?:[^()]|\([^()]*\))*?\[([^\]]+)\]/g)].map(
          ([, range]) => range,
        );
        const wrong = ranges.filter((range) => !["$__rate_interval", "$__range", "1h"].includes(range ?? ""));
        assert.deepEqual(wrong, [], panel.title);
        assert.doesNotMatch(text, /\bjob\b|(?<!service_)\binstance=|\binstance=~"\$instance"/, panel.title);
      }
    });

    test("counters are only ever seen as a rate or an increase, and log queries follow the width of the panel", () => {
      for (const { panel, target } of targets) {
        const text = textOf(target);
        if (target.datasource.type === "loki")
          for (const [, window] of text.matchAll(/\[([^\]]+)\]/g))
            assert.ok(window === "$__auto" || window === "$__range", `${panel.title}: ${window}`);
        if (target.datasource.type !== "prometheus") continue;
        const bare = text
          .replaceAll(/\b(?:rate|increase)\([^[]*\[[^\]]+\]\)/g, "")
          // The difference of two readings.
          .replaceAll(/\blast_over_time\([^[]*\[[^\]]+\](?: offset \$__range)?\)/g, "");
        assert.doesNotMatch(bare, /_(total|bucket|count|sum)\b/, panel.title);
      }
    });

    test("panels ask something, and lists of variables follow the time range", () => {
      for (const { title, type, targets: asked = [] } of panels)
        if (type !== "text" && type !== "alertlist") assert.ok(asked.length > 0, title);
      for (const { type, name, refresh } of dashboard.templating.list)
        if (type === "query") assert.equal(refresh, 2, name);
    });

    test("a search for traces shows the newest", () => {
      for (const { panel, target } of targets)
        if (target.tableType !== undefined) assert.match(textOf(target), / with \(most_recent=true\)$/, panel.title);
    });

    test("every link leads to a dashboard of ours that has the variables it sets", () => {
      for (const panel of panels)
        for (const link of linksOf(panel)) {
          const uid = /^\/d\/([\w-]+)\?/.exec(link.url ?? "")?.[1];
          const target = dashboards.find((one) => one.uid === uid);
          assert.ok(target, `${panel.title}: ${link.url}`);
          interpolate(
            link.url!,
            { ...scope, local: { "__value.raw": "x", "__data.fields.traceIdHidden": "x" } },
            "url",
          );
          const set = [...link.url!.matchAll(/var-(\w+)=/g)].map(([, name]) => name);
          const missing = set.filter((name) => !target.templating.list.some((variable) => variable.name === name));
          assert.deepEqual(missing, [], panel.title);
        }
    });
  });

describe("names", () => {
  const ours = Object.values(metrics).map(promName);
  const foreign = foreignMetrics.map(promName);
  const engines: string[] = [...Object.values(engine), ...Object.values(sdk), "ALERTS"];
  const rules = ["gramwatch", "sidecar"]
    .map((name) => readFileSync(join(import.meta.dirname, `../otel/collector/rules/${name}.yaml`), "utf8"))
    .flatMap((text) => (parseYaml(text) as { groups: { rules: { expr: string }[] }[] }).groups)
    .flatMap((group) => group.rules.map(({ expr }) => expr));
  const sources = parseYaml(
    readFileSync(join(import.meta.dirname, "provisioning/datasources/gramwatch.yaml"), "utf8"),
  ) as { datasources: { uid: string; jsonData: { tracesToMetrics?: { queries: { query: string }[] } } }[] };
  const drilldowns = sources.datasources
    .flatMap(({ jsonData }) => jsonData.tracesToMetrics?.queries ?? [])
    .map(({ query }) => query.replaceAll(/\$\$__tags/g, 'service_name="x"'));
  const shown = dashboards.flatMap((dashboard) => {
    const scope = {
      range: { fromMs: 0, toMs: 3.6e6 },
      scrapeSeconds: 15,
      points: 800,
      variables: dashboard.templating.list,
      values: {},
    };
    const queries = contentOf(dashboard)
      .flatMap(({ targets = [] }) => targets)
      .filter(({ datasource }) => datasource.type === "prometheus")
      .map(textOf);
    const variables = dashboard.templating.list
      .map(({ query }) => /^label_values\((.+), \w+\)$/.exec(typeof query === "string" ? query : query.query)?.[1])
      .filter((query) => query !== undefined);
    const annotations = dashboard.annotations.list.flatMap(({ expr }) => (expr === undefined ? [] : [expr]));
    return [...queries, ...variables, ...annotations].map((text) => interpolate(text, scope, "prometheus"));
  });

  test("every metric in dashboards, rules and drill-downs is one that somebody emits", () => {
    const known = new Set([...ours, ...foreign, ...engines]);
    const used = [...shown, ...rules, ...drilldowns].flatMap((expr) => namesIn(expr).metrics);
    assert.ok(used.length > 150);
    assert.deepEqual([...new Set(used.filter((name) => !known.has(name) && !known.has(base(name))))], []);
  });

  test("every metric that we emit is shown somewhere, except those named here", () => {
    const onPurpose = [
      // a ratio since the last collection by any reader; panels use the rate of nodejs.eventloop.time
      "nodejs_eventloop_utilization_ratio",
      // sizes of spaces: of interest in a heap snapshot, not on a dashboard
      "v8js_memory_heap_space_size_bytes",
      "v8js_memory_heap_space_available_size_bytes",
      "v8js_memory_heap_space_physical_size_bytes",
    ];
    const used = new Set(shown.flatMap((expr) => namesIn(expr).metrics.map(base)));
    assert.deepEqual([...ours, ...foreign].filter((name) => !used.has(name)).sort(), onPurpose.sort());
  });

  test("every label in queries is an attribute of ours, of the resource, or of an engine", () => {
    const known = new Set(
      [
        ...Object.values(metrics).flatMap((metric) => Object.keys("labels" in metric ? metric.labels : {})),
        ...Object.values(attributes),
        "service.name",
        "service.version",
        "service.instance.id",
        "deployment.environment.name",
        // instrumentations
        "nodejs.eventloop.state",
        "v8js.gc.type",
        "v8js.heap.space.name",
        "v8js.resource.type",
        // Prometheus, Collector, Tempo, and the scrape job
        "le",
        "alertname",
        "alertstate",
        "receiver",
        "exporter",
        "data_type",
        "component",
      ].map(promLabel),
    );
    const used = new Set([...shown, ...rules].flatMap((expr) => namesIn(expr).labels));
    assert.ok(used.size > 20);
    assert.deepEqual(
      [...used].filter((label) => !known.has(label)),
      [],
    );
  });

  test("every attribute in TraceQL and every field in LogQL is ours", () => {
    const spans = new Set<string>(["service.name", ...Object.values(attributes)]);
    const lines = new Set([
      "service_name",
      "trace_id",
      "detected_level",
      ...[...logFields, attributes.exceptionType, attributes.exceptionMessage].map(promLabel),
    ]);
    for (const target of dashboards.flatMap(contentOf).flatMap(({ targets = [] }) => targets)) {
      const text = textOf(target);
      if (target.datasource.type === "tempo")
        for (const [, name = ""] of text.matchAll(/\b(?:span|resource)\.([\w.]+)/g)) assert.ok(spans.has(name), name);
      if (target.datasource.type === "loki")
        for (const [, compared, written] of text.matchAll(/\b([a-z]\w*) *(?:=~|!=|=)|\{\{with \.(\w+)\}\}/g)) {
          const name = compared ?? written ?? "";
          assert.ok(lines.has(name), name);
        }
    }
  });

  test("the variables of data sources stand at the uids that are provisioned", () => {
    const uids = sources.datasources.map(({ uid }) => uid);
    for (const { templating } of dashboards)
      assert.deepEqual(
        templating.list.slice(0, 3).map(({ current }) => current.value),
        uids,
      );
  });
});
