import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findEngines } from "../otel/collector/testing.ts";
import { interpolate } from "./runner/interpolate.ts";
import { readDashboards } from "./runner/model.ts";

const { bin, skip } = findEngines();
const dashboards = readDashboards();

/** Series → its values every 15 s, as promtool writes them. */
type Series = Record<string, string>;
/** Labels → the value that a panel shows. */
type Shown = Record<string, number>;

/** The query of a panel, as Grafana asks it for so many hours of everything. */
function queryOf(uid: string, title: string, index: number, hours: number): string {
  const dashboard = dashboards.find((one) => one.uid === uid);
  const target = dashboard?.panels.find((panel) => panel.title === title)?.targets?.[index];
  const range = { fromMs: 0, toMs: hours * 3_600_000 };
  const variables = dashboard?.templating.list ?? [];
  return interpolate(
    target?.expr ?? "",
    { range, scrapeSeconds: 15, points: 800, variables, values: {} },
    "prometheus",
  );
}

/** What the panel shows at each of the times, by promtool's own word. */
function shows(
  panel: [uid: string, title: string, index?: number],
  series: Series,
  at: Record<string, Shown>,
  hours = 1,
): void {
  const [uid, title, index = 0] = panel;
  const folder = mkdtempSync(join(tmpdir(), "gramwatch-queries-"));
  const file = join(folder, "queries.json");
  const expr = queryOf(uid, title, index, hours);
  const promqlTests = Object.entries(at).map(([time, shown]) => ({
    expr,
    eval_time: time,
    exp_samples: Object.entries(shown).map(([labels, value]) => ({ labels, value })),
  }));
  const inputs = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const tests = [{ interval: "15s", input_series: inputs, promql_expr_test: promqlTests }];
  writeFileSync(file, JSON.stringify({ tests }));
  const { status, stdout, stderr } = spawnSync(join(bin, "promtool"), ["test", "rules", file], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  assert.equal(status, 0, `${title}: ${stdout}${stderr}`);
}

/** Labels that every series of ours carries. */
const by = (service: string, instance: string): string =>
  `service_name="${service}", service_instance_id="${instance}", deployment_environment_name="production"`;

test(
  "a bot that was stopped and started again is not down for as long as Prometheus remembers the last one",
  { skip },
  () => {
    for (const hours of [1, 7 * 24])
      shows(
        ["gramwatch-overview", "What is wrong, since when", 1],
        {
          [`telegram_bot_connected{${by("bot", "a")}}`]: "1x20 0 _x20",
          [`telegram_bot_connected{${by("bot", "b")}}`]: "_x21 1x20",
        },
        { "5m15s": { '{service_name="bot"}': 0 }, "8m": { '{service_name="bot"}': 1 } },
        hours,
      );
    const probe = 'kind="health", probe="health", target="bot"';
    shows(
      ["gramwatch-overview", "Bot up"],
      {
        [`probe_success{${by("sidecar", "a")}, ${probe}}`]: "1x20 0 _x20",
        [`probe_success{${by("sidecar", "b")}, ${probe}}`]: "_x21 1x20",
      },
      { "8m": { '{target="bot"}': 1 } },
    );
  },
);

test("who exports once a minute is there between two exports, one of them late", { skip }, () => {
  const probe = 'kind="health", probe="health", target="bot"';
  shows(
    ["gramwatch-overview", "Bot up"],
    { [`probe_success{${by("sidecar", "a")}, ${probe}}`]: "1 _x3 1 _x5 1" },
    { "2m15s": { '{target="bot"}': 1 } },
  );
});

test("what a restarted sidecar says is not added to what the one before it said", { skip }, () => {
  const twice = (name: string, labels: string, value: number): Series => ({
    [`${name}{${by("sidecar", "a")}${labels}}`]: `${value}x20 _x20`,
    [`${name}{${by("sidecar", "b")}${labels}}`]: `_x20 ${value}x20`,
  });
  const alert = ', rule="DiskSpaceLow", target="/data", severity="warning"';
  shows(["gramwatch-overview", "Alerts firing"], twice("sidecar_alerts_firing", alert, 1), { "5m30s": { "{}": 1 } });
  shows(["gramwatch-sidecar", "Telemetry store"], twice("sidecar_store_size_bytes", "", 7), { "5m30s": { "{}": 7 } });
  shows(["gramwatch-sidecar", "Unsent messages"], twice("sidecar_outbox_pending", ', channel="ntfy"', 3), {
    "5m30s": { '{channel="ntfy"}': 3 },
  });
  const phase = 'probe="telegram", target="bot", phase="tcp", network_type="ipv4"';
  shows(["gramwatch-sidecar", "Probe time by phase"], twice("probe_duration_seconds", `, ${phase}`, 0.5), {
    "5m30s": { [`{${phase}}`]: 0.5 },
  });
  shows(["gramwatch-overview", "Waiting updates", 1], twice("telegram_bot_inbox_pending", "", 9), {
    "5m30s": { "{}": 9 },
  });
});

test("without a sidecar nobody says that no alert fires", { skip }, () => {
  const alert = 'rule="DiskSpaceLow", target="/data", severity="warning"';
  shows(
    ["gramwatch-overview", "Alerts firing"],
    { [`sidecar_alerts_firing{${by("sidecar", "a")}, ${alert}}`]: "0x20 _x40" },
    { "4m": { "{}": 0 }, "12m": {} },
  );
});

test(
  "of several bots each has its own last poll, errors and age of data; one that is gone keeps its last poll",
  { skip },
  () => {
    const poll = (service: string): string =>
      `telegram_bot_last_poll_success_timestamp_seconds{${by(service, service)}}`;
    shows(
      ["gramwatch-overview", "Last poll"],
      { [poll("well")]: "0+15x80", [poll("deaf")]: "15x80", [poll("gone")]: "15x8 _x72" },
      { "15m": { '{service_name="well"}': 0, '{service_name="deaf"}': 885, '{service_name="gone"}': 885 } },
    );
    const errors = (service: string): string => `telegram_bot_errors_total{${by(service, service)}, reason="handler"}`;
    shows(
      ["gramwatch-overview", "Errors in 1 h"],
      { [errors("a")]: "0x20 6x20", [errors("b")]: "0x20 7x20" },
      { "10m": { '{service_name="a"}': 6, '{service_name="b"}': 7 } },
    );
    shows(
      ["gramwatch-overview", "Data age"],
      {
        [`process_uptime_seconds{${by("bot", "a")}}`]: "0+15x20 _x20",
        [`process_uptime_seconds{${by("sidecar", "b")}}`]: "0+15x40",
      },
      { "9m": { '{service_name="bot"}': 240, '{service_name="sidecar"}': 0 } },
    );
  },
);

test(
  "the first failure of a kind and the first user who blocks the bot are counted, whatever was before",
  { skip },
  () => {
    const call = (code: string, instance = "a"): string =>
      `rpc_client_call_duration_seconds_count{${by("bot", instance)}, rpc_method="sendMessage", rpc_status_code="${code}"}`;
    shows(
      ["gramwatch-telegram-api", "Blocked by users"],
      // One before the hour that is looked at, then one more; an instance that came and went; one that has just begun.
      { [call("403")]: "1x300 2x300", [call("403", "b")]: "_x400 1x20", [call("403", "c")]: "_x440 3x100" },
      { "2h": { "{}": 5 } },
    );
    const handled = (error: string): string =>
      `messaging_process_duration_seconds_count{${by("bot", "a")}, telegram_handler="add"${error}}`;
    shows(
      ["gramwatch-overview", "Handled well, goal 99.5 %"],
      { [handled("")]: "_x100 99x20", [handled(', error_type="handler"')]: "_x100 1x20" },
      { "30m": { "{}": 0.99 } },
    );
  },
);

test("a process that ended is no second instance, and its memory is no leak", { skip }, () => {
  const restarted = (name: string, labels: string, value: number): Series => ({
    [`${name}{${by("bot", "a")}${labels}}`]: `${value}x20 _x20`,
    [`${name}{${by("bot", "b")}${labels}}`]: `_x20 ${value}x20`,
  });
  shows(
    ["gramwatch-runtime", "Versions and instances"],
    restarted("process_uptime_seconds", ', service_version="1"', 60),
    { "8m": { '{service_name="bot", service_version="1", service_instance_id="b"}': 60 } },
  );
  const space = 'v8js_heap_space_name="old_space"';
  shows(["gramwatch-runtime", "Heap in use by space"], restarted("v8js_memory_heap_used_bytes", `, ${space}`, 8), {
    "8m": { [`{${space}}`]: 8 },
  });
  const type = 'v8js_resource_type="Timeout"';
  shows(["gramwatch-runtime", "Open resources"], restarted("v8js_resource_active", `, ${type}`, 5), {
    "8m": { [`{${type}}`]: 5 },
  });
  shows(["gramwatch-telegram-api", "Calls waiting"], restarted("telegram_api_queue_depth", "", 3), {
    "8m": { "{}": 3 },
  });
});

test("a minute of a new sidecar does not weigh as much as the hour of the one before", { skip }, () => {
  const probe = 'kind="health", probe="health", target="bot"';
  shows(
    ["gramwatch-sidecar", "Probes that succeeded"],
    {
      [`probe_success{${by("sidecar", "a")}, ${probe}}`]: "1x197 _x21",
      [`probe_success{${by("sidecar", "b")}, ${probe}}`]: "_x199 0 1x20",
    },
    // 199 of 200 at 50 minutes, when the new one has said two things.
    { "50m": { '{kind="health", target="bot"}': 0.995 } },
  );
});
