import { CustomVariableBuilder, TextBoxVariableBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import { dashboard } from "../dashboard.ts";
import { UID, to } from "../links.ts";
import { logGraph, logs as logPanel } from "../panel.ts";
import { LOGS, READABLE } from "../query.ts";

const LITE = "Small stack: logs are in the sidecar's console. Full stack: nothing was logged in this time range.";
/** As it is written: in quotes, Grafana's escapes would become part of what is looked for, and a quote would end it. */
const SEARCH = "`${search:raw}`";
const LEVELS = "debug, info, warn, error, fatal";

export const logs = dashboard({
  uid: UID.logs,
  title: "Logs",
  description: "What bot and sidecar say, with the way to the trace of each line.",
  variables: [
    new TextBoxVariableBuilder("search").label("Contains").defaultValue("").current({ text: "", value: "" }),
    new CustomVariableBuilder("level")
      .label("Level")
      .values(LEVELS)
      .multi(true)
      .includeAll(true)
      .allValue(".*")
      .current({ selected: true, text: ["All"], value: ["$__all"] }),
    new TextBoxVariableBuilder("traceId")
      .label("Trace id begins with")
      .defaultValue("")
      .current({ text: "", value: "" }),
  ],
  rows: [
    {
      height: 7,
      panels: [
        logGraph(
          {
            w: 8,
            title: "Lines by level",
            description:
              "Normal: info follows the traffic. A rise of warn or error began where it began: zoom in there.",
            unit: "short",
            stacked: true,
            empty: LITE,
          },
          {
            "{{detected_level}}": `sum by (detected_level) (count_over_time(${LOGS} | detected_level=~"$level" ${READABLE} |= ${SEARCH} [$__auto]))`,
          },
        ),
        logGraph(
          {
            w: 8,
            title: "Exceptions by type",
            description: "Normal: none, or the few that you know.",
            unit: "short",
            stacked: true,
            empty: { good: "No exceptions." },
          },
          {
            "{{exception_type}}": `sum by (exception_type) (count_over_time(${LOGS} | exception_type!="" [$__auto]))`,
          },
        ),
        logGraph(
          {
            w: 8,
            title: "Errors by handler",
            description: "Normal: none. One handler alone: its code or its dependency; all: something they share.",
            unit: "short",
            stacked: true,
            empty: { good: "No errors in handlers." },
          },
          {
            "{{telegram_handler}}": `sum by (telegram_handler) (count_over_time(${LOGS} | detected_level=~"error|fatal" | telegram_handler!="" [$__auto]))`,
          },
        ),
      ],
    },
    {
      height: 19,
      panels: [
        logPanel(
          {
            w: 24,
            title: "Log lines",
            description: "Open a line for its fields; Open trace leads to the request it belongs to.",
            unit: "short",
            links: [to(UID.trace, "Trace one request")],
            empty: LITE,
          },
          `${LOGS} | detected_level=~"$level" | trace_id=~"$traceId.*" ${READABLE} |= ${SEARCH}`,
        ),
      ],
    },
  ],
});
