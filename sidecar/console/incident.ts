import type { AlertJson } from "../alerts/engine.ts";
import type { ConsoleDeps, Delivery } from "../api/deps.ts";
import { html, join, nothing, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { badge, live, time } from "./parts.ts";
import { kebab, sentence, span } from "./words.ts";

/** What the page's forms need: who is asked, and the proof that the page asked. */
export interface Acting {
  csrf: string;
  nowMs: number;
}

/** The first sentence is the headline, the rest explains it. */
export function spoken({ summary }: AlertJson): { headline: string; rest: string } {
  const at = summary.search(/[.!?] /);
  const first = at === -1 ? summary : summary.slice(0, at);
  return { headline: first.replace(/\.$/, ""), rest: at === -1 ? "" : summary.slice(at + 2) };
}

/** The card of one alert, as large as the answer to "what is wrong" deserves. */
export function alertCard(alert: AlertJson, deliveries: Delivery[], acting: Acting, level: "page" | "list"): Html {
  const { headline, rest } = spoken(alert);
  const firing = alert.state === "firing";
  const link = `/incidents/${alert.id}`;
  const heading = level === "page" ? html`<h1>${headline}</h1>` : html`<h2 class="big">${headline}</h2>`;
  const lasted =
    (alert.resolved_at === null ? acting.nowMs : Date.parse(alert.resolved_at)) - Date.parse(alert.started_at);
  return html`<section class="card ${firing ? "firing" : ""} ${alert.severity}" aria-label="${headline}">
    <div class="line">
      ${firing ? badge(alert.severity === "critical" ? "bad" : "warn", "Firing") : badge("good", "Over")} ${heading}
      <p class="quiet end">since ${time(alert.started_at)}, ${span(lasted / 1000)}</p>
    </div>
    ${why(alert, rest)} ${overlays(alert)}
    <div class="actions">
      ${level === "page" ? nothing : html`<a class="button primary" href="${link}">Open incident</a>`}
      ${firing ? buttons(alert, acting) : nothing}
      <a class="button" href="${localRunbook(alert)}">Runbook</a>
      ${alert.trace_ids[0] === undefined ? nothing : html`<a class="button" href="/requests/${alert.trace_ids[0]}">Failing request</a>`}
      ${isElsewhere(alert.links.dashboard) ? html`<a class="button" href="${alert.links.dashboard}">Dashboard</a>` : nothing}
      <p class="quiet end">${told(alert, deliveries)}</p>
    </div>
  </section>`;
}

/** The cause first, then what it was read from, then the measure that broke. */
function why({ cause, cause_text }: AlertJson, rest: string): Html {
  if (cause === null) return rest === "" ? nothing : html`<p>${rest}</p>`;
  const [said = "", ...readings] = (cause_text ?? cause).split(". ");
  return html`<p><strong>${sentence(said)}.</strong> ${readings.map((reading) => `${reading}. `)}${rest}</p>`;
}

const localRunbook = (alert: AlertJson): string => `/runbooks/${kebab(alert.rule)}`;
const isElsewhere = (url: string | null): url is string => url !== null && !url.includes("/incidents/");

function buttons(alert: AlertJson, { csrf }: Acting): Html {
  const button = (action: string, words: string): Html =>
    html`<form method="post" action="/incidents/${alert.id}/${action}">
      <input type="hidden" name="csrf" value="${csrf}" /><button>${words}</button>
    </form>`;
  if (alert.acked_by !== null || alert.silenced_until !== null) return button("undo", "Take back");
  return html`${button("ack", "Acknowledge")} ${button("silence", "Silence 1 h")}`;
}

function overlays({ acked_by, silenced_until, inhibited_by }: AlertJson): Html {
  const notes = [
    ...(acked_by === null ? [] : [html`acknowledged by ${acked_by}`]),
    ...(silenced_until === null ? [] : [html`silenced until ${time(silenced_until)}`]),
    ...(inhibited_by === null ? [] : [html`explained by <a href="/incidents/${inhibited_by}">#${inhibited_by}</a>`]),
  ];
  return notes.length === 0 ? nothing : html`<p class="quiet">${join(notes, " · ")}</p>`;
}

function told(alert: AlertJson, deliveries: Delivery[]): Html {
  const first = new Map<string, string>();
  for (const { incident, channel, sent_at } of deliveries) {
    if (incident !== alert.id || sent_at === null) continue;
    const known = first.get(channel);
    if (known === undefined || sent_at < known) first.set(channel, sent_at);
  }
  const parts = [...first].map(([channel, at]) => html`${sentence(channel)} ${time(at)}`);
  return parts.length === 0 ? html`Nobody was told yet` : html`Told: ${join(parts, " · ")}`;
}

/** One incident: what, why, what happened when, and every message about it. */
export function incidentPage(deps: ConsoleDeps, id: string, acting: Acting): Page | undefined {
  const alert = deps.alerts.alerts("all").find((one) => one.id === id);
  if (alert === undefined) return undefined;
  const deliveries = deps.deliveries().filter(({ incident }) => incident === id);
  return {
    title: spoken(alert).headline,
    section: "Alerts",
    body: live(
      "incident",
      html`${alertCard(alert, deliveries, acting, "page")}
        <section class="card">
          <h2>What happened</h2>
          ${history(deps, alert, deliveries)}
        </section>
        <section class="card table">
          <h2>Messages</h2>
          ${ledger(deliveries)}
        </section>`,
    ),
  };
}

function history(deps: ConsoleDeps, alert: AlertJson, deliveries: Delivery[]): Html {
  const events = [
    { at: alert.started_at, text: "began" },
    { at: alert.fired_at, text: `fired, ${alert.severity}` },
    ...(alert.resolved_at === null ? [] : [{ at: alert.resolved_at, text: "resolved" }]),
    ...(deps.timeline?.(alert.id) ?? []),
    ...deliveries.flatMap(({ sent_at, channel, kind }) =>
      sent_at === null ? [] : [{ at: sent_at, text: `${channel} was told: ${kind}` }],
    ),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return html`<ol class="timeline">
    ${events.map(({ at, text }) => html`<li>${time(at)}<span>${text}</span></li>`)}
  </ol>`;
}

const DELIVERED: Record<string, Html> = {
  sent: badge("good", "sent"),
  queued: badge("quiet", "queued"),
  sending: badge("quiet", "sending"),
  collapsed: badge("quiet", "merged"),
  ambiguous: badge("warn", "ambiguous"),
  parked: badge("bad", "parked"),
  expired: badge("bad", "expired"),
};

/** The outbox, newest first: every message, its channel, what became of it. */
export function ledger(deliveries: Delivery[]): Html {
  if (deliveries.length === 0) return html`<p class="quiet">No message was sent.</p>`;
  return html`<table>
    <thead>
      <tr>
        <th>State</th>
        <th>Channel</th>
        <th>Message</th>
        <th class="wide">Answer</th>
        <th class="number wide">Attempts</th>
        <th class="number">When</th>
      </tr>
    </thead>
    <tbody>
      ${deliveries.map(
        ({ state, channel, kind, incident, answer, attempts, sent_at, created_at }) =>
          html`<tr>
            <td>${DELIVERED[state] ?? badge("quiet", state)}</td>
            <td>${channel}</td>
            <td>${kind}${incident === null ? nothing : html` <a href="/incidents/${incident}">#${incident}</a>`}</td>
            <td class="wide">${answer === null ? nothing : html`${answer.description || answer.class}`}</td>
            <td class="number wide">${attempts}</td>
            <td class="number">${time(sent_at ?? created_at, "date")}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}
