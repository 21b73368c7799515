import { TextBoxVariableBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import { attributes } from "@gramwatch/otel/names.ts";
import { dashboard } from "../dashboard.ts";
import { UID, openTrace } from "../links.ts";
import { graph, logs, spanTable, text, trace as tracePanel, traceGraph, traceNodes } from "../panel.ts";
import { P, READABLE, at, bucket, count, quantile, rate } from "../query.ts";
import { HANDLINGS, WHEN, searchUpdates, select, span } from "../updates.ts";

const LITE = "Small stack: traces are in the sidecar's console. Full stack: no trace fits the search.";
const CHOOSE = { good: "Choose a trace: a trace id in the search, or paste one above." };
const box = (name: string, label: string, value: string): TextBoxVariableBuilder =>
  new TextBoxVariableBuilder(name).label(label).defaultValue(value).current({ text: value, value });

/** What the panels about one trace ask for until one is chosen: a search that finds nothing, which is no error. */
const NO_TRACE = "{ false }";
/** Attempts of Bot API calls, one per line. */
const calls = {
  unit: "short",
  columns: {
    "Span ID": { rename: "Call", link: openTrace, width: 100 },
    "Start time": { rename: "When", unit: WHEN, width: 155 },
    [attributes.rpcMethod]: { rename: "Method", width: 150 },
    [attributes.rpcStatus]: { rename: "Answer", width: 75 },
    Duration: { rename: "Took", width: 80 },
  },
};
const callAttributes = select(span(attributes.rpcMethod), span(attributes.rpcStatus));
const chosenHandler = 'telegram_handler=~"$handler"';

export const trace = dashboard({
  uid: UID.trace,
  title: "Trace one request",
  description: "From a user's complaint to every step of the request.",
  // Every default must parse inside its query.
  variables: [
    box("traceId", "Trace id", NO_TRACE),
    box("updateId", "Update id", "0"),
    box("handler", "Handler (regex)", ".*"),
    box("minDuration", "Longer than", "0ms"),
    box("method", "Bot API method (regex)", ".*"),
  ],
  rows: [
    {
      height: 10,
      panels: [
        searchUpdates(
          {
            w: 16,
            title: "Updates, newest first",
            description: "One line per update. The request opens its trace below.",
            empty: LITE,
          },
          `span:duration>$minDuration && ${span(attributes.handler)}=~"$handler"`,
        ),
        text(
          "How to get here",
          8,
          [
            "**Choose a request** in the table: the four panels below then show its trace. Other ways to one:",
            "",
            "- **A dot** in a graph with examples (Overview, below): click it.",
            "- **A log line** (Logs): its field *Open trace*.",
            "- **An alert message**: its link *trace*.",
            "- **A user's reference** (8 digits in the bot's error reply): `/trace <reference>` to the bot, or the sidecar's " +
              "console; both lead here.",
          ].join("\n"),
        ),
      ],
    },
    {
      height: 12,
      panels: [
        tracePanel(
          {
            w: 16,
            title: "The trace chosen above",
            description: "Every step with its time; a span's link leads to its log lines.",
            unit: "short",
            empty: CHOOSE,
          },
          "$traceId",
        ),
        traceNodes(
          {
            w: 8,
            title: "The trace as a graph",
            description: "Who called whom, in the trace chosen above.",
            unit: "short",
            empty: CHOOSE,
          },
          "$traceId",
        ),
      ],
    },
    {
      height: 9,
      panels: [
        logs(
          {
            w: 12,
            title: "Its log lines",
            description: "Oldest first, from every service.",
            unit: "short",
            ascending: true,
            empty: CHOOSE,
          },
          // A search of Tempo's drops the zeros that an id begins with.
          `{service_name=~".+"} | trace_id=~"0*$traceId" ${READABLE}`,
        ),
        spanTable(
          {
            ...calls,
            w: 12,
            title: "Its Telegram calls",
            description: "What we asked of Telegram in this trace, and the status codes.",
            empty: CHOOSE,
          },
          `{ trace:id="$traceId" && span:kind=client && ${span(attributes.rpcMethod)}!="" } | ${callAttributes}`,
        ),
      ],
    },
    {
      title: "Find it another way",
      height: 8,
      panels: [
        searchUpdates(
          {
            w: 12,
            title: "By update id",
            description: "Telegram's update_id, as log lines have it. A replay after a crash is a second trace.",
            empty: { good: "Give an update id above." },
          },
          `${span(attributes.updateId)} = $updateId`,
        ),
        spanTable(
          {
            ...calls,
            w: 12,
            title: "By Bot API method",
            description: "Calls of the method chosen above, newest first.",
            empty: LITE,
          },
          `{ resource.service.name=~"$service" && span:kind=client && ${span(attributes.rpcMethod)}=~"$method" } | ${callAttributes}`,
        ),
      ],
    },
    {
      height: 8,
      panels: [
        traceGraph(
          {
            w: 8,
            title: "Handling time with examples",
            description: "From the traces; each dot is one, a click opens it.",
            unit: "s",
            empty: LITE,
          },
          `{ ${HANDLINGS} } | quantile_over_time(duration, 0.5, 0.95, 0.99)`,
        ),
        graph(
          {
            w: 8,
            title: "p95 of the handler",
            description: "The handler chosen above. Normal: below 1 s.",
            unit: "s",
            empty: "No updates in this time range.",
          },
          {
            "{{telegram_handler}}": quantile(0.95, at(bucket(P.processDuration), chosenHandler), ["telegram_handler"]),
          },
        ),
        graph(
          {
            w: 8,
            title: "Failed updates of the handler",
            description: "The handler chosen above. Normal: none.",
            unit: "percentunit",
            min: 0,
            empty: { good: "No failed updates." },
          },
          {
            "{{telegram_handler}}":
              `sum by (telegram_handler) (${rate(at(count(P.processDuration), `${chosenHandler}, error_type!=""`))})` +
              ` / (sum by (telegram_handler) (${rate(at(count(P.processDuration), chosenHandler))}) > 0)`,
          },
        ),
      ],
    },
  ],
});
