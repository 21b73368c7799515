import type { Button, Incident, Kind, Message, Told } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import { clockTime, span } from "./amounts.ts";
import { clip, type Html, joinLines, plainOf, rich } from "./html.ts";
import { type LinkBases, type Links, linksOf, mayBeButton } from "./links.ts";
import { repeatGapMs } from "./told.ts";
import { causeText, headOf, wordsOf } from "./words.ts";

export interface RenderOptions {
  links: LinkBases;
  /** `prod`, shown after the title; empty: nothing. */
  environment: string;
  host: string;
  displayTimeZone: string | undefined;
  /** Somebody may press Ack and Silence, and the presses reach us. */
  actions: boolean;
}

/** What is around the incident that the message should name. */
export interface Around {
  kind: Exclude<Kind, "digest" | "test">;
  told: Told | undefined;
  /** Open incidents that this one explains. */
  children: Incident[];
  /** Earlier incidents of the same instance that this message also tells of. */
  earlier: Incident[];
  /** Other channels that were told, with the time. */
  elsewhere: { channel: string; wallMs: number }[];
  mayRepeat: boolean;
  lateMs: number;
  silenced: boolean;
  acked: boolean;
  /** Why the state is not on disk. */
  stateProblem: string | undefined;
}

const MAX_UNITS = 3500; // Telegram's limit is 4096 after entities
const LATE_MS = 120_000;
const DOWN = new Set(["TelegramBotDisconnected", "TelegramBotDown", "DependencyUnhealthy", "HostOffline"]);

/** The message about one incident in every form that a channel may want. */
export function render(incident: Incident, around: Around, options: RenderOptions, now: Now): Message {
  const over = incident.state === "resolved";
  const links = linksOf(incident, options.links);
  const words = wordsOf(incident.rule);
  const { icon, what: state } = headOf(incident, around.kind === "missed");
  const what = clip(over ? state : firingTitle(incident, around, words, now), 200);
  const title = `${clip(incident.target, 100)}: ${what}`;
  const time = (wallMs: number) => clockTime(wallMs, now.wallMs, options.displayTimeZone);
  const lines: Html[] = [
    rich`${icon} <b>${title}</b>${options.environment === "" ? "" : ` · ${options.environment}`}`,
    ...(over ? overLines(incident, around, words, time) : firingLines(incident, around, words, time)),
    ...around.earlier.map((past) => rich`Before that: ${stretch(past, time)}.`),
    ...around.children
      .slice(0, 5)
      .map((child) => rich`Explains <code>#${child.id}</code> ${child.target}: ${wordsOf(child.rule).firing}`),
    ...(around.lateMs > LATE_MS ? [rich`Delivered ${span(around.lateMs)} late${lateReason(around, time)}.`] : []),
    ...(around.mayRepeat ? [rich`↻ may repeat <code>#${incident.id}</code>`] : []),
    ...(around.stateProblem === undefined ? [] : [rich`⚠ ${clip(around.stateProblem, 200)}`]),
  ];
  const keyboard = over ? [] : buttons(incident, links, around, options);
  const nth = 1 + (around.told?.repeats ?? 0) + (around.kind === "repeat" ? 1 : 0);
  const footer = [
    ...textLinks(links, over ? [] : keyboard.flat()),
    rich`<code>#${incident.id} · ${over ? "closed" : `msg ${nth}`} · ${clip(options.host, 60)}</code>`,
  ];
  const tail = footer.map((line) => line.html).join("\n");
  const text = `${joinLines(lines, MAX_UNITS - tail.length - 1)}\n${tail}`;
  return {
    kind: around.kind,
    incident: incident.id,
    rule: incident.rule,
    target: incident.target,
    severity: incident.severity,
    status: over ? "resolved" : "firing",
    title,
    html: text,
    plain: plainOf(text),
    silent: isSilent(incident, around),
    buttons: keyboard,
    replyTo: around.kind === "edit" ? null : (around.told?.messageId ?? null),
    edit: around.kind === "edit" ? (around.told?.messageId ?? null) : null,
    startsWallMs: incident.startedWallMs,
    endsWallMs: over ? (incident.clearedWallMs ?? incident.resolvedWallMs) : null,
    cause: incident.cause,
    links,
    traceIds: incident.traceIds,
  };
}

type Time = (wallMs: number) => string;
type Words = ReturnType<typeof wordsOf>;

function firingTitle(incident: Incident, { kind }: Around, words: Words, now: Now): string {
  if (incident.flapping) return `${words.firing} (flapping: comes and goes)`;
  return kind === "repeat" ? `${words.still}, ${span(now.atMs - incident.startedAtMs)}` : words.firing;
}

