import { dashboard } from "../dashboard.ts";
import { UID, to } from "../links.ts";
import { graph, logs, stat, table } from "../panel.ts";
import { LOGS, P, READABLE, at, bucket, count, counted, errorRatio, living, quantile, rate } from "../query.ts";

const calls = (matchers = ""): string => at(count(P.callDuration), matchers);
const NO_CALLS = "No Bot API calls in this time range.";

export const telegramApi = dashboard({
  uid: UID.api,
  title: "Telegram API",
  description: "What we ask of Telegram and what it answers.",
  rows: [
    {
      height: 8,
      panels: [
        graph(
          {
            w: 8,
            title: "Calls per second by method",
            description: "Normal: follows the updates. Telegram allows about 30 messages a second in all, 1 per chat.",
            unit: "ops",
            stacked: true,
            empty: NO_CALLS,
          },
          { "{{rpc_method}}": `sum by (rpc_method) (${rate(calls())})` },
        ),
        graph(
          {
            w: 8,
            title: "Answers by status code",
            description: "Normal: 200. 409: a second poller; 401: the token; 429: too fast; 5xx: Telegram.",
            unit: "ops",
            stacked: true,
            empty: NO_CALLS,
          },
          {
            "{{rpc_status_code}}": `sum by (rpc_status_code) (${rate(calls('rpc_status_code!=""'))})`,
            "no answer": `sum(${rate(calls('rpc_status_code=""'))})`,
          },
        ),
        graph(
          {
            w: 8,
            title: "p95 by method",
            description: "Without the long poll. Normal: below 0.5 s. Higher for all: the way to Telegram.",
            unit: "s",
            empty: "No calls but the long poll in this time range.",
          },
          {
            "{{rpc_method}}": quantile(0.95, at(bucket(P.callDuration), 'rpc_method!="getUpdates"'), ["rpc_method"]),
          },
        ),
      ],
    },
    {
      height: 7,
      panels: [
        stat(
          {
            w: 4,
            title: "Blocked by users",
            description: "Answers 403 in this time range: people who stopped the bot. Normal: a few; no error of ours.",
            unit: "short",
            empty: { good: "None." },
          },
          counted(calls('rpc_status_code="403"')),
        ),
        stat(
          {
            w: 4,
            title: "Calls waiting",
            description: "In flight or waiting for a retry. Normal: below 10. Rising: flood waits; see the time lost.",
            unit: "short",
            empty: NO_CALLS,
          },
          `sum(${living(at(P.queueDepth))})`,
        ),
        graph(
          {
            w: 8,
            title: "Too many requests (429)",
            description: "Share of calls that Telegram turned away. Normal: 0. Higher: send less, see calls by method.",
            unit: "percentunit",
            min: 0,
            softMax: 0.01,
            empty: NO_CALLS,
          },
          {
            "429": `(sum(${rate(calls('rpc_status_code="429"'))}) or vector(0)) / clamp_min(sum(${rate(calls())}), 1e-9)`,
          },
        ),
        graph(
          {
            w: 8,
            title: "Time lost to flood waits",
            description: "Seconds per second that Telegram made us wait (retry_after). Normal: 0.",
            unit: "short",
            softMax: 0.1,
            empty: { good: "Telegram never made us wait." },
          },
          { "{{rpc_method}}": `sum by (rpc_method) (${rate(at(P.retryAfter))})` },
        ),
      ],
    },
    {
      height: 7,
      panels: [
        graph(
          {
            w: 12,
            title: "Retries by error",
            description: "Normal: none. They end by themselves when the cause does.",
            unit: "ops",
            softMax: 0.1,
            stacked: true,
            empty: { good: "No retries." },
          },
          { "{{error_type}}": `sum by (error_type) (${rate(at(P.retries))})` },
        ),
        graph(
          {
            w: 12,
            title: "Calls that nobody answered",
            description:
              "Normal: none. dns, connect, tls, timeout, reset: compare with the probes on Gramwatch / Sidecar.",
            unit: "ops",
            softMax: 0.1,
            stacked: true,
            links: [to(UID.sidecar, "Probes")],
            empty: { good: "Every call was answered." },
          },
          { "{{error_type}}": `sum by (error_type) (${rate(calls('error_type!="", rpc_status_code=""'))})` },
        ),
      ],
    },
    {
      height: 9,
      panels: [
        table(
          {
            w: 12,
            title: "Methods",
            description: "Normal: failed near 0. The method opens its calls as traces.",
            unit: "short",
            sortBy: "Rate",
            columns: {
              rpc_method: { rename: "Method", link: to(UID.trace, "Its calls", { method: "${__value.raw}" }) },
              "Value #A": { rename: "Rate", unit: "ops" },
              "Value #B": { rename: "Failed", unit: "percentunit" },
              "Value #C": { rename: "p95", unit: "s" },
            },
            empty: NO_CALLS,
          },
          [
            `sum by (rpc_method) (${rate(calls(), "$__range")})`,
            errorRatio(P.callDuration, ["rpc_method"], "$__range"),
            quantile(0.95, at(bucket(P.callDuration)), ["rpc_method"], "$__range"),
          ],
        ),
        logs(
          {
            w: 12,
            title: "Warnings about calls",
            description:
              "Log lines of failed calls and polls, with the words of Telegram or of the network. Normal: none.",
            unit: "short",
            empty: { good: "No call failed." },
          },
          `${LOGS} | rpc_method!="" | detected_level=~"warn|error" ${READABLE}`,
        ),
      ],
    },
  ],
});
