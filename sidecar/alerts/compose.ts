import type { Composed, Incident, Message, OutboxRow, Told } from "../state/records.ts";
import type { Now } from "../state/steady.ts";
import type { State } from "../state/state.ts";
import { clockTime, span } from "./amounts.ts";
import { clip, joinLines, plainOf, rich } from "./html.ts";
import { type Around, render, type RenderOptions } from "./render.ts";
import type { Say } from "./told.ts";
import { type ChannelPolicy, isOpenRow, keyOf, type Truth } from "./truth.ts";
import { causeText, headOf, wordsOf } from "./words.ts";

/** What becomes of the rows that a channel could send now. */
export interface Batch {
  composed: Composed | undefined;
  /** Nothing is to be said of these any more. */
  dropped: number[];
}

interface Part {
  incident: Incident;
  kind: Say | "edit";
  earlier: Incident[];
  rows: OutboxRow[];
}

/**
 * Writes the message for rows of one channel from the truth now: a firing that is over by now becomes one missed
 * outage, several incidents of one instance one message, several instances a digest (`alerting.md` §7.3).
 */
export function createComposer(state: State, truth: Truth, options: RenderOptions, channels: ChannelPolicy[]) {
  function compose(channelName: string, rows: OutboxRow[], now: Now): Batch {
    const channel = channels.find(({ name }) => name === channelName);
    if (channel === undefined) return { composed: undefined, dropped: rows.map(({ id }) => id) };
    const parts = partsOf(rows, channel, now);
    const used = new Set(parts.flatMap((part) => part.rows.map(({ id }) => id)));
    const dropped = rows.flatMap(({ id }) => (used.has(id) ? [] : [id]));
    const [first, second] = parts;
    if (first === undefined) return { composed: undefined, dropped };
    const message = second === undefined ? single(first, channel, now) : digest(parts, channel, now);
    const told = parts.flatMap((part) => toldOf(part, channel, parts.length === 1, now));
    return { composed: { message, rows: [...used].sort((a, b) => a - b), told }, dropped };
  }

  /** All that this channel was told is firing and still is, for a receiver that forgets. */
  function firing(channelName: string, now: Now): Message[] {
    const channel = channels.find(({ name }) => name === channelName);
    if (channel === undefined) return [];
    return truth.recent(now).flatMap((incident) => {
      const known = truth.told(incident.id, channelName);
      if (incident.resolvedAtMs !== null || known?.state !== "firing") return [];
      return [single({ incident, kind: "firing", earlier: [], rows: [] }, channel, now)];
    });
  }

  function partsOf(rows: OutboxRow[], channel: ChannelPolicy, now: Now): Part[] {
    const byInstance = Map.groupBy(
      rows.flatMap((row) => {
        const incident = row.incident === null ? undefined : state.get("incident", row.incident);
        return incident === undefined ? [] : [{ row, incident }];
      }),
      ({ incident, row }) => (row.kind === "edit" ? `edit ${row.id}` : keyOf(incident.rule, incident.target)),
    );
    return [...byInstance.values()].flatMap((entries): Part[] => {
      const mine = entries.map(({ row }) => row);
      const [only] = entries;
      if (only?.row.kind === "edit") return [{ incident: only.incident, kind: "edit", earlier: [], rows: mine }];
      // Newest first: what holds now leads, what was missed before is named in it.
      const due = truth
        .siblings(entries[0]?.incident as Incident)
        .sort((a, b) => b.firedAtMs - a.firedAtMs)
        .flatMap((incident) => {
          const kind = truth.say(incident, channel, now);
          const queued = incident.state !== "resolved" || entries.some((entry) => entry.incident.id === incident.id);
          return kind === undefined || !queued ? [] : [{ incident, kind }];
        });
      const lead = due[0];
      if (lead === undefined) return [];
      const earlier = due.slice(1).filter(({ kind }) => kind === "resolved" || kind === "missed");
      return [{ ...lead, earlier: earlier.map(({ incident }) => incident), rows: mine }];
    });
  }

  function single(part: Part, channel: ChannelPolicy, now: Now): Message {
    const { incident } = part;
    const told = truth.told(incident.id, channel.name);
    const ambiguous = mayRepeat(part, channel);
    const { acked, silenced } = truth.overlays(incident, channel.name, now);
    const around: Around = {
      // A firing that may have arrived is resolved in full words, not called missed.
      kind:
        part.kind === "missed" && (ambiguous || truth.mayKnow(incident, channel.name, "firing"))
          ? "resolved"
          : part.kind,
      told,
      children: truth.childrenOf(incident),
      earlier: part.earlier,
      elsewhere: channels.flatMap(({ name }) => {
        const other = name === channel.name || name === "log" ? undefined : truth.told(incident.id, name);
        return other === undefined ? [] : [{ channel: name, wallMs: other.firstSaidWallMs }];
      }),
      mayRepeat: ambiguous && part.kind !== "edit",
      lateMs:
        part.kind === "firing" || part.kind === "missed" ? now.atMs - (incident.free[channel.name] ?? now.atMs) : 0,
      silenced,
      acked,
      stateProblem: state.problem(),
    };
    const message = render(incident, around, options, now);
    return { ...message, replyTo: message.replyTo ?? burstOf(incident, channel.name) };
  }

  /** An earlier attempt may have told this channel the same. */
  function mayRepeat({ incident, rows }: Part, { name }: ChannelPolicy): boolean {
    const over = incident.state === "resolved";
    const isNew = over || truth.told(incident.id, name) === undefined;
    return rows.some((row) => row.ambiguous) || (isNew && truth.mayKnow(incident, name, over ? "resolved" : "firing"));
  }

  /** The slow count of errors answers the message about the burst that made it. */
  function burstOf(incident: Incident, channel: string): number | null {
    if (incident.rule !== "TelegramBotErrorsHigh" || incident.state === "resolved") return null;
    const burst = state.get("instance", keyOf("TelegramBotErrorBurst", incident.target))?.incident;
    return (burst && truth.told(burst, channel)?.messageId) || null;
  }

  function toldOf(part: Part, channel: ChannelPolicy, alone: boolean, now: Now): Composed["told"] {
    const { incident, kind } = part;
    const before = truth.told(incident.id, channel.name);
    const repeats = (before?.repeats ?? 0) + (kind === "repeat" ? 1 : 0);
    const state = incident.state === "resolved" ? "resolved" : "firing";
    const face = truth.face(incident, channel.name, truth.childrenOf(incident), now);
    const told: Composed["told"][number] = {
      incident: incident.id,
      channel: channel.name,
      state,
      seq: incident.seq,
      severity: incident.severity,
      repeats,
      saidAtMs: kind === "edit" ? (before?.saidAtMs ?? now.atMs) : now.atMs,
      firstSaidWallMs: before?.firstSaidWallMs ?? now.wallMs,
      // Only the message that said "firing" is ever edited; a digest belongs to several incidents.
      messageId: kind === "firing" ? (alone ? undefined : null) : (before?.messageId ?? null),
      face: kind === "edit" || kind === "firing" ? face : (before?.face ?? face),
    };
    // An edit changes what the message shows, not what was said.
    if (kind === "edit" && before !== undefined)
      Object.assign(told, { state: before.state, severity: before.severity, seq: before.seq });
    return [told, ...part.earlier.map((past) => overTold(past, channel.name, now))];
  }

  function overTold(past: Incident, channel: string, now: Now): Told {
    return {
      incident: past.id,
      channel,
      state: "resolved",
      seq: past.seq,
      severity: past.severity,
      repeats: 0,
      saidAtMs: now.atMs,
      firstSaidWallMs: truth.told(past.id, channel)?.firstSaidWallMs ?? now.wallMs,
      messageId: truth.told(past.id, channel)?.messageId ?? null,
      face: truth.told(past.id, channel)?.face ?? "",
    };
  }

  function digest(parts: Part[], channel: ChannelPolicy, now: Now): Message {
    const sorted = parts.toSorted((a, b) => a.incident.startedAtMs - b.incident.startedAtMs);
    const lead = sorted.find(({ incident }) => incident.state !== "resolved") ?? sorted[0];
    const firing = sorted.filter(({ incident }) => incident.state !== "resolved").length;
    const title = `${sorted.length} alerts: ${firing} firing, ${sorted.length - firing} over`;
    const rows = parts.flatMap((part) => part.rows);
    const lines = [
      rich`<b>${title}</b>${options.environment === "" ? "" : ` · ${options.environment}`}`,
      ...sorted.slice(0, 10).map(({ incident, kind }) => line(incident, kind, now)),
      ...(sorted.length > 10 ? [rich`… and ${sorted.length - 10} more`] : []),
      ...(parts.some((part) => mayRepeat(part, channel))
        ? [rich`↻ may repeat ${rows.map((row) => `#${row.incident}`).join(" ")}`]
        : []),
      ...(state.problem() === undefined ? [] : [rich`⚠ ${state.problem() ?? ""}`]),
    ];
    const text = joinLines(lines, 3500);
    const critical = sorted.some(({ incident, kind }) => kind === "firing" && incident.severity === "critical");
    const message = single(lead as Part, channel, now);
    return {
      ...message,
      kind: "digest",
      incident: null,
      title,
      html: text,
      plain: plainOf(text),
      silent: !critical || now.atMs - waitingSince(rows, now) > 30_000,
      buttons: [],
      replyTo: null,
      edit: null,
      status: firing > 0 ? "firing" : "resolved",
    };
  }

  function line(incident: Incident, kind: Part["kind"], now: Now) {
    const { icon, what } = headOf(incident, kind === "missed");
    const since = clockTime(incident.startedWallMs, now.wallMs, options.displayTimeZone);
    const length = span((incident.clearedAtMs ?? now.atMs) - incident.startedAtMs);
    const why = kind === "resolved" ? "" : ` · ${clip(whyOf(incident), 150)}`;
    return rich`${icon} ${clip(incident.target, 60)}: ${what}, since ${since} (${length}) <code>#${incident.id}</code>${why}`;
  }

  return { compose, firing };
}

/** In a few words: what fails most, else the cause without its readings (of a disk also what is left), else what was measured. */
function whyOf(incident: Incident): string {
  const [top] = incident.errors;
  if (top !== undefined) return `${top.count} × ${top.fingerprint}`;
  const [cause] = causeText(incident)?.split(". ") ?? [];
  const measured = wordsOf(incident.rule).line(incident.facts).replace(/\.$/, "");
  if (cause === undefined) return measured;
  return incident.rule === "DiskSpaceLow" ? `${measured}: ${cause}` : cause;
}

const waitingSince = (rows: OutboxRow[], now: Now) =>
  Math.min(now.atMs, ...rows.filter(isOpenRow).map((row) => row.createdAtMs));
