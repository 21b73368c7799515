import type { AlertJson } from "../alerts/engine.ts";
import type { ConsoleDeps } from "../api/deps.ts";
import { html, nothing, type Html } from "./html.ts";
import { alertCard, ledger, spoken, type Acting } from "./incident.ts";
import type { Page } from "./layout.ts";
import { badge, live, time } from "./parts.ts";
import { sentence, span } from "./words.ts";

const MAX_ROWS = 100;

/** What fires, what has fired, every message, and the button that tries the channels. */
export function alertsPage(
  deps: ConsoleDeps,
  acting: Acting,
  tested?: { channel: string; ok: boolean; answer: string }[],
): Page {
  const all = deps.alerts.alerts("all");
  const firing = all.filter(({ state }) => state === "firing");
  const over = all.filter(({ state }) => state === "resolved").sort((a, b) => b.fired_at.localeCompare(a.fired_at));
  const deliveries = deps.deliveries();
  return {
    title: "Alerts",
    section: "Alerts",
    firing: firing.length,
    body: html`<div class="line top">
        <h1>Alerts</h1>
        <form method="post" action="/test-alert">
          <input type="hidden" name="csrf" value="${acting.csrf}" /><button>Send a test alert</button>
        </form>
      </div>
      ${tested === undefined ? nothing : results(tested)}
      ${live(
        "alerts",
        html`${
            firing.length === 0
              ? html`<section class="card calm">
                  ${badge("good", "Quiet")}
                  <p>Nothing fires.</p>
                </section>`
              : nothing
          }
          ${firing.map((alert) => alertCard(alert, deliveries, acting, "list"))}
          <section class="card table">
            <h2>Over</h2>
            ${history(over.slice(0, MAX_ROWS))}
          </section>
          <section class="card table">
            <h2>Channels</h2>
            ${channels(deps)}
          </section>
          <section class="card table">
            <h2>Messages</h2>
            ${ledger(deliveries.slice(0, MAX_ROWS))}
          </section>`,
      )}`,
  };
}

const results = (tested: { channel: string; ok: boolean; answer: string }[]): Html =>
  html`<section class="card" role="status">
    <h2>Test alert</h2>
    ${
      tested.length === 0
        ? html`<p>No channel is configured: alerts go to the log and to this page only.</p>`
        : html`<ul class="plain">
            ${tested.map(({ channel, ok, answer }) => html`<li>${badge(ok ? "good" : "bad", channel)} ${answer}</li>`)}
          </ul>`
    }
  </section>`;

const history = (alerts: AlertJson[]): Html =>
  alerts.length === 0
    ? html`<p class="quiet">No incident yet.</p>`
    : html`<table>
        <thead>
          <tr>
            <th>Incident</th>
            <th class="wide">Cause</th>
            <th class="number">Lasted</th>
            <th class="number">Began</th>
          </tr>
        </thead>
        <tbody>
          ${alerts.map(
            (alert) =>
              html`<tr>
                <td>
                  <a href="/incidents/${alert.id}">${alert.rule}</a>
                  <span class="quiet">${spoken(alert).headline}</span>
                </td>
                <td class="wide">${alert.cause === null ? "" : sentence(alert.cause)}</td>
                <td class="number">
                  ${span((Date.parse(alert.resolved_at ?? alert.fired_at) - Date.parse(alert.started_at)) / 1000)}
                </td>
                <td class="number">${time(alert.started_at, "date")}</td>
              </tr>`,
          )}
        </tbody>
      </table>`;

function channels(deps: ConsoleDeps): Html {
  const rows = deps.channels();
  if (rows.length === 0) return html`<p class="quiet">No channel is configured: set ALERT_CHAT_ID.</p>`;
  return html`<table>
    <tbody>
      ${rows.map(
        ({ channel, state, detail, last_sent_at, pending }) =>
          html`<tr>
            <td>${badge(state === "ok" ? "good" : state === "waiting" ? "warn" : "bad", state)}</td>
            <td>${channel}</td>
            <td>${detail ?? ""}${pending > 0 ? ` ${pending} waiting` : ""}</td>
            <td class="number">
              ${last_sent_at === null ? "nothing sent yet" : html`last ${time(last_sent_at, "date")}`}
            </td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
