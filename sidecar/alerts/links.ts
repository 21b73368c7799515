import type { Incident } from "../state/records.ts";
import { clip } from "./html.ts";
import { kebab } from "./rules.ts";

export interface LinkBases {
  grafanaUrl: string | undefined;
  consoleUrl: string | undefined;
  /** Default: `<console>/runbooks`. */
  runbookUrl: string | undefined;
}
export interface Links {
  dashboard: string | null;
  trace: string | null;
  runbook: string | null;
}

const SIDECAR_RULES = new Set(["HostOffline", "DependencyUnhealthy", "BackupStale"]);
const BEFORE_MS = 60 * 60_000; // the window of the error rules
const AFTER_MS = 10 * 60_000;
const RUNTIME_RULES = new Set(["EventLoopBlocked", "MemoryHigh", "BotRestarting"]);

/** Where to go from an incident: Grafana where there is one, else the console. */
export function linksOf(
  incident: Pick<Incident, "id" | "rule" | "target" | "traceIds" | "startedWallMs" | "resolvedWallMs">,
  bases: LinkBases,
): Links {
  const { grafanaUrl, consoleUrl } = bases;
  const runbooks = bases.runbookUrl ?? (consoleUrl && `${consoleUrl}/runbooks`);
  const traceId = incident.traceIds[0];
  const dashboard = grafanaUrl
    ? `${grafanaUrl}/d/${dashboardOf(incident.rule)}?var-service=${encodeURIComponent(clip(incident.target, 100).toWellFormed())}&${around(incident)}`
    : consoleUrl && `${consoleUrl}/incidents/${incident.id}`;
  const trace = grafanaUrl
    ? `${grafanaUrl}/d/gramwatch-trace?${around(incident)}&var-traceId=`
    : consoleUrl && `${consoleUrl}/traces/`;
  return {
    dashboard: dashboard ?? null,
    trace: traceId !== undefined && trace ? `${trace}${traceId}` : null,
    runbook: runbooks ? `${runbooks}/${kebab(incident.rule)}` : null,
  };
}

/** The time of the incident, also for who opens the message the next morning. */
function around({ startedWallMs, resolvedWallMs }: Pick<Incident, "startedWallMs" | "resolvedWallMs">): string {
  return `from=${startedWallMs - BEFORE_MS}&to=${resolvedWallMs === null ? "now" : resolvedWallMs + AFTER_MS}`;
}

function dashboardOf(rule: string): string {
  if (SIDECAR_RULES.has(rule) || rule.startsWith("Disk")) return "gramwatch-sidecar";
  if (rule === "TelemetryAbsent") return "gramwatch-pipeline";
  return RUNTIME_RULES.has(rule) ? "gramwatch-runtime" : "gramwatch-overview";
}

/** Telegram refuses a whole message for a button whose host is loopback or has no dot (`LinkManager::check_link_impl`). */
export function mayBeButton(url: string): boolean {
  const host = URL.parse(url)?.hostname ?? "";
  return host.includes(".") && !host.startsWith("127.") && !host.startsWith("[") && host !== "0.0.0.0";
}
