import type { ConsoleDeps } from "../api/deps.ts";
import type { LogFilter } from "../store/logs.ts";
import { html, nothing, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { live, time } from "./parts.ts";
import { factsOf } from "./waterfall.ts";

const LEVELS: [string, number][] = [
  ["all", 0],
  ["info and above", 9],
  ["warnings and errors", 13],
  ["errors", 17],
];

/** The newest log records that the filter lets through, followed live. */
export function logsPage({ store }: ConsoleDeps, filter: LogFilter): Page {
  const lines = store.logs.search({ ...filter, limit: 200 });
  return {
    title: "Logs",
    section: "Logs",
    body: html`<div class="line top">
        <h1>Logs</h1>
        <button type="button" class="live" data-pause aria-pressed="false">Live</button>
      </div>
      <form class="filter" aria-label="Filter">
        <label>Text <input name="q" value="${filter.q ?? ""}" placeholder="text, attribute or trace id" /></label>
        <label
          >Service
          <select name="service">
            <option value="">all</option>
            ${store.traces.services().map((name) => html`<option${name === filter.service ? html` selected` : nothing}>${name}</option>`)}
          </select></label
        >
        <label
          >Level
          <select name="level">
            ${LEVELS.map(([word, severity]) => html`<option value="${severity}" ${severity === (filter.minSeverity ?? 0) ? html` selected` : nothing}>${word}</option>`)}
          </select></label
        >
        <button>Show</button>
      </form>
      ${live(
        "logs",
        lines.length === 0
          ? html`<p class="empty">No log record matches.</p>`
          : html`<ol class="card logs">
              ${lines.map(lineOf)}
            </ol>`,
      )}`,
  };
}

function lineOf(line: ReturnType<ConsoleDeps["store"]["logs"]["search"]>[number]): Html {
  const bad = /^(ERROR|FATAL)/i.test(line.severity);
  const type = line.attributes["exception.type"];
  const message = line.attributes["exception.message"];
  return html`<li class="row log${bad ? " bad" : ""}">
    ${time(line.time, "exact")} ${line.severity} <span class="quiet">${line.service}</span> ${line.body}${
      typeof type === "string" ? html`: ${type}${typeof message === "string" ? `: ${message}` : ""}` : nothing
    }
    ${factsOf(line).map((fact) => html` · ${fact}`)}
    ${line.trace_id === null ? nothing : html`<a href="/requests/${line.trace_id}">${line.trace_id.slice(0, 8)}</a>`}
  </li>`;
}
