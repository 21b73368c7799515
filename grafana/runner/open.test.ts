import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engines, Line, Series } from "./engines.ts";
import type { Dashboard, Panel, Target, Variable } from "./model.ts";
import { open } from "./open.ts";
import type { Span } from "./traceql.ts";

const range = { fromMs: 0, toMs: 60_000 };
const traceId = "ab".repeat(16);
const root: Span = {
  traceId,
  spanId: "1",
  parentId: undefined,
  name: "process message",
  kind: "consumer",
  status: "unset",
  startMs: 1000,
  durationMs: 700,
  traceDurationMs: 700,
  attributes: { "telegram.handler": "start" },
  resource: { "service.name": "bot" },
};
const call: Span = {
  ...root,
  spanId: "2",
  parentId: "1",
  name: "sendMessage",
  kind: "client",
  attributes: { "rpc.method": "sendMessage" },
};
const good = {
  series: [
    {
      labels: { service_name: "bot", le: "1" },
      points: [
        [0, 1],
        [1000, 2],
      ],
    },
  ] as Series[],
  lines: [{ ms: 1, text: "update handled", labels: { trace_id: traceId } }] as Line[],
  spans: [root, call],
};

/** Engines that always answer the same. */
const engines = (answers: Partial<typeof good> = {}): Engines => {
  const { series, lines, spans } = { ...good, ...answers };
  return {
    metrics: {
      instant: async () => series.map((one) => ({ ...one, points: one.points.slice(-1) })),
      range: async () => series,
      labelValues: async (_label, match) => (match === "nothing" ? [] : ["bot"]),
      rules: async () => [{ name: "g", rules: [{ name: "Rule", health: "ok" }] }],
    },
    logs: { lines: async () => lines, range: async () => series },
    traces: { spans: async () => spans, byId: async () => spans },
  };
};

const variable = (name: string, query = "", value = ""): Variable => ({
  name,
  type: query === "" ? "textbox" : "query",
  query,
  current: { value },
});
const dashboard = (panel: Partial<Panel>, more: Partial<Dashboard> = {}): Dashboard => ({
  uid: "one",
  title: "One",
  tags: ["t"],
  schemaVersion: 42,
  editable: false,
  refresh: "30s",
  links: [],
  templating: {
    list: [variable("traceId", "", "{ false }"), variable("service", "label_values(up, service_name)", "bot")],
  },
  annotations: { list: [] },
  ...more,
  panels: [{ id: 1, type: "timeseries", title: "Panel", gridPos: { x: 0, y: 0, w: 1, h: 1 }, ...panel }],
});
const target = (type: "prometheus" | "loki" | "tempo", text: string, more = {}): Target[] => [
  { refId: "A", datasource: { type, uid: "x" }, ...(type === "tempo" ? { query: text } : { expr: text }), ...more },
];

/** The problems of a dashboard with one such panel, without the place. */
async function problemsOf(panel: Partial<Panel>, answers = {}, more: Partial<Dashboard> = {}): Promise<string[]> {
  const one = dashboard(panel, more);
  const { problems } = await open(
    { dashboard: one, range },
    { engines: engines(answers), dashboards: [one], scrapeSeconds: 15 },
  );
  return problems.map((problem) => problem.replace(/^one \/ /, ""));
}

test("a panel that finds what its type needs has no problem", async () => {
  for (const panel of [
    { type: "timeseries", targets: target("prometheus", "x", { legendFormat: "{{service_name}}" }) },
    { type: "stat", targets: target("prometheus", "x", { instant: true }) },
    { type: "table", targets: target("prometheus", "x", { instant: true, format: "table" }) },
    {
      type: "table",
      targets: target("tempo", "{ span:kind=consumer } | select(span.telegram.handler)", { tableType: "spans" }),
    },
    { type: "timeseries", targets: target("tempo", "{ span:duration>0ms } | quantile_over_time(duration, 0.5)") },
    { type: "timeseries", targets: target("loki", "x") },
    { type: "logs", targets: target("loki", "x"), description: "Open trace" },
    { type: "traces", targets: target("tempo", traceId) },
    { type: "alertlist" },
  ])
    assert.deepEqual(await problemsOf(panel), [], panel.type);
});

test("what finds nothing is a problem, unless the panel says that this is good", async () => {
  const nothing = { series: [], lines: [], spans: [] };
  for (const panel of [
    { targets: target("prometheus", "x") },
    { type: "logs", targets: target("loki", "x") },
    { type: "table", targets: target("tempo", "{ span:kind=consumer }", { tableType: "spans" }) },
    { type: "traces", targets: target("tempo", traceId) },
  ]) {
    assert.match((await problemsOf(panel, nothing)).join(), /^Panel: A found nothing/);
    assert.deepEqual(await problemsOf({ ...panel, description: "Empty is good." }, nothing), []);
  }
  assert.match(
    (await problemsOf({ targets: target("prometheus", "x") }, { series: [{ labels: {}, points: [[0, NaN]] }] })).join(),
    /nothing/,
  );
});

