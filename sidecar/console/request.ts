import type { ConsoleDeps, ConsoleOptions } from "../api/deps.ts";
import type { SpanNode } from "../store/tree.ts";
import type { Trace, TraceSummary } from "../store/traces.ts";
import { html, join, nothing, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { ago, badge, time } from "./parts.ts";
import { logRow, waterfall } from "./waterfall.ts";
import { millis, plural } from "./words.ts";

const HOUR_MS = 3_600_000;

/** One request as a story; undefined: nothing is stored under this reference. */
export function requestPage(deps: ConsoleDeps, options: ConsoleOptions, ref: string, nowMs: number): Page | undefined {
  const [first, ...others] = deps.store.traces.find(ref);
  const trace = first && deps.store.traces.get(first.trace_id);
  if (trace === undefined) return undefined;
  return {
    title: `${titleOf(trace)} ${trace.reference}`,
    section: "Requests",
    query: ref,
    body: html` ${head(deps, options, trace, nowMs)} ${others.length === 0 ? nothing : also(others)}
      <section class="card" aria-label="Timeline">
        ${waterfall(trace)}${trace.truncated ? html`<p class="quiet">More is stored than is shown here.</p>` : nothing}
      </section>
      ${exceptions(trace)} ${attributes(trace)}`,
  };
}

/** What the user did: the command or handler, else the name of the root span. */
export function titleOf({ handler, name }: Pick<TraceSummary, "handler" | "name">): string {
  if (handler === null || handler === "none") return name;
  return name === "process message" && /^[a-z]+$/.test(handler) && !WORDS.has(handler) ? `/${handler}` : handler;
}
/** Handlers that are no commands. */
const WORDS = new Set(["voice", "button", "unknown"]);

function head({ store }: ConsoleDeps, { grafanaUrl }: ConsoleOptions, trace: Trace, nowMs: number): Html {
  const kind = trace.name.startsWith("process ") ? trace.name.slice(8) : trace.service;
  const failed = trace.error !== null;
  const atMs = Date.parse(trace.started_at);
  const hour = { sinceMs: atMs - HOUR_MS / 2, untilMs: atMs + HOUR_MS / 2, limit: 500 };
  const sameUser = trace.user_hash === null ? [] : store.traces.search({ userHash: trace.user_hash, ...hour });
  const error = errorLine(trace);
  const replied = trace.spans.some((span) => answered(span));
  return html`<section class="card head">
    <div class="line">
      <h1>${failed ? badge("bad", "failed") : badge("good", "ok")} ${titleOf(trace)}</h1>
      <p class="quiet">${kind} · ${time(trace.started_at, "exact")}, ${ago(trace.started_at, nowMs)}</p>
      <p class="actions">
        ${sameUser.length < 2 ? nothing : html`<a class="button" href="/requests?user=${trace.user_hash ?? ""}">Same user, this hour: ${sameUser.length}</a>`}
        ${grafanaUrl === undefined ? nothing : html`<a class="button" href="${grafanaUrl}/d/gramwatch-trace?var-traceId=${trace.trace_id}">Open in Grafana</a>`}
      </p>
    </div>
    <p>
      ${failed ? html`The user ${replied ? "was answered" : "could look up"} with the reference <code>${trace.reference}</code>.` : html`Answered in ${millis(trace.duration_ms)}; reference <code>${trace.reference}</code>.`}
      ${error === undefined ? nothing : html` <strong class="bad">${error}</strong>`}
    </p>
  </section>`;
}

const answered = (span: SpanNode): boolean =>
  (/^(send|edit|answer)/.test(span.name) && span.status !== "error") || span.children.some(answered);

function errorLine(trace: Trace): string | undefined {
  for (const { attributes } of trace.logs) {
    const type = attributes["exception.type"];
    const message = attributes["exception.message"];
    if (typeof type === "string") return typeof message === "string" ? `${type}: ${message.split("\n", 1)[0]}` : type;
  }
  return trace.error ?? undefined;
}

const also = (others: TraceSummary[]): Html =>
  html`<section class="card">
    <h2>${plural(others.length, "more request")} under this reference</h2>
    <ul class="plain">
      ${others.map((other) => html`<li><a href="/requests/${other.trace_id}">${titleOf(other)}</a> <span class="quiet">${time(other.started_at, "date")} · ${millis(other.duration_ms)}</span></li>`)}
    </ul>
  </section>`;

/** Exceptions that came as span events, as foreign instrumentations send them. */
function exceptions(trace: Trace): Html {
  const found: Html[] = [];
  const walk = (nodes: SpanNode[]): void => {
    for (const node of nodes) {
      for (const event of node.events.filter(({ name }) => name === "exception")) {
        const line = {
          ...event,
          severity: "ERROR",
          body: node.name,
          service: node.service,
          event: "",
          trace_id: null,
          span_id: null,
        };
        found.push(logRow(line, 0));
      }
      walk(node.children);
    }
  };
  walk(trace.spans);
  return found.length === 0
    ? nothing
    : html`<section class="card">
        <h2>Exceptions</h2>
        <ol class="logs">
          ${found}
        </ol>
      </section>`;
}

function attributes(trace: Trace): Html {
  const spans: SpanNode[] = [];
  const walk = (nodes: SpanNode[]): void => {
    for (const node of nodes) {
      spans.push(node);
      walk(node.children);
    }
  };
  walk(trace.spans);
  const [root, ...rest] = spans;
  const extra: [string, string][] = [
    ["trace id", trace.trace_id],
    ["service", trace.service],
  ];
  if (trace.correlation_id !== null && trace.correlation_id !== trace.trace_id) {
    extra.push(["first trace", trace.correlation_id]);
  }
  return html`<section class="card">
    <h2>Attributes</h2>
    ${root === undefined ? nothing : table([...Object.entries(root.attributes), ...extra])}
    ${rest.map(
      (span, at) =>
        html`<details id="attributes-${at}">
          <summary>
            ${span.name} <span class="quiet">${join([html`${span.service}`, html`${span.kind}`], " · ")}</span>
          </summary>
          ${table(Object.entries(span.attributes))}${span.status_message === "" ? nothing : html`<p>${span.status_message}</p>`}
        </details>`,
    )}
  </section>`;
}

const table = (entries: [string, unknown][]): Html =>
  entries.length === 0
    ? html`<p class="quiet">none</p>`
    : html`<dl class="attributes">
        ${entries.map(
          ([key, value]) =>
            html`<dt>${key}</dt>
              <dd>${typeof value === "string" ? value : JSON.stringify(value)}</dd>`,
        )}
      </dl>`;
