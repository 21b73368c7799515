import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { configuration, findEngines } from "../otel/collector/testing.ts";
import { connect } from "./runner/engines.ts";
import { answers, freePorts, start, until } from "./testing/children.ts";

const { bin, skip } = findEngines();

/** The gauge of a service's uptime, once a minute, in the form that promtool backfills. */
function uptime(fromMs: number, toMs: number): string {
  const lines = ["# TYPE process_uptime_seconds gauge"];
  for (let ms = fromMs; ms <= toMs; ms += 60_000)
    lines.push(`process_uptime_seconds{service_name="bot"} ${(ms - fromMs) / 1000} ${ms / 1000}`);
  return [...lines, "# EOF", ""].join("\n");
}

test("after a time without Prometheus no service is absent before it could send again", { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gramwatch-rules-"));
  const [port = 0] = await freePorts(1);
  const now = Math.floor(Date.now() / 1000) * 1000;
  writeFileSync(join(folder, "uptime.txt"), uptime(now - 3_600_000, now - 1_200_000));
  const data = join(folder, "data");
  const args = ["tsdb", "create-blocks-from", "openmetrics", "--quiet", join(folder, "uptime.txt"), data];
  const { status, stderr } = spawnSync(join(bin, "promtool"), args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  mkdirSync(join(folder, "rules"));
  for (const name of ["prometheus.yaml", "rules/gramwatch.yaml", "rules/sidecar.yaml"]) {
    const text = readFileSync(join(configuration, name), "utf8");
    // The first evaluation comes somewhere within the first interval.
    writeFileSync(join(folder, name), text.replace("interval: 30s", "interval: 1s"));
  }
  const child = start(
    "prometheus",
    [
      join(bin, "prometheus"),
      "--config.file=prometheus.yaml",
      `--storage.tsdb.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { env: {}, cwd: folder, logFile: join(folder, "prometheus.log") },
  );
  t.after(async () => {
    await child.kill();
    rmSync(folder, { recursive: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await until("Prometheus is ready", () => answers(`${url}/-/ready`));
  const { metrics } = connect({ prometheus: url, loki: "", jaeger: "" });
  const states = await until("the rules are evaluated", async () => {
    const found = await metrics.instant('ALERTS{alertname="TelemetryAbsent"}', Date.now());
    return found.length > 0 && found.map(({ labels }) => labels["alertstate"]);
  });
  assert.deepEqual(states, ["pending"]);
});
