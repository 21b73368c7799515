import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { foreignMetrics, metrics } from "../names.ts";
import { promName } from "../prom-name.ts";
import { configuration, findEngines } from "./testing.ts";

const { bin, skip } = findEngines();

function run(program: string, ...args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(join(bin, program), args, {
    cwd: configuration,
    encoding: "utf8",
  });
  assert.equal(status, 0, error?.message ?? stdout + stderr);
}

test("the Collector accepts its configuration", { skip }, () => run("otelcol", "validate", "--config=collector.yaml"));

test("Loki accepts its configuration", { skip }, () =>
  run("loki", "-config.file=loki.yaml", "-config.expand-env=true", "-verify-config"),
);

test("Prometheus accepts its configuration and the rules", { skip }, () => {
  run("promtool", "check", "config", "--lint=all", "--lint-fatal", "prometheus.yaml");
  run("promtool", "check", "rules", "--lint=all", "--lint-fatal", "rules/gramwatch.yaml", "rules/sidecar.yaml");
});

test("the rules fire and end when they should", { skip }, () =>
  run("promtool", "test", "rules", "rules/gramwatch.test.yaml"),
);

const rules = ["gramwatch", "sidecar"]
  .map((name) => readFileSync(join(configuration, `rules/${name}.yaml`), "utf8"))
  .join();
const alerts = [...new Set([...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name))];

test("rules use only metrics that bot or sidecar emit", () => {
  const known = new Set([...Object.values(metrics), ...foreignMetrics].map(promName));
  const used = [...rules.matchAll(/\b([a-z]+(?:_[a-z0-9]+)+)(?=[{[)])/g)]
    .map(([, name = ""]) => name.replace(/_(bucket|count|sum)$/, ""))
    .filter((name) => !["service_name", "present_over_time", "histogram_quantile"].includes(name));
  assert.ok(used.length > 20);
  assert.deepEqual(
    used.filter((name) => !known.has(name)),
    [],
  );
});

test("every alert has its runbook, and every runbook its alert", () => {
  const pages = globSync("docs/runbooks/*.md", { cwd: join(configuration, "../..") }).map((path) =>
    path.replace(/^.*\/(.*)\.md$/, "$1"),
  );
  const kebab = alerts.map((name = "") => name.replace(/(?<!^)([A-Z])/g, "-$1").toLowerCase());
  assert.deepEqual(pages.filter((page) => page !== "README").sort(), kebab.sort());
  for (const name of kebab) assert.ok(rules.includes(`/runbooks/${name}\n`), `runbook_url of ${name}`);
});
