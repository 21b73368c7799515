import type { Link } from "./panel.ts";

/** uids of the seven dashboards: alert messages of the sidecar link to them. */
export const UID = {
  overview: "gramwatch-overview",
  api: "gramwatch-telegram-api",
  runtime: "gramwatch-runtime",
  sidecar: "gramwatch-sidecar",
  logs: "gramwatch-logs",
  trace: "gramwatch-trace",
  pipeline: "gramwatch-pipeline",
} as const;

/** A link to one of our dashboards that keeps the time range and the chosen services; `variables` come on top. */
export const to = (
  uid: (typeof UID)[keyof typeof UID],
  title: string,
  variables: Record<string, string> = {},
): Link => ({
  title,
  url: [
    `/d/${uid}?\${__url_time_range}`,
    "${service:queryparam}",
    ...Object.entries(variables).map(([name, value]) => `var-${name}=${value}`),
  ].join("&"),
});

/** In a table of spans: opens the whole trace. Tempo's data source has its id in a hidden column. */
export const openTrace: Link = to(UID.trace, "Open this trace", { traceId: "${__data.fields.traceIdHidden}" });
