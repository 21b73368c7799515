import type { LogLine } from "../store/logs.ts";
import type { SpanNode } from "../store/tree.ts";
import type { Trace } from "../store/traces.ts";
import { html, nothing, type Html } from "./html.ts";
import { time } from "./parts.ts";
import { millis } from "./words.ts";

/** What a request did, in the order in which it happened. */
export type Row =
  | { is: "span"; node: SpanNode; depth: number }
  | { is: "log"; log: LogLine; depth: number }
  | { is: "wait"; fromMs: number; durationMs: number; why: string; depth: number };

/** A gap between two attempts of one call that is worth a line. */
const WAIT_MS = 20;

/** Spans depth first, each log line at its moment inside its span, waits between two attempts of the same call. */
export function rowsOf(trace: Pick<Trace, "spans" | "logs" | "started_at">): Row[] {
  const known = new Set<string>();
  const note = (nodes: SpanNode[]): void => {
    for (const node of nodes) {
      known.add(node.span_id);
      note(node.children);
    }
  };
  note(trace.spans);
  const logsBySpan = Map.groupBy(trace.logs, ({ span_id }) => (span_id !== null && known.has(span_id) ? span_id : ""));
  const rows: Row[] = [];

  const walk = (nodes: SpanNode[], logs: LogLine[], depth: number): void => {
    const lines = [...logs];
    let before: SpanNode | undefined;
    const logsUntil = (atMs: number): void => {
      while (lines[0] !== undefined && Date.parse(lines[0].time) < atMs)
        rows.push({ is: "log", log: lines.shift() as LogLine, depth });
    };
    for (const node of nodes) {
      logsUntil(Date.parse(node.started_at));
      const wait = before && waitBetween(before, node, depth);
      if (wait !== undefined) rows.push(wait);
      rows.push({ is: "span", node, depth });
      walk(node.children, logsBySpan.get(node.span_id) ?? [], depth + 1);
      before = node;
    }
    logsUntil(Number.POSITIVE_INFINITY);
  };
  walk(trace.spans, logsBySpan.get("") ?? [], 0);
  return rows;
}

function waitBetween(before: SpanNode, next: SpanNode, depth: number): Row | undefined {
  const fromMs = before.offset_ms + before.duration_ms;
  const durationMs = next.offset_ms - fromMs;
  if (before.name !== next.name || before.status !== "error" || durationMs < WAIT_MS) return undefined;
  const after = before.attributes["telegram.retry_after"];
  const why = typeof after === "number" ? `waited, retry after ${after} s` : "waited before the next attempt";
  return { is: "wait", fromMs, durationMs, why, depth };
}

/** The rows as a picture: time runs from left to right, and every bar says in words what it shows. */
export function waterfall(trace: Trace): Html {
  const rows = rowsOf(trace);
  const totalMs = Math.max(
    0.001,
    ...rows.map((row) => (row.is === "span" ? row.node.offset_ms + row.node.duration_ms : 0)),
  );
  const ticks = ticksOf(totalMs);
  const endMs = ticks.at(-1) as number;
  return html`<div class="waterfall">
    <div class="axis" aria-hidden="true">
      ${ticks.map((tick, at) => html`<span>${tickText(tick, at === ticks.length - 1)}</span>`)}
    </div>
    <ol aria-label="What happened, in order">
      ${rows.map((row) => rowOf(row, endMs))}
    </ol>
  </div>`;
}

const tickText = (ms: number, last: boolean): string => {
  const seconds = ms >= 1000;
  const number = String(Number((seconds ? ms / 1000 : ms).toPrecision(6)));
  return last || seconds ? `${number} ${seconds ? "s" : "ms"}` : number;
};

const indent = (depth: number): string => `d${Math.min(depth, 8)}`;

