import type { Channel, Message } from "./channel.ts";
import { createPost } from "./post.ts";

const NEVER = "0001-01-01T00:00:00Z"; // what Alertmanager writes for an end that is not known

/** One alert as Alertmanager has it, in its webhook (version 4) and in its API (v2). */
export function alertOf(message: Message) {
  const { rule, target, severity, cause, links, traceIds } = message;
  const annotations = {
    summary: message.title,
    description: message.plain,
    ...(links.runbook && { runbook_url: links.runbook }),
    ...(links.dashboard && { dashboard_url: links.dashboard }),
    ...(links.trace && { trace_url: links.trace }),
    ...(traceIds[0] && { trace_id: traceIds[0] }),
    ...(message.incident && { incident: message.incident }),
  };
  return {
    // The same names as the Prometheus rules have, and what tells the two apart.
    labels: { alertname: rule, service_name: target, severity, source: "sidecar", ...(cause !== null && { cause }) },
    annotations,
    startsAt: new Date(message.startsWallMs).toISOString(),
    generatorURL: links.dashboard ?? "",
  };
}

/** Alertmanager's webhook format, version 4, so that receivers made for it work: prometheus/alertmanager notify/webhook. */
export function createWebhookChannel(url: string): Channel {
  const { post, close } = createPost();
  return {
    name: "webhook",
    dialect: "http",
    edits: false,
    digests: false,
    pace: { everyMs: 0, perMinute: Number.POSITIVE_INFINITY },
    send: (message, _, signal) => post(url, { body: JSON.stringify(bodyOf(message)), signal }),
    close,
  };
}

function bodyOf(message: Message) {
  const { labels, annotations, ...rest } = alertOf(message);
  const { alertname, service_name } = labels;
  const endsAt = message.endsWallMs === null ? NEVER : new Date(message.endsWallMs).toISOString();
  return {
    version: "4",
    groupKey: `{}/{alertname="${alertname}",service_name="${service_name}"}`,
    truncatedAlerts: 0,
    status: message.status,
    receiver: "gramwatch",
    groupLabels: { alertname, service_name },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: message.links.dashboard ?? "",
    alerts: [{ status: message.status, labels, annotations, ...rest, endsAt, fingerprint: message.incident ?? "test" }],
  };
}
