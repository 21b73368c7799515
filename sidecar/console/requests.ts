import type { ConsoleDeps } from "../api/deps.ts";
import type { TraceFilter, TraceSummary } from "../store/traces.ts";
import { html, nothing, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { badge, live, time } from "./parts.ts";
import { titleOf } from "./request.ts";
import { millis } from "./words.ts";

/** Every stored request that the filter lets through, newest first, followed live; polls only where all is asked for. */
export function requestsPage({ store }: ConsoleDeps, filter: TraceFilter, notice = ""): Page {
  const traces = store.traces.search(filter);
  return {
    title: "Requests",
    section: "Requests",
    query: filter.q ?? "",
    body: html`<div class="line top">
        <h1>Requests</h1>
        <button type="button" class="live" data-pause aria-pressed="false">Live</button>
      </div>
      ${notice === "" ? nothing : html`<p class="notice" role="status">${notice}</p>`}
      ${form(store.traces.services(), filter)}
      ${live("requests", traces.length === 0 ? none(filter) : html`${list(traces)}${more(filter, traces.length)}`)}`,
  };
}

function form(services: string[], { service, minDurationMs, error, q, userHash, requests }: TraceFilter): Html {
  return html`<form class="filter" aria-label="Filter">
    <label>Text <input name="q" value="${q ?? ""}" placeholder="handler, error, update id, log text" /></label>
    <label
      >Service
      <select name="service">
        <option value="">all</option>
        ${services.map((name) => html`<option${name === service ? html` selected` : nothing}>${name}</option>`)}
      </select></label
    >
    <label
      >At least
      <input
        name="min_duration"
        value="${minDurationMs === undefined ? "" : `${minDurationMs}ms`}"
        placeholder="500ms"
        size="6"
    /></label>
    <label
      >Outcome
      <select name="error">
        <option value="">all</option>
        <option value="true" ${error === true ? html` selected` : nothing}>failed</option>
        <option value="false" ${error === false ? html` selected` : nothing}>ok</option>
      </select></label
    >
    <label
      >Kind
      <select name="show">
        <option value="">requests</option>
        <option value="all" ${requests === true ? nothing : html` selected`}>all traces</option>
      </select></label
    >
    ${userHash === undefined ? nothing : html`<label>User <input name="user" value="${userHash}" size="16" /></label>`}
    <button>Show</button>
  </form>`;
}

const list = (traces: TraceSummary[]): Html =>
  html`<div class="card table">
    <table>
      <thead>
        <tr>
          <th>Outcome</th>
          <th>Request</th>
          <th>Reference</th>
          <th class="wide">Service</th>
          <th class="number">Took</th>
          <th class="number">When</th>
        </tr>
      </thead>
      <tbody>
        ${traces.map(
          (trace) =>
            html`<tr>
              <td>
                ${trace.error === null ? (trace.failed_count > 0 ? badge("warn", "repaired") : badge("good", "ok")) : badge("bad", "failed")}
              </td>
              <td>
                <a href="/requests/${trace.trace_id}">${titleOf(trace)}</a>
                <span class="quiet"
                  >${trace.error ?? (trace.name.startsWith("process ") ? trace.name.slice(8) : "")}</span
                >
              </td>
              <td><code>${trace.reference}</code></td>
              <td class="wide">${trace.service}</td>
              <td class="number">${millis(trace.duration_ms)}</td>
              <td class="number">${time(trace.started_at)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;

const none = (filter: TraceFilter): Html =>
  html`<p class="empty">
    ${
      [filter.service, filter.minDurationMs, filter.error, filter.q, filter.userHash].some(
        (value) => value !== undefined,
      )
        ? html`No stored request matches. <a href="/requests">Show all</a>`
        : html`No request yet. They appear here as soon as the bot's telemetry arrives.`
    }
  </p>`;

const MOST = 500;

/** Only where the list is full, and once: whoever needs more than that narrows the search. */
function more({ service, minDurationMs, error, q, userHash, requests, limit = 50 }: TraceFilter, shown: number): Html {
  if (shown < limit || limit >= MOST) return nothing;
  const query = new URLSearchParams({ limit: String(MOST) });
  if (service !== undefined) query.set("service", service);
  if (minDurationMs !== undefined) query.set("min_duration", `${minDurationMs}ms`);
  if (error !== undefined) query.set("error", String(error));
  if (q !== undefined) query.set("q", q);
  if (userHash !== undefined) query.set("user", userHash);
  if (requests !== true) query.set("show", "all");
  return html`<p><a href="/requests?${query.toString()}">Show more</a></p>`;
}
