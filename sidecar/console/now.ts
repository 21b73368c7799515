import type { ConsoleDeps, ConsoleOptions } from "../api/deps.ts";
import type { BotState } from "../api/status.ts";
import { botCard } from "./bot-card.ts";
import { html, nothing, type Html } from "./html.ts";
import { alertCard, spoken, type Acting } from "./incident.ts";
import type { Page } from "./layout.ts";
import { around, disks } from "./surroundings.ts";
import { ago, badge, live } from "./parts.ts";

const HOUR_MS = 3_600_000;

/** The answer first: what fires and why; then the bots; then what is around them. */
export function nowPage(deps: ConsoleDeps, options: ConsoleOptions, acting: Acting): Page {
  const firing = deps.alerts.alerts("firing");
  const loud = firing.filter(({ inhibited_by }) => inhibited_by === null);
  const bots = deps.status.bots();
  const deliveries = deps.deliveries();
  return {
    title: "Now",
    section: "Now",
    firing: firing.length,
    body: live(
      "now",
      html`<h1 class="hidden">Now</h1>
        ${loud.map((alert) => alertCard(alert, deliveries, acting, "list"))}
        ${loud.length === 0 ? calm(deps, bots, acting) : nothing}
        ${bots.map((bot) => botCard(deps.store, options, bot, acting.nowMs))}
        <div class="two">
          <section class="card">
            <h2>Around it</h2>
            ${around(deps, acting.nowMs)}
          </section>
          <section class="card">
            <h2>Disk</h2>
            ${disks(deps, acting.nowMs)}
            <h2>Last errors</h2>
            ${lastErrors(deps, acting.nowMs)}
          </section>
        </div>`,
    ),
  };
}

function calm(deps: ConsoleDeps, bots: BotState[], { nowMs }: Acting): Html {
  const last = deps.alerts
    .alerts("resolved")
    .sort((a, b) => (b.resolved_at ?? "").localeCompare(a.resolved_at ?? ""))[0];
  if (bots.length === 0) {
    return html`<section class="card calm">
      ${badge("quiet", "Waiting")}
      <p>No bot was seen yet: the first look takes a few seconds.</p>
    </section>`;
  }
  return html`<section class="card calm">
    ${badge("good", "Quiet")}
    <p>
      Nothing fires.
      ${
        last?.resolved_at == null
          ? nothing
          : html`<span class="quiet"
              >Last: <a href="/incidents/${last.id}">${spoken(last).headline}</a>, ${ago(last.resolved_at, nowMs)}</span
            >`
      }
    </p>
  </section>`;
}

function lastErrors({ store }: ConsoleDeps, nowMs: number): Html {
  // All of them: they come most frequent first, and the newest may have happened once.
  const groups = store.errors
    .groups({ windowMs: 24 * HOUR_MS, limit: 10_000 })
    .sort((a, b) => b.last_seen.localeCompare(a.last_seen))
    .slice(0, 5);
  if (groups.length === 0) return html`<p class="quiet">None in 24 h.</p>`;
  return html`<table class="top-errors">
    <tbody>
      ${groups.map(
        ({ title, place, count, last_seen, trace_id }) =>
          html`<tr>
            <td>
              ${trace_id === null ? title : html`<a href="/requests/${trace_id}">${title}</a>`}${place === "" ? nothing : html` in <code>${place}</code>`}
            </td>
            <td class="number">${count}×</td>
            <td class="number quiet">${ago(last_seen, nowMs)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
