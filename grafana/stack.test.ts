import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { metrics } from "@gramwatch/otel/names.ts";
import { promName } from "@gramwatch/otel/prom-name.ts";
import { findEngines } from "../otel/collector/testing.ts";
import { connect } from "./runner/engines.ts";
import type { Engines } from "./runner/engines.ts";
import { isEmpty } from "./runner/frames.ts";
import type { Range } from "./runner/interpolate.ts";
import { readDashboards } from "./runner/model.ts";
import { open } from "./runner/open.ts";
import type { Opened, Surroundings, Visit } from "./runner/open.ts";
import { freePorts, until } from "./testing/children.ts";
import { startProduct } from "./testing/product.ts";
import type { Product } from "./testing/product.ts";
import { startStack } from "./testing/stack.ts";
import type { Stack } from "./testing/stack.ts";
import { health, tell } from "./testing/story.ts";

const { bin, skip } = findEngines();

describe("the story, in the shipped Collector, Prometheus and Loki, and Jaeger", { skip, timeout: 600_000 }, () => {
  let stack: Stack;
  let product: Product;
  let engines: Engines;
  let range: Range;
  let around: Surroundings;
  const visits: Opened[] = [];
  const visit = async (one: Visit): Promise<Opened> => {
    const opened = await open(one, around);
    visits.push(opened);
    return opened;
  };

  before(async () => {
    const fromMs = Date.now();
    const [sidecarPort = 0] = await freePorts(1);
    stack = await startStack(bin, `http://127.0.0.1:${sidecarPort}`);
    product = await startProduct(stack, sidecarPort);
    engines = connect(stack);
    await tell(product, () =>
      until("the bot's counters are in Prometheus", async () => {
        const errors = await engines.metrics.instant(promName(metrics.errors), Date.now());
        return errors.length > 0;
      }),
    );
    await until(
      "Prometheus has evaluated its rules and a minute of polls",
      async () => {
        const [firing, uptime] = await Promise.all([
          engines.metrics.instant('ALERTS{alertname="TelegramBotErrorsHigh", alertstate="firing"}', Date.now()),
          engines.metrics.instant(`count_over_time(${promName(metrics.lastPollSuccess)}[10m:1m])`, Date.now()),
        ]);
        return firing.length > 0 && uptime.length > 0;
      },
      { deadlineMs: 90_000 },
    );
    product.telegram.stopLoad();
    await until("every update has arrived as a trace and as a log line", async () => {
      const { handled, failed, in_flight: left } = (await health(product)).updates;
      const now = { fromMs, toMs: Date.now() };
      const spans = (await engines.traces.spans(now)).filter(({ name }) => name.startsWith("process "));
      const lines = await engines.logs.lines('{service_name="bot"} | outcome!=""', now, 5000);
      const found = { handled, failed, left, spans: spans.length, lines: lines.length };
      assert.deepEqual(found, { ...found, left: 0, spans: handled + failed, lines: handled + failed });
      return true;
    });
    range = { fromMs, toMs: Date.now() };
    around = {
      engines,
      dashboards: readDashboards(),
      scrapeSeconds: 15,
      // No Tempo on this machine.
      excused: (text) => text.includes("tempo_"),
    };
  });
  after(async () => {
    await product?.close();
    await stack?.close();
  });

  test("every metric of otel/names.ts is in Prometheus under the name that promName gives it", async () => {
    const known = new Set(await engines.metrics.labelValues("__name__", '{service_name=~".+"}', range));
    const missing = Object.values(metrics).filter(
      (metric) => !known.has(promName(metric)) && !known.has(`${promName(metric)}_bucket`),
    );
    assert.deepEqual(
      missing.map(({ name }) => name),
      // Nothing in the story speaks TLS.
      [metrics.certExpiry.name],
    );
  });

  test("the level of every line in Loki is the one that it was logged with", async () => {
    const lines = await engines.logs.lines('{service_name=~".+"}', range, 5000);
    const levels = lines.map(
      ({ labels }) => [labels["detected_level"], labels["severity_text"]?.toLowerCase()] as const,
    );
    assert.deepEqual(
      levels.filter(([detected, logged]) => detected !== logged),
      [],
    );
    assert.ok(
      lines.some(({ labels }) => labels["severity"] !== undefined),
      "lines about alerts are among them",
    );
  });

  test("every rule of the shipped files runs", async () => {
    const groups = await engines.metrics.rules();
    assert.deepEqual(groups.map(({ name }) => name).sort(), ["gramwatch-bot", "gramwatch-sidecar"]);
    for (const rule of groups.flatMap((group) => group.rules))
      assert.equal(rule.health, "ok", `${rule.name}: ${rule.lastError ?? ""}`);
  });

  for (const values of [{}, { service: ["bot", "sidecar"], env: ["development"] }])
    test(`every dashboard opens ${JSON.stringify(values)} with something in every panel`, async () => {
      const problems: string[] = [];
      for (const dashboard of around.dashboards) problems.push(...(await visit({ dashboard, range, values })).problems);
      assert.deepEqual(problems, []);
    });

  test("every link leads to a dashboard that opens with what the link carries", async () => {
    const leads = visits.flatMap((opened) => opened.leads);
    const different = new Map(leads.map((lead) => [`${lead.dashboard.uid} ${JSON.stringify(lead.values)}`, lead]));
    assert.ok([...different.values()].some(({ values }) => values?.["traceId"]));
    for (const lead of different.values()) assert.deepEqual((await visit(lead)).problems, []);
  });

  test("an update is found by its id, its trace opens, and its log lines lead back to the trace", async () => {
    const spans = await engines.traces.spans(range);
    const update = spans.find(
      ({ name, attributes }) => name === "process message" && attributes["telegram.handler"] === "boom",
    );
    assert.ok(update, "no update that failed");
    assert.equal(update.status, "error");
    const dashboard = around.dashboards.find(({ uid }) => uid === "gramwatch-trace")!;
    const values = { traceId: update.traceId, updateId: String(update.attributes["telegram.update.id"]) };
    const opened = await visit({ dashboard, range, values });
    assert.deepEqual(opened.problems, []);
    for (const title of ["By update id", "Its log lines", "The trace chosen above", "Its Telegram calls"])
      assert.ok(!isEmpty(opened.found.get(title)![0]!), title);
    const lines = opened.found.get("Its log lines")![0]!;
    assert.ok(lines.form === "lines" && lines.lines.every(({ labels }) => labels["trace_id"] === update.traceId));
    assert.ok(
      lines.lines.some(({ labels }) => labels["exception_type"] !== undefined),
      "the exception is a log line",
    );
  });

  test("the story has filled every panel but those that only another trouble fills", () => {
    const filled = new Set<string>();
    const all = new Set<string>();
    for (const { found } of visits)
      for (const [title, results] of found) {
        all.add(title);
        if (results.length === 0 || results.some((one) => !isEmpty(one))) filled.add(title);
      }
    assert.deepEqual([...all].filter((title) => !filled.has(title)).sort(), [
      "Certificate days",
      "Collector: given up",
      "Disk free in 24 h, if it goes on",
      "SDK: failed exports",
      "Tempo: discarded spans",
    ]);
  });

  test("what runs here fits into a small machine", (t) => {
    for (const [name, pid] of Object.entries({ ...stack.pids(), bot: product.bot.pid, sidecar: product.sidecar.pid })) {
      const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
      t.diagnostic(`${name}: ${Math.round(kib / 1024)} MiB resident after the story`);
      assert.ok(kib < 400 * 1024, name);
    }
  });
});
