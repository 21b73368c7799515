import type { ConsoleDeps } from "../api/deps.ts";
import type { MountState, ProbeState } from "../api/status.ts";
import { html, nothing, type Html } from "./html.ts";
import { ago, badge, type Tone } from "./parts.ts";
import { bytes, bytesOf, millis, plural, span } from "./words.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const TONES: Record<ProbeState["state"], [Tone, string]> = {
  ok: ["good", "ok"],
  slow: ["warn", "slow"],
  failed: ["bad", "failed"],
  unknown: ["quiet", "no data"],
};

interface Line {
  tone: [Tone, string];
  what: string;
  value: Html;
}

/** Telegram, the internet, dependencies, heartbeats, backup and telemetry, one line each. */
export function around(deps: ConsoleDeps, nowMs: number): Html {
  const probes = deps.status.probes();
  const lines = [
    ...probes.filter(({ kind }) => kind === "telegram" || kind === "dependency").map(probeLine),
    ...controls(probes.filter(({ kind }) => kind === "control")),
    ...deps.heartbeats().map(({ heartbeat, ok, last_sent_at, error }): Line => ({
      tone: ok ? TONES.ok : TONES.failed,
      what: heartbeat === "main" ? "Heartbeat" : "Delivery heartbeat",
      value: error === null ? (last_sent_at === null ? html`not sent yet` : ago(last_sent_at, nowMs)) : html`${error}`,
    })),
    ...backups(deps, nowMs),
    ...telemetry(deps, nowMs),
  ];
  return html`<table>
    <tbody>
      ${lines.map(
        ({ tone: [tone, word], what, value }) =>
          html`<tr>
            <td>${badge(tone, word)}</td>
            <td>${what}</td>
            <td class="${tone === "bad" ? "value" : "number"}">${value}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function probeLine({ kind, target, state, duration_ms, detail }: ProbeState): Line {
  const what = kind === "telegram" ? `Telegram, ${detail.startsWith("getMe") ? "getMe" : "first byte"}` : target;
  return {
    tone: TONES[state],
    what,
    value: html`${state === "failed" || duration_ms === null ? detail : millis(duration_ms)}`,
  };
}

function controls(probes: ProbeState[]): Line[] {
  if (probes.length === 0) return [];
  const good = probes.filter(({ state }) => state === "ok").length;
  return [
    {
      tone: good === probes.length ? TONES.ok : good > 0 ? ["warn", "partly"] : TONES.failed,
      what: `Internet, ${good} of ${probes.length}`,
      value: html``,
    },
  ];
}

const backups = ({ status }: ConsoleDeps, nowMs: number): Line[] =>
  status.bots().flatMap(({ name, health }, _, bots): Line[] => {
    const backup = health?.backup;
    if (backup == null) return [];
    const what = `Backup${bots.length === 1 ? "" : ` of ${name}`}, verified`;
    if (backup.last_error !== null) return [{ tone: TONES.failed, what, value: html`${backup.last_error}` }];
    if (backup.last_verified_at === null) return [{ tone: TONES.unknown, what, value: html`not yet` }];
    return [{ tone: TONES.ok, what, value: ago(backup.last_verified_at, nowMs) }];
  });

function telemetry({ status, store }: ConsoleDeps, nowMs: number): Line[] {
  const { ok, error, persistent, sizeBytes } = store.health();
  const lost = status.bots().flatMap(({ name, health }): Line[] => {
    const dropped = (health?.telemetry.dropped.spans ?? 0) + (health?.telemetry.dropped.logs ?? 0);
    const failure = health?.telemetry.last_export_error;
    // Without an error nothing was tried: telemetry or exporters that the user turned off lose nothing.
    if (health === null || ((health.telemetry.exporting || failure == null) && dropped === 0)) return [];
    return [
      {
        tone: ["warn", "gaps"],
        what: `Telemetry of ${name}`,
        value: html`${plural(dropped, "record")}
        lost${failure == null ? nothing : html`, ${failure.reason} ${ago(failure.at, nowMs)}`}`,
      },
    ];
  });
  return [
    ...lost,
    {
      tone: ok ? (persistent ? TONES.ok : ["warn", "memory"]) : TONES.failed,
      what: persistent ? "Telemetry store" : "Telemetry store, in memory only",
      value: html`${ok ? bytes(sizeBytes) : (error ?? "")}`,
    },
  ];
}

/** Every watched mount with how full it is and when it will be full at the pace of the last three days. */
export function disks(deps: ConsoleDeps, nowMs: number): Html {
  const mounts = deps.status.mounts();
  if (mounts.length === 0) return html`<p class="quiet">Not looked at yet.</p>`;
  return html`${mounts.map((mount) => disk(deps, mount, nowMs))}`;
}

function disk(deps: ConsoleDeps, { path, available_bytes, size_bytes, read_only }: MountState, nowMs: number): Html {
  if (available_bytes === null || size_bytes === null) return html`<p>${badge("bad", "unreadable")} ${path}</p>`;
  const used = size_bytes - available_bytes;
  const ratio = size_bytes === 0 ? 0 : used / size_bytes;
  return html`<div>
    <p class="line keep"><span>${path}</span> <span class="quiet end">${bytesOf(used, size_bytes)}</span></p>
    <svg class="meter ${ratio > 0.9 ? "low" : ""}" role="img" aria-label="${Math.round(100 * ratio)} % used">
      <rect class="whole" width="100%" height="6" rx="3" />
      <rect class="part" width="${(100 * ratio).toFixed(1)}%" height="6" rx="3" />
    </svg>
    <p class="quiet">${read_only ? "Read-only. " : ""}${growth(deps, path, available_bytes, nowMs)}</p>
  </div>`;
}

/** Least squares over hourly means; says nothing before three hours. */
function growth({ store }: ConsoleDeps, path: string, availableBytes: number, nowMs: number): string {
  const untilMs = nowMs - (nowMs % HOUR_MS) + HOUR_MS;
  const seen = store.points
    .read(path, "disk_used_bytes", { sinceMs: untilMs - 3 * DAY_MS, untilMs, stepMs: HOUR_MS })
    .flatMap(({ atMs, n, sum }) => (n === 0 ? [] : [{ x: (atMs - untilMs) / DAY_MS, y: sum / n }]));
  if (seen.length < 4) return "";
  const mean = (values: number[]): number => values.reduce((total, value) => total + value, 0) / values.length;
  const middle = { x: mean(seen.map(({ x }) => x)), y: mean(seen.map(({ y }) => y)) };
  const perDay =
    seen.reduce((total, { x, y }) => total + (x - middle.x) * (y - middle.y), 0) /
    seen.reduce((total, { x }) => total + (x - middle.x) ** 2, 0);
  if (perDay < 1_000_000) return "Does not grow.";
  return `Grows ${bytes(perDay)} a day: full in ${span(Math.round(availableBytes / perDay) * 86_400 || 86_400)}.`;
}