function rowOf(row: Row, endMs: number): Html {
  if (row.is === "log") return logRow(row.log, row.depth);
  if (row.is === "wait") {
    return html`<li class="row wait ${indent(row.depth)}">
      <span class="name">${row.why}</span><span class="took">${millis(row.durationMs)}</span>
    </li>`;
  }
  const { node } = row;
  const failed = node.status === "error";
  const code = node.attributes["rpc.status_code"] ?? node.attributes["http.response.status_code"];
  const word =
    typeof code === "string" || typeof code === "number" ? String(code) : failed ? (node.error ?? "failed") : "";
  const left = (100 * node.offset_ms) / endMs;
  const width = Math.max(0.4, (100 * node.duration_ms) / endMs);
  return html`<li class="row ${indent(row.depth)}${failed ? " failed" : ""}" id="span-${node.span_id}">
    <span class="name"
      >${node.name}${word === "" ? nothing : html` <b class="${failed ? "bad" : "code"}">${word}</b>`}<span
        class="hidden"
        >, ${failed ? "failed, " : ""}starts at ${millis(node.offset_ms)}, takes</span
      ></span
    >
    <svg class="bar ${colour(node)}" aria-hidden="true">
      <rect
        x="${Math.min(left, 99.6).toFixed(2)}%"
        width="${Math.min(width, 100 - Math.min(left, 99.6)).toFixed(2)}%"
        y="1"
        height="14"
        rx="3"
      />
    </svg>
    <span class="took">${millis(node.duration_ms)}</span>
  </li>`;
}

function colour(node: SpanNode): string {
  if (node.attributes["db.system.name"] !== undefined) return "db";
  if (node.attributes["rpc.system.name"] !== undefined) return "call";
  return node.kind === "client" ? "http" : "work";
}

/** A log line at the place where it happened; an exception with its stack. */
export function logRow(log: LogLine, depth: number): Html {
  const type = text(log, "exception.type");
  const message = text(log, "exception.message");
  const stack = ownFrames(text(log, "exception.stacktrace"));
  const bad = /^(ERROR|FATAL)/i.test(log.severity);
  const facts = factsOf(log);
  return html`<li class="row log ${indent(depth)}${bad ? " bad" : ""}">
    <p>
      ${time(log.time, "exact")} ${log.severity}
      ${log.body}${
        type === "" ? nothing : html`: ${type}${message === "" ? "" : `: ${message}`}`
      }${facts.map((fact) => html` · ${fact}`)}
    </p>
    ${stack.length === 0 ? nothing : html`<pre tabindex="0" aria-label="Stack">${stack.map((line) => line.trim()).join("\n")}</pre>`}
  </li>`;
}

const FACTS = [
  "rule",
  "target",
  "state",
  "channel",
  "dependency",
  "outcome",
  "reason",
  "attempt",
  "count",
  "duration_ms",
];

/** The few attributes that belong into the line itself. */
export function factsOf({ attributes }: Pick<LogLine, "attributes">): string[] {
  return FACTS.flatMap((key) => {
    const value = attributes[key];
    if (typeof value !== "string" && typeof value !== "number") return [];
    return [key === "duration_ms" ? millis(Number(value)) : `${key} ${value}`];
  });
}

/** Frames of packages and of Node stay out, unless there is nothing else; of a path the last three parts are enough. */
function ownFrames(stack: string): string[] {
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
  const own = frames.filter((line) => !/node_modules|\(?node:/.test(line));
  const shorter = (path: string): string => path.split("/").slice(-3).join("/");
  return (own.length > 0 ? own : frames).map((line) => line.replace(/[^\s()]+(?=:\d+:\d+\)?$)/, shorter));
}

const text = (log: LogLine, key: string): string => {
  const value = log.attributes[key];
  return typeof value === "string" ? value : "";
};

/** Four or five round steps from 0 to at least `totalMs`. */
export function ticksOf(totalMs: number): number[] {
  const rough = totalMs / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough) as number;
  return Array.from({ length: Math.ceil(totalMs / step - 1e-9) + 1 }, (_, at) => at * step);
}