function firingLines(incident: Incident, around: Around, words: Words, time: Time): Html[] {
  const cause = causeText(incident);
  const last = incident.facts["lastErrorWallMs"];
  const error = incident.facts["lastError"];
  return [
    rich`${clip(words.line(incident.facts), 400)}`,
    rich`Since ${time(incident.startedWallMs)}${around.kind === "repeat" ? `; ${next(around)}` : ""}`,
    ...(cause === undefined ? [] : [rich`<b>Cause:</b> ${clip(cause, 400)}.`]),
    ...(typeof error === "string" && error !== "" ? [rich`<b>Last error:</b> <code>${clip(error, 300)}</code>`] : []),
    ...(typeof last === "number" ? [rich`Last one at ${time(last)}.`] : []),
    ...incident.errors
      .slice(0, 3)
      .map(
        ({ fingerprint, count, isNew }) =>
          rich`${count} × <code>${clip(fingerprint, 150)}</code>${isNew ? " (new)" : ""}`,
      ),
    ...(around.acked ? [rich`✓ Acknowledged by ${clip(incident.ackedBy ?? "", 60)}`] : []),
    ...(around.silenced ? [rich`🔕 Silenced`] : []),
    ...(incident.severity === "critical" && around.kind === "worse" ? [rich`More severe than before: critical.`] : []),
  ];
}

const next = (around: Around): string =>
  `next reminder in ${span(repeatGapMs((around.told?.repeats ?? 0) + 1))}. Not acknowledged.`;

function overLines(incident: Incident, around: Around, words: Words, time: Time): Html[] {
  if (incident.unwatched) {
    const since = time(incident.startedWallMs);
    return [rich`Began ${since}. The configuration no longer names it or turned its rule off; it may still be so.`];
  }
  // Who reads only this message must learn what it was: nothing was said before, or it may not have arrived, or this
  // stands in the place of what was.
  const whole = around.kind !== "resolved" || around.told === undefined;
  const cause = whole ? causeText(incident) : undefined;
  const repeats = around.told?.repeats ?? 0;
  const details = [
    ...(incident.dips > 0 ? [`${incident.dips} dip${incident.dips === 1 ? "" : "s"} inside the incident`] : []),
    ...(repeats > 0 ? [`${repeats} reminder${repeats === 1 ? "" : "s"} sent`] : []),
  ];
  return [
    rich`${DOWN.has(incident.rule) ? "Down" : "Lasted"} ${stretch(incident, time)}.`,
    ...(cause === undefined ? [] : [rich`<b>Cause:</b> ${clip(cause, 400)}.`]),
    ...(whole ? [rich`${clip(words.line(incident.facts), 400)}`] : []),
    ...(details.length === 0 ? [] : [rich`${details.join(", ")}.`]),
  ];
}

/** `14:02:11 → 15:21:40 UTC (1 h 19 min)`: times of the wall, length of the steady clock. */
function stretch(incident: Incident, time: Time): string {
  const endWallMs = incident.clearedWallMs ?? incident.resolvedWallMs ?? incident.firedWallMs;
  const endAtMs = incident.clearedAtMs ?? incident.resolvedAtMs ?? incident.firedAtMs;
  return `${time(incident.startedWallMs)} → ${time(endWallMs)} (${span(endAtMs - incident.startedAtMs)})`;
}

function lateReason(around: Around, time: Time): string {
  const told = around.elsewhere.map(({ channel, wallMs }) => `${channel} at ${time(wallMs)}`);
  return ` because this channel was down${told.length === 0 ? "" : `; sent to ${told.join(", ")}`}`;
}

/** Loud: a critical firing, a severity that rose, the first repeat. */
function isSilent(incident: Incident, { kind, told }: Around): boolean {
  if (incident.state === "resolved" || kind === "edit") return true;
  if (kind === "worse") return false;
  if (kind === "repeat") return (told?.repeats ?? 0) > 0 || incident.severity === "warning";
  return incident.severity !== "critical";
}

function buttons(incident: Incident, links: Links, around: Around, options: RenderOptions): Button[][] {
  const data = (action: string) => `${action}|${incident.id}|${incident.nonce}`;
  const quiet = around.acked || around.silenced;
  const actions: Button[] = quiet
    ? [{ text: "↩ Undo", data: data("u") }]
    : [
        { text: "✓ Ack", data: data("a") },
        { text: "🔕 1h", data: data("s1") },
        { text: "🔕 8h", data: data("s8") },
      ];
  const ways = waysOf(links).flatMap(([text, url]) => (mayBeButton(url) ? [{ text, url }] : []));
  return [...(options.actions ? [actions] : []), ...(ways.length > 0 ? [ways] : [])];
}

const waysOf = (links: Links): [string, string][] =>
  (
    [
      ["Dashboard", links.dashboard],
      [`Trace ${links.trace?.slice(-32, -24) ?? ""}`, links.trace],
      ["Runbook", links.runbook],
    ] as [string, string | null][]
  ).flatMap(([text, url]) => (url === null ? [] : [[text, url] as [string, string]]));

/** What is no button stands as text: an address that Telegram would not take as a link. */
function textLinks(links: Links, shown: Button[]): Html[] {
  return waysOf(links)
    .filter(([, url]) => !shown.some((button) => button.url === url))
    .map(([text, url]) => (mayBeButton(url) ? rich`<a href="${url}">${text}</a>` : rich`${text}: ${clip(url, 300)}`));
}
