import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import type { Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { attributes } from "@gramwatch/otel/names.ts";
import { openTrace } from "./links.ts";
import { spanTable } from "./panel.ts";
import type { Described } from "./panel.ts";

/** Ends a search: what its table shows, of the newest traces. Tempo takes any traces without the hint. */
export const select = (...names: string[]): string => `select(${names.join(", ")}) with (most_recent=true)`;
/** Handlings of updates: a job that outlives one is a consumer, too. */
export const HANDLINGS = `resource.service.name=~"$service" && span:kind=consumer && span.${attributes.operationName}="process"`;
/** To the second: a table has no room for more. */
export const WHEN = "time:YYYY-MM-DD HH:mm:ss";
export const span = (attribute: string): string => `span.${attribute}`;

/** Updates that fit the conditions, one per line: whose request it was, and what became of it. */
export const searchUpdates = (spec: Omit<Described, "unit">, conditions: string): Builder<Panel> =>
  spanTable(
    {
      ...spec,
      unit: "short",
      columns: {
        "Span ID": { rename: "Request", link: openTrace, width: 100 },
        "Start time": { rename: "When", unit: WHEN, width: 155 },
        [attributes.handler]: { rename: "Handler", width: 100 },
        Duration: { rename: "Took", width: 80 },
        status: { rename: "Status", width: 65 },
        [attributes.updateId]: { rename: "Update id", unit: "none", width: 95 },
        [attributes.userHash]: { rename: "User", width: 150 },
      },
    },
    `{ ${HANDLINGS} && ${conditions} } | ${select(
      ...[attributes.handler, attributes.updateId, attributes.userHash].map(span),
      "span:status",
    )}`,
  );
