import { TextBoxVariableBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import { attributes } from "@gramwatch/otel/names.ts";
import { dashboard } from "../dashboard.ts";
import { UID, openTrace } from "../links.ts";
import { graph, logs, text, trace as tracePanel, traceGraph, traceNodes, traceTable } from "../panel.ts";
import { P, at, bucket, count, quantile, rate } from "../query.ts";

const LITE = "Small stack: traces are in the sidecar's console. Full stack: no trace fits the search.";
const CHOOSE = { good: "Choose a trace: a trace id in the search, or paste one above." };
const box = (name: string, label: string, value: string): TextBoxVariableBuilder =>
  new TextBoxVariableBuilder(name).label(label).defaultValue(value).current({ text: value, value });

const span = (attribute: string): string => `span.${attribute}`;
const select = (...names: string[]): string => `select(${names.join(", ")}) with (most_recent=true)`;
const updates = '{ resource.service.name=~"$service" && span:kind=consumer';
const chosenHandler = 'telegram_handler=~"$handler"';

export const trace = dashboard({
  uid: UID.trace,
  title: "Trace one request",
  description: "From a user's complaint to every step of the request.",
  // Every default must parse inside its query.
  variables: [
    box("traceId", "Trace id", "0"),
    box("updateId", "Update id", "0"),
    box("handler", "Handler (regex)", ".*"),
    box("minDuration", "Longer than", "0ms"),
    box("method", "Bot API method (regex)", ".*"),
  ],
  rows: [
    {
      height: 10,
      panels: [
        traceTable(
          {
            w: 16,
            title: "Updates, newest first",
            description: "One trace per update. The trace id opens it below.",
            unit: "short",
            columns: { traceID: { link: openTrace } },
            empty: LITE,
          },
          `${updates} && span:duration>$minDuration && ${span(attributes.handler)}=~"$handler" } | ${select(
            span(attributes.updateId),
            span(attributes.updateType),
            span(attributes.handler),
            "span:status",
          )}`,
        ),
        text(
          "How to get here",
          8,
          [
            "- **A dot** in a graph with examples (Overview, below): click it.",
            "- **A log line** (Logs): its field *Open trace*.",
            "- **An alert message**: its link *trace*.",
            "- **A user's reference** (8 digits in the bot's error reply): `/trace <reference>` to the bot, or the sidecar's " +
              "console; both lead here.",
            "",
            "Then: spans and log lines of that one request, and what Telegram answered.",
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
            title: "The trace",
            description:
              "Every step with its time; a span's link leads to its log lines. Until a trace is chosen Tempo says here that there is no trace 0.",
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
          '{service_name=~".+"} | trace_id="$traceId"',
        ),
        traceTable(
          {
            w: 12,
            title: "Its Telegram calls",
            description: "What we asked of Telegram in this trace, and the status codes.",
            unit: "short",
            columns: { traceID: { link: openTrace } },
            empty: CHOOSE,
          },
          `{ trace:id="$traceId" && span:kind=client } | ${select(span(attributes.rpcMethod), span(attributes.rpcStatus))}`,
        ),
      ],
    },
    {
      title: "Find it another way",
      height: 8,
      panels: [
        traceTable(
          {
            w: 12,
            title: "By update id",
            description: "Telegram's update_id, as log lines have it. A replay after a crash is a second trace.",
            unit: "short",
            columns: { traceID: { link: openTrace } },
            empty: { good: "Give an update id above." },
          },
          `{ ${span(attributes.updateId)} = $updateId } | ${select(span(attributes.handler), "span:status")}`,
        ),
        traceTable(
          {
            w: 12,
            title: "By Bot API method",
            description: "Calls of the method chosen above, newest first.",
            unit: "short",
            columns: { traceID: { link: openTrace } },
            empty: LITE,
          },
          `{ resource.service.name=~"$service" && span:kind=client && ${span(attributes.rpcMethod)}=~"$method" } | ${select(
            span(attributes.rpcMethod),
            span(attributes.rpcStatus),
          )}`,
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
          `${updates} } | quantile_over_time(duration, 0.5, 0.95, 0.99)`,
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
              ` / sum by (telegram_handler) (${rate(at(count(P.processDuration), chosenHandler))})`,
          },
        ),
      ],
    },
  ],
});