test("each type of panel says what it misses", async () => {
  const one: Series[] = [{ labels: { service_name: "bot" }, points: [[0, 7]] }];
  for (const [panel, answers, problem] of [
    [{ type: "timeseries", targets: target("prometheus", "x") }, { series: one }, /no series has more than one point/],
    [{ type: "timeseries", targets: target("prometheus", "x", { legendFormat: "{{nobody}}" }) }, {}, /label nobody/],
    [{ type: "stat", targets: target("prometheus", "x") }, {}, /2 values instead of one/],
    [{ type: "heatmap", targets: target("prometheus", "x") }, {}, /several buckets/],
    [{ type: "state-timeline", targets: target("prometheus", "x") }, { series: one }, /no text for the state 7/],
    [
      { type: "logs", description: "Open trace", targets: target("loki", "x") },
      { lines: [{ ms: 1, text: "", labels: {} }] },
      /no line has a trace id/,
    ],
    [{ type: "traces", targets: target("tempo", traceId) }, { spans: [call] }, /no root/],
    [{ targets: target("prometheus", "x{a=$nobody}") }, {}, /\$nobody is not declared/],
    [{ type: "table", targets: target("tempo", "{ bad", { tableType: "spans" }) }, {}, /not understood/],
  ] as const)
    assert.match((await problemsOf(panel, answers)).join(), problem);
});

test("a table shows the columns that its overrides name, after merging and renaming", async () => {
  const organize = {
    id: "organize",
    options: { excludeByName: { Time: true }, renameByName: { service_name: "Service", "Value #B": "Rate" } },
  };
  const panel = (name: string, transformations = [{ id: "merge", options: {} }, organize]): Partial<Panel> => ({
    type: "table",
    targets: ["A", "B"].flatMap((refId) => target("prometheus", "x", { refId, instant: true, format: "table" })),
    transformations,
    fieldConfig: { defaults: {}, overrides: [{ matcher: { id: "byName", options: name }, properties: [] }] },
  });
  assert.deepEqual(await problemsOf(panel("Service")), []);
  assert.deepEqual(await problemsOf(panel("Rate")), []);
  assert.match((await problemsOf(panel("service_name"))).join(), /no column service_name/);
  assert.match((await problemsOf(panel("Service", [organize]))).join(), /2 tables in one panel/);
  assert.match(
    (await problemsOf(panel("Service", [{ id: "groupBy", options: {} as never }]))).join(),
    /groupBy is not known/,
  );
  const blank = { id: "organize", options: { renameByName: {} } };
  const selected = target("tempo", "{ span:kind=consumer } | select(span.nobody)", { tableType: "spans" });
  assert.match(
    (await problemsOf({ type: "table", targets: selected, transformations: [blank] })).join(),
    /column nobody is blank/,
  );
});

test("variables without values, rules that fail and links to nowhere are found", async () => {
  assert.match(
    (
      await problemsOf(
        { targets: target("prometheus", "x") },
        {},
        { templating: { list: [variable("s", "label_values(nothing, s)")] } },
      )
    ).join(),
    /s has no values/,
  );
  const ill = engines();
  ill.metrics.rules = async () => [{ name: "g", rules: [{ name: "Rule", health: "err", lastError: "why" }] }];
  const list = dashboard({ type: "alertlist" });
  const { problems } = await open({ dashboard: list, range }, { engines: ill, dashboards: [list], scrapeSeconds: 15 });
  assert.deepEqual(problems, ["one / Panel: Rule: why"]);
  for (const [url, problem] of [
    ["/d/two", /no dashboard \/d\/two/],
    ["/d/one?var-nobody=1", /one has no variable nobody/],
  ] as const)
    assert.match(
      (await problemsOf({ targets: target("prometheus", "x"), links: [{ title: "L", url }] })).join(),
      problem,
    );
  assert.match(
    (
      await problemsOf({ targets: target("prometheus", "x") }, {}, { links: [{ title: "Row", tags: ["other"] }] })
    ).join(),
    /no dashboard has the tag other/,
  );
});

test("an annotation that the engine refuses is a problem", async () => {
  const refusing = engines();
  refusing.metrics.range = () => Promise.reject(new Error("bad_data"));
  const one = dashboard(
    { type: "alertlist" },
    { annotations: { list: [{ name: "A", datasource: { type: "p", uid: "x" }, expr: "x" }] } },
  );
  const { problems } = await open(
    { dashboard: one, range },
    { engines: refusing, dashboards: [one], scrapeSeconds: 15 },
  );
  assert.deepEqual(problems, ["one / annotation A: bad_data"]);
});

test("a link in a column carries the value of the first row, and its trace must then show everything", async () => {
  const link = {
    id: "links",
    value: [
      {
        title: "Open",
        url: "/d/one?${__url_time_range}&${service:queryparam}&var-traceId=${__data.fields.traceIdHidden}",
      },
    ],
  };
  const one = dashboard({
    type: "table",
    targets: target("tempo", "{ span:kind=consumer }", { tableType: "spans" }),
    fieldConfig: { defaults: {}, overrides: [{ matcher: { id: "byName", options: "Span ID" }, properties: [link] }] },
  });
  const { fieldConfig: _, ...plain } = one.panels[0]!;
  one.panels.push({
    ...plain,
    title: "Lines",
    type: "logs",
    description: "Empty is good.",
    targets: target("loki", '{x="$traceId"}'),
  });
  one.panels.push({
    ...plain,
    title: "Calls",
    description: "Empty is good.",
    targets: target("tempo", '{ trace:id="$traceId" && span:kind=client }', { tableType: "spans" }),
  });
  const around = { engines: engines({ lines: [] }), dashboards: [one], scrapeSeconds: 15 };
  const { problems, leads } = await open({ dashboard: one, range }, around);
  assert.deepEqual(problems, []);
  assert.deepEqual(leads[0]?.values, { service: "bot", traceId });
  assert.deepEqual(leads[0].range, range);
  assert.deepEqual((await open(leads[0], around)).problems, ['one / Lines: A found nothing: {x="$traceId"}']);
});
