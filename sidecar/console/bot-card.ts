import type { ConsoleOptions } from "../api/deps.ts";
import type { BotState } from "../api/status.ts";
import type { Step } from "../store/points.ts";
import type { Store } from "../store/store.ts";
import { html, nothing, type Html } from "./html.ts";
import { badge, bars, sparkline, type Tone } from "./parts.ts";
import { millis, percent, span } from "./words.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const UPTIME_STEPS = 96;

const STATES: Record<BotState["state"], [Tone, string]> = {
  connected: ["good", "Connected"],
  degraded: ["warn", "Degraded"],
  disconnected: ["bad", "Disconnected"],
  down: ["bad", "Down"],
  unknown: ["quiet", "No data"],
};

/** One bot: connected or not, the last day at a glance, four figures with their last hour. */
export function botCard(store: Store, { errors }: ConsoleOptions, bot: BotState, nowMs: number): Html {
  const [tone, word] = STATES[bot.state];
  const { health } = bot;
  const facts = [
    ...(health === null ? [] : [health.telegram.mode, health.version, `up ${span(health.uptime_seconds)}`]),
    ...(bot.failure === null ? [] : [`health page: ${bot.failure.message || bot.failure.code}`]),
    ...(bot.state === "unknown" ? ["watched by its token alone"] : []),
  ];
  const uptime = store.points.mean(bot.name, "up", nowMs - 30 * DAY_MS);
  return html`<section class="card" aria-label="${bot.name}">
    <div class="line">
      ${badge(tone, word)}
      <h2 class="big">${bot.name}</h2>
      <p class="quiet">${facts.join(" · ")}</p>
      <p class="quiet end">${uptime === undefined ? nothing : `${percent(uptime)} in 30 d`}</p>
    </div>
    ${uptimeBars(store, bot.name, nowMs)}
    <dl class="figures">${figures(store, bot, errors, nowMs)}</dl>
  </section>`;
}

/** A day in quarters of an hour. A broken stretch is hatched, so that it does not depend on colour. */
function uptimeBars(store: Store, target: string, nowMs: number): Html {
  const stepMs = DAY_MS / UPTIME_STEPS;
  const untilMs = nowMs - (nowMs % stepMs) + stepMs;
  const steps = store.points.read(target, "up", { sinceMs: untilMs - DAY_MS, untilMs, stepMs });
  const broken = steps.filter(({ n, sum }) => n > 0 && sum < n).length;
  const seen = steps.filter(({ n }) => n > 0).length;
  const label =
    seen === 0
      ? "Nothing seen in the last 24 h"
      : `Connected in ${seen - broken} of ${seen} quarters of an hour seen in the last 24 h`;
  return html`<div>
    <svg
      class="uptime"
      viewBox="0 0 ${UPTIME_STEPS * 10} 28"
      preserveAspectRatio="none"
      role="img"
      aria-label="${label}"
    >
      ${steps.map(({ n, sum }, at) => bar(at * 10, n === 0 ? "none" : sum < n ? "down" : "up"))}
    </svg>
    <p class="ends"><span>24 h ago</span><span>now</span></p>
  </div>`;
}

const bar = (x: number, state: "up" | "down" | "none"): Html =>
  html`<rect class="${state}" x="${x}" width="8.4" height="28" rx="1" />${
      state === "down"
        ? html`<path class="stripes" d="M${x} 8 l8.4 -7 M${x} 15 l8.4 -7 M${x} 22 l8.4 -7 M${x} 29 l8.4 -7" />`
        : nothing
    }`;

function figures(store: Store, bot: BotState, errors: ConsoleOptions["errors"], nowMs: number): Html {
  const untilMs = nowMs - (nowMs % MINUTE_MS) + MINUTE_MS;
  const hour = (series: string, stepMs = 2 * MINUTE_MS): Step[] =>
    store.points.read(bot.name, series, { sinceMs: untilMs - HOUR_MS, untilMs, stepMs });
  const updates = hour("updates");
  const window = store.points.read(bot.name, "errors", {
    sinceMs: untilMs - errors.windowMs,
    untilMs,
    stepMs: MINUTE_MS,
  });
  const inWindow = window.reduce((total, { sum }) => total + sum, 0);
  // The open minute is not over yet: the rate is that of the last full five.
  const recent = hour("updates", MINUTE_MS).slice(-6, -1);
  const seen = recent.filter(({ n }) => n > 0);
  const perMinute = seen.reduce((total, { sum }) => total + sum, 0) / Math.max(1, seen.length);
  const known = seen.length > 0 || bot.health !== null;
  return html`
    ${figure("Updates", known ? html`${perMinute.toFixed(1)} /min` : noData, sparkline(updates.map(({ n, sum }) => (n === 0 ? undefined : sum))))}
    ${figure("Answered in, p95", bot.p95_seconds === null ? noData : html`${millis(bot.p95_seconds * 1000)}`, sparkline(hour("p95_seconds").map(({ n, max }) => (n === 0 ? undefined : max))))}
    ${figure(`Errors, ${span(errors.windowMs / 1000)}`, html`${Math.round(inWindow)} <small>of ${errors.max}</small>`, bars(hour("errors").map(({ sum }) => sum)))}
    ${figure(
      "Waiting at Telegram",
      bot.pending_updates === null ? noData : html`${bot.pending_updates}`,
      sparkline(
        hour("pending").map(({ n, max }) => (n === 0 ? undefined : max)),
        "warn",
      ),
    )}
  `;
}

const noData = html`<small>no data</small>`;

const figure = (name: string, value: Html, chart: Html): Html =>
  html`<div class="figure">
    <dt>${name}</dt>
    <dd>${value}</dd>
    <dd class="chart">${chart}</dd>
  </div>`;
