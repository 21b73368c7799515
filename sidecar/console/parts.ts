import { html, nothing, type Html } from "./html.ts";

export type Tone = "good" | "bad" | "warn" | "quiet";
const SHAPES: Record<Tone, string> = { good: "●", bad: "✕", warn: "▲", quiet: "○" };

/** A status: a shape and a word, so that it does not depend on colour. */
export const badge = (tone: Tone, word: string): Html =>
  html`<span class="badge ${tone}"><span aria-hidden="true">${SHAPES[tone]}</span> ${word}</span>`;

type TimeForm = "time" | "exact" | "date";

/**
 * A point in time: UTC as it leaves here, and in the title for ever; the browser rewrites the text to the viewer's
 * zone. `exact` has milliseconds, `date` has the day.
 */
export function time(iso: string, form: TimeForm = "time"): Html {
  const at = new Date(iso);
  const utc = at.toISOString();
  const day = utc.slice(0, 10);
  const text =
    form === "exact" ? utc.slice(11, 23) : form === "time" ? utc.slice(11, 19) : `${day} ${utc.slice(11, 16)}`;
  return html`<time datetime="${utc}" data-form="${form}" title="${day} ${utc.slice(11, 23)} UTC">${text} UTC</time>`;
}

/** `14 min ago`; the browser keeps it true. */
export function ago(iso: string, nowMs: number): Html {
  const utc = new Date(iso).toISOString();
  return html`<time datetime="${utc}" data-form="ago" title="${utc.slice(0, 10)} ${utc.slice(11, 19)} UTC"
    >${agoText(nowMs - Date.parse(iso))}</time
  >`;
}

/** The same words as `console.js` uses. */
export function agoText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A line of a chart, scaled to its own maximum. `undefined` breaks the line: nothing was seen then. */
export function sparkline(values: (number | undefined)[], tone: "accent" | "warn" = "accent"): Html {
  const top = Math.max(...values.map((value) => value ?? 0)) || 1;
  const lines: string[][] = [[]];
  for (const [x, value] of values.entries()) {
    if (value === undefined) lines.push([]);
    else lines.at(-1)?.push(`${x},${(38 - (value / top) * 36).toFixed(1)}`);
  }
  // A lone point is a line of no length, which round caps make visible.
  const drawn = lines.filter((line) => line.length > 0).map((line) => (line.length === 1 ? [...line, ...line] : line));
  return html`<svg
    class="spark ${tone}"
    viewBox="0 0 ${Math.max(1, values.length - 1)} 40"
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    ${drawn.map((line) => html`<polyline points="${line.join(" ")}" />`)}
  </svg>`;
}

/** Counts as bars, for what is mostly zero. */
export function bars(counts: number[]): Html {
  const top = Math.max(...counts, 1);
  return html`<svg
    class="spark bars"
    viewBox="0 0 ${counts.length * 4} 40"
    preserveAspectRatio="none"
    aria-hidden="true"
  >
    ${counts.map((count, at) =>
      count === 0
        ? nothing
        : html`<rect
            x="${at * 4 + 1}"
            width="2"
            y="${(40 - 10 - (count / top) * 28).toFixed(1)}"
            height="${(10 + (count / top) * 28).toFixed(1)}"
          />`,
    )}
  </svg>`;
}

/** A page's part that is fetched anew when something changes; `id` must be on the page once. */
export const live = (id: string, content: Html): Html => html`<div id="${id}" data-live>${content}</div>`;
