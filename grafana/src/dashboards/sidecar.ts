import { dashboard } from "../dashboard.ts";
import { UID, to } from "../links.ts";
import { alertList, graph, stat, states, table } from "../panel.ts";
import { P, living } from "../query.ts";

const NO_SIDECAR = "No sidecar is sending.";

/** Not filtered by service: what the sidecar watches has targets, and mounts and the host are no services. */
export const sidecar = dashboard({
  uid: UID.sidecar,
  title: "Sidecar",
  description: "What the sidecar sees, what it decides, and whether its messages arrive.",
  rows: [
    {
      height: 9,
      panels: [
        table(
          {
            w: 8,
            title: "Firing: the sidecar decides",
            description: "Normal: none. The rule's runbook is in the alert message and in the console.",
            unit: "short",
            columns: {
              rule: { rename: "Rule", width: 210 },
              target: { rename: "Target", width: 110 },
              severity: { rename: "Severity", width: 90 },
              Value: { hidden: true },
            },
            empty: { good: "Nothing is firing." },
          },
          [`max by (rule, target, severity) (${P.alertsFiring}) > 0`],
        ),
        table(
          {
            w: 8,
            title: "Prometheus: a second opinion",
            description: "The same thresholds as rules here. Normal: the same as left, up to a minute later.",
            unit: "short",
            columns: {
              alertname: { rename: "Rule", width: 210 },
              service_name: { rename: "Target", width: 110, link: to(UID.overview, "Overview") },
              alertstate: { rename: "State", width: 90 },
              Value: { hidden: true },
            },
            empty: { good: "Nothing is firing." },
          },
          ["max by (alertname, service_name, alertstate) (ALERTS)"],
        ),
        alertList({
          w: 8,
          title: "Rules of Prometheus",
          description: "The state of every rule; needs the data source named Prometheus.",
          unit: "short",
          empty: { good: "Nothing is firing." },
        }),
      ],
    },
    {
      height: 9,
      panels: [
        states(
          {
            w: 16,
            title: "Probes",
            description: "Normal: green. telegram red and control green: Telegram's side; both red: our network.",
            unit: "short",
            mappings: { "0": ["failed", "red"], "1": ["ok", "green"] },
            empty: NO_SIDECAR,
          },
          { "{{kind}} {{target}}": `min by (kind, target) (${living(P.probeSuccess)})` },
        ),
        stat(
          {
            w: 8,
            title: "Probes that succeeded",
            description: "Share in this time range. Normal: above 99 %.",
            unit: "percentunit",
            decimals: 1,
            thresholds: [
              [0, "red"],
              [0.99, "green"],
            ],
            empty: NO_SIDECAR,
          },
          {
            "{{kind}} {{target}}": `sum by (kind, target) (sum_over_time(${P.probeSuccess}[$__range])) / sum by (kind, target) (count_over_time(${P.probeSuccess}[$__range]))`,
          },
        ),
      ],
    },
    {
      height: 8,
      panels: [
        graph(
          {
            w: 12,
            title: "Probe time by phase",
            description: "Normal: dns and tcp below 100 ms. A phase that is missing was not reached.",
            unit: "s",
            empty: NO_SIDECAR,
          },
          {
            "{{probe}} {{target}} {{phase}} {{network_type}}": `max by (probe, target, phase, network_type) (${living(P.probeDuration)})`,
          },
        ),
        graph(
          {
            w: 6,
            title: "Notifications by outcome",
            description:
              "Normal: sent only. refused, parked: the channel needs a person; see the console's deliveries.",
            unit: "short",
            decimals: 0,
            stacked: true,
            empty: { good: "No notification was sent." },
          },
          {
            "{{channel}} {{outcome}}": `sum by (channel, outcome) (increase(${P.notifications}[$__rate_interval])) > 0`,
          },
        ),
        graph(
          {
            w: 6,
            title: "Unsent messages",
            description: "Normal: 0. Rising: the channel is down; the second channel takes over after a minute.",
            unit: "short",
            softMax: 5,
            empty: NO_SIDECAR,
          },
          { "{{channel}}": `max by (channel) (${P.outboxPending})` },
        ),
      ],
    },
    {
      height: 8,
      panels: [
        graph(
          {
            w: 6,
            title: "Disk free",
            description: "Normal: above 20 %. DiskSpaceLow fires below 10 % and 5 GiB.",
            unit: "percentunit",
            min: 0,
            max: 1,
            empty: NO_SIDECAR,
          },
          { "{{path}}": `min by (path) (${P.diskAvailable} / ${P.diskSize})` },
        ),
        graph(
          {
            w: 6,
            title: "Disk free in 24 h, if it goes on",
            description:
              "A straight line through 6 hours, once there is one hour of them. Normal: well above 0. Below: find what grows.",
            unit: "bytes",
            empty: { good: "An hour of measurements comes first." },
          },
          {
            "{{path}}": `min by (path) (predict_linear(${P.diskAvailable}[6h], 86400) and ${P.diskAvailable} offset 1h)`,
          },
        ),
        stat(
          {
            w: 4,
            title: "Certificate days",
            description: "Until the first certificate on the way expires. Telegram renews its own; act only on yours.",
            unit: "d",
            decimals: 0,
            thresholds: [
              [-1e9, "red"],
              [7, "green"],
            ],
            empty: { good: "Nothing probed speaks TLS." },
          },
          { "{{target}}": `(min by (target) (${P.certExpiry}) - time()) / 86400` },
        ),
        stat(
          {
            w: 4,
            title: "Heartbeat age",
            description: "Since the outside switch last heard us. Normal: below 2 min. Older: it alarms by itself.",
            unit: "s",
            decimals: 0,
            thresholds: [[300, "red"]],
            empty: { good: "No HEARTBEAT_URL is set." },
          },
          { "{{heartbeat}}": `max by (heartbeat) (${P.heartbeatAge})` },
        ),
        stat(
          {
            w: 4,
            title: "Telemetry store",
            description: "Size of the sidecar's own store. Normal: up to RETENTION_SIZE, then it trims.",
            unit: "bytes",
            empty: NO_SIDECAR,
          },
          `max(${P.storeSize})`,
        ),
      ],
    },
  ],
});
