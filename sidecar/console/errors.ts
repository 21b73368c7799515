import type { ConsoleDeps } from "../api/deps.ts";
import type { ErrorGroup } from "../store/errors.ts";
import { html, nothing, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { ago, badge, bars, live } from "./parts.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Errors that are the same trouble, as one line each, most frequent first. */
export function errorsPage({ store }: ConsoleDeps, service: string | undefined, nowMs: number): Page {
  const groups = store.errors.groups({ service, windowMs: DAY_MS });
  return {
    title: "Errors",
    section: "Errors",
    body: html`<div class="line top">
        <h1>Errors</h1>
        <p class="quiet">last 24 h, per hour</p>
      </div>
      ${live(
        "errors",
        groups.length === 0
          ? html`<p class="empty">No error in the last 24 hours.</p>`
          : html`<div class="card table">
              <table>
                <thead>
                  <tr>
                    <th>Error</th>
                    <th class="wide">Service</th>
                    <th class="wide chart-column">24 h</th>
                    <th class="number">Count</th>
                    <th class="number">Last</th>
                  </tr>
                </thead>
                <tbody>
                  ${groups.map((group) => row(store, group, nowMs))}
                </tbody>
              </table>
            </div>`,
      )}`,
  };
}

function row(store: ConsoleDeps["store"], group: ErrorGroup, nowMs: number): Html {
  const { service, fingerprint, title, place, count, first_seen, last_seen, trace_id } = group;
  const range = { sinceMs: nowMs - DAY_MS, untilMs: nowMs, stepMs: HOUR_MS };
  const isNew = Date.parse(first_seen) > nowMs - HOUR_MS;
  return html`<tr>
    <td>
      ${trace_id === null ? title : html`<a href="/requests/${trace_id}">${title}</a>`}
      ${place === "" ? nothing : html`<span class="quiet">in <code>${place}</code></span>`}
      ${isNew ? badge("warn", "new") : nothing}
    </td>
    <td class="wide">${service}</td>
    <td class="wide chart-column">${bars(store.errors.timeline(service, fingerprint, range))}</td>
    <td class="number">${count}</td>
    <td class="number">${ago(last_seen, nowMs)}</td>
  </tr>`;
}
