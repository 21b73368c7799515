import { dashboard } from "../dashboard.ts";
import { UID, to } from "../links.ts";
import { graph, histogram, logs, stat, states, table, traceGraph } from "../panel.ts";
import {
  LOGS,
  P,
  READABLE,
  TARGET,
  at,
  bucket,
  count,
  counted,
  errorRatio,
  increased,
  living,
  quantile,
  rate,
} from "../query.ts";
import { HANDLINGS, searchUpdates } from "../updates.ts";

const handled = at(count(P.processDuration));
const failed = at(count(P.processDuration), 'error_type!=""');
const polls = at(P.lastPollSuccess, "", 'service_name=~"$service"');
const latest = `max by (service_name) (${polls})`;
const good = `1 - (${counted(failed)} or vector(0)) / (${counted(handled)} > 0)`;
const NO_BOT = "Nothing from a bot yet. Is it running, and does its OTLP endpoint point here?";
const NO_UPDATES = "No updates in this time range.";

/** The home page, for a person at 02:10: is it up, what broke, since when, whose request. */
export const overview = dashboard({
  uid: UID.overview,
  title: "Overview",
  description: "Is it up, what broke, since when, whose request.",
  rows: [
    {
      height: 3,
      panels: [
        stat(
          {
            w: 3,
            title: "Bot up",
            description:
              "Normal: UP. DOWN: the sidecar cannot read the bot's /health; look at the process and its logs.",
            unit: "short",
            mappings: { "0": ["DOWN", "red"], "1": ["UP", "green"] },
            empty: "No sidecar is watching.",
          },
          { "{{target}}": `min by (target) (${living(at(P.probeSuccess, 'kind="health"', TARGET))})` },
        ),
        stat(
          {
            w: 4,
            title: "Last poll",
            description:
              "How long ago. Normal: 0 to 30 s, an idle long poll. From 300 s on TelegramBotDisconnected fires: open Gramwatch / Telegram API.",
            unit: "s",
            decimals: 0,
            thresholds: [[300, "red"]],
            links: [to(UID.api, "Telegram API")],
            empty: NO_BOT,
          },
          { "{{service_name}}": `time() - max by (service_name) (max_over_time(${at(P.lastPollSuccess)}[$__range]))` },
        ),
        stat(
          {
            w: 5,
            title: "Uptime 30 d, goal 99.9 %",
            description:
              "Share of the minutes since the first success (30 days at most) in which the last poll was under 60 s old. No data counts as down, the running minute as up. Below 99.9 %: see Restarts and Alerts on the time axis.",
            unit: "percentunit",
            decimals: 3,
            thresholds: [
              [0, "red"],
              [0.999, "green"],
            ],
            empty: NO_BOT,
          },
          {
            "{{service_name}}":
              `clamp_max(60 * (1 + (count_over_time((time() - ${latest} < 60)[30d:1m]) or 0 * ${latest})) ` +
              `/ clamp_max(time() - min by (service_name) (min_over_time(${polls}[30d])), 2592000), 1)`,
          },
        ),
        stat(
          {
            w: 4,
            title: "Errors in 1 h",
            description: "Normal: 0 to 10. From 11 on TelegramBotErrorsHigh fires: read the newest errors below.",
            unit: "short",
            thresholds: [[11, "red"]],
            links: [to(UID.logs, "Logs")],
            empty: NO_BOT,
          },
          { "{{service_name}}": `sum by (service_name) (round(increase(${at(P.errors)}[1h])))` },
        ),
        stat(
          {
            w: 4,
            title: "Alerts firing",
            description:
              "What the sidecar says now, mounts and host included. Normal: 0. More: open Gramwatch / Sidecar.",
            unit: "short",
            thresholds: [[1, "red"]],
            links: [to(UID.sidecar, "Sidecar")],
            empty: "No sidecar is sending.",
          },
          `sum(max by (rule, target) (${living(P.alertsFiring)}))`,
        ),
        stat(
          {
            w: 4,
            title: "Data age",
            description: "Normal: below 45 s. Above 120 s the figures on this page are old: open Gramwatch / Pipeline.",
            unit: "s",
            decimals: 0,
            thresholds: [
              [45, "yellow"],
              [120, "red"],
            ],
            links: [to(UID.pipeline, "Pipeline")],
            empty: "Nothing for 5 minutes.",
          },
          { "{{service_name}}": `time() - max by (service_name) (timestamp(${at(P.uptime)}))` },
        ),
      ],
    },
    {
      height: 4,
      panels: [
        states(
          {
            w: 24,
            title: "What is wrong, since when",
            description:
              "Normal: green alone. A red line is an alert, for as long as it fired; its rule has a runbook in the console.",
            unit: "short",
            mappings: { "0": ["failed", "red"], "1": ["well", "green"], "2": ["alert", "red"] },
            links: [to(UID.sidecar, "Sidecar")],
            empty: NO_BOT,
          },
          {
            "{{target}} answers": `min by (target) (${living(at(P.probeSuccess, 'kind="health"', TARGET))})`,
            "{{service_name}} polls": `min by (service_name) (${living(at(P.connected))})`,
            "{{rule}} {{target}}": `2 * (max by (rule, target) (${P.alertsFiring}) > 0)`,
          },
        ),
      ],
    },
    {
      height: 7,
      panels: [
        graph(
          {
            w: 8,
            title: "Updates per second by type",
            description:
              "What users do. Normal: your daily curve. A sudden zero with a fresh poll is quiet, not broken.",
            unit: "ops",
            softMax: 0.1,
            stacked: true,
            empty: NO_BOT,
          },
          {
            "{{messaging_destination_name}}": `sum by (messaging_destination_name) (${rate(at(P.consumed))})`,
          },
        ),
        graph(
          {
            w: 8,
            title: "Errors by reason",
            description: "Normal: none. handler: our code; dependency: see Runtime; poll: see Telegram API.",
            unit: "ops",
            softMax: 0.1,
            stacked: true,
            empty: NO_BOT,
          },
          { "{{reason}}": `sum by (reason) (${rate(at(P.errors))})` },
        ),
        graph(
          {
            w: 8,
            title: "Handling time",
            description:
              "Normal: p95 below 1 s. Above the line of 2 s SlowResponses fires: open the slowest traces below.",
            unit: "s",
            thresholds: [[2, "red"]],
            links: [to(UID.trace, "Search traces")],
            empty: NO_UPDATES,
          },
          Object.fromEntries([0.5, 0.95, 0.99].map((q) => [`p${q * 100}`, quantile(q, at(bucket(P.processDuration)))])),
        ),
      ],
    },
    {
      height: 7,
      panels: [
        logs(
          {
            w: 12,
            title: "Newest errors",
            description:
              "What failed, newest first. Open a line for its fields; Open trace leads to the whole request.",
            unit: "short",
            empty: { good: "No errors in this time range." },
          },
          `${LOGS} | detected_level=~"error|fatal" ${READABLE}`,
        ),
        searchUpdates(
          {
            w: 12,
            title: "Slow updates, newest first",
            description: "Updates that took more than 500 ms. The request opens its whole trace.",
            empty: { good: "No update took more than 500 ms." },
          },
          "trace:duration > 500ms",
        ),
      ],
    },
    {
      title: "In detail",
      height: 7,
      panels: [
        graph(
          {
            w: 8,
            title: "Failed updates",
            description: "Normal: below 1 %. Higher: see errors by reason and the newest errors.",
            unit: "percentunit",
            min: 0,
            empty: NO_UPDATES,
          },
          { failed: errorRatio(P.processDuration) },
        ),
        graph(
          {
            w: 8,
            title: "Waiting updates",
            description: "Normal: near 0. At Telegram: the bot does not fetch. In the inbox: handlers are too slow.",
            unit: "short",
            softMax: 5,
            empty: NO_BOT,
          },
          {
            "at Telegram": `max(${at(P.pendingUpdates, "", TARGET)})`,
            "in the inbox": `sum(max by (service_name) (${at(P.inboxPending)}))`,
            "in flight {{service_instance_id}}": `sum by (service_instance_id) (${at(P.inFlight)})`,
          },
        ),
        graph(
          {
            w: 8,
            title: "Poll in flight, oldest update",
            description:
              "Normal: the poll rises to 30 s and falls; an update is done in seconds. A poll beyond 45 s hangs; an old update is a stuck handler.",
            unit: "s",
            thresholds: [[45, "red"]],
            empty: NO_BOT,
          },
          { poll: `max(${at(P.pollAge)})`, "oldest update": `max(${at(P.oldestAge)})` },
        ),
      ],
    },
    {
      height: 8,
      panels: [
        table(
          {
            w: 12,
            title: "Handlers",
            description: "Normal: each handler failing below 1 %. The handler opens its traces.",
            unit: "short",
            sortBy: "Rate",
            columns: {
              telegram_handler: { rename: "Handler", link: to(UID.trace, "Its traces", { handler: "${__value.raw}" }) },
              "Value #A": { rename: "Rate", unit: "ops" },
              "Value #B": { rename: "Failed", unit: "percentunit" },
              "Value #C": { rename: "p95", unit: "s" },
            },
            empty: NO_UPDATES,
          },
          [
            `sum by (telegram_handler) (${rate(handled, "$__range")})`,
            errorRatio(P.processDuration, ["telegram_handler"], "$__range"),
            quantile(0.95, at(bucket(P.processDuration)), ["telegram_handler"], "$__range"),
          ],
        ),
        histogram(
          {
            w: 12,
            title: "Handling time, all of it",
            description: "Normal: one dark band that stays low. A second band is a second kind of slow request.",
            unit: "s",
            empty: NO_UPDATES,
          },
          `sum by (le) (increase(${at(bucket(P.processDuration))}[$__rate_interval]))`,
        ),
      ],
    },
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "Failed updates by type of error",
            description: "Normal: none. timeout: a handler hangs; shutdown: cut off by a restart and replayed.",
            unit: "ops",
            stacked: true,
            empty: { good: "No failed updates." },
          },
          { "{{error_type}}": `sum by (error_type) (${rate(failed)})` },
        ),
        graph(
          {
            w: 8,
            title: "Lag p95",
            description: "From Telegram's date to the start of handling. Normal: 1 s. Higher: updates wait somewhere.",
            unit: "s",
            empty: NO_UPDATES,
          },
          { lag: quantile(0.95, at(bucket(P.lag))) },
        ),
        traceGraph(
          {
            w: 8,
            title: "Handling time with examples",
            description: "From the traces; each dot is one, a click opens it. Normal: as Handling time.",
            unit: "s",
            empty: NO_UPDATES,
          },
          `{ ${HANDLINGS} } | quantile_over_time(duration, 0.5, 0.95, 0.99)`,
        ),
      ],
    },
    {
      height: 4,
      panels: [
        stat(
          {
            w: 8,
            title: "Handled well, goal 99.5 %",
            description: "Share of updates handled without an error in this time range.",
            unit: "percentunit",
            decimals: 2,
            thresholds: [
              [0, "red"],
              [0.995, "green"],
            ],
            empty: NO_UPDATES,
          },
          good,
        ),
        stat(
          {
            w: 8,
            title: "Error budget left",
            description: "What is left of the 0.5 % that may fail. Below 0: no risky deploy now.",
            unit: "percentunit",
            decimals: 0,
            thresholds: [
              [-1e9, "red"],
              [0, "green"],
            ],
            empty: NO_UPDATES,
          },
          `1 - (1 - (${good})) / 0.005`,
        ),
        stat(
          {
            w: 8,
            title: "Replayed, duplicates",
            description:
              "Normal: 0 without a crash. Replayed: handled again after one; duplicates: sent twice by Telegram.",
            unit: "short",
            empty: NO_BOT,
          },
          { replayed: increased(at(P.replayed)), duplicates: increased(at(P.duplicates)) },
        ),
      ],
    },
  ],
});
