import type { Incident, Instance } from "../state/records.ts";

type Scope = "any" | "same target" | "bot";
interface Inhibition {
  by: string;
  scope: Scope;
  rules: string[];
  /** Only with this cause of the inhibitor. */
  cause?: string;
}

const ERRORS = ["TelegramBotErrorsHigh", "TelegramBotErrorBurst"];
const ON_A_BOT = [
  "TelegramBotDisconnected",
  ...ERRORS,
  "UpdatesBacklog",
  "SlowResponses",
  "EventLoopBlocked",
  "MemoryHigh",
  "BotRestarting",
  "TelegramTokenInvalid",
  "TelegramPollingConflict",
  "TelegramWebhookMisconfigured",
  "TelemetryAbsent",
  "BackupStale",
];

/** In this order: the first that applies explains an incident. */
const TABLE: Inhibition[] = [
  {
    by: "HostOffline",
    scope: "any",
    rules: [
      "TelegramBotDisconnected",
      "TelegramTokenInvalid",
      "TelegramPollingConflict",
      "TelegramWebhookMisconfigured",
      "UpdatesBacklog",
      "DependencyUnhealthy",
      "TelemetryAbsent",
      ...ERRORS,
    ],
  },
  { by: "TelegramBotDown", scope: "bot", rules: [...ON_A_BOT, "DependencyUnhealthy"] },
  {
    by: "TelegramTokenInvalid",
    scope: "same target",
    rules: ["TelegramBotDisconnected", "TelegramPollingConflict", "TelegramWebhookMisconfigured", ...ERRORS],
  },
  {
    by: "TelegramWebhookMisconfigured",
    scope: "same target",
    cause: "webhook_set",
    rules: ["TelegramPollingConflict", "TelegramBotDisconnected"],
  },
  { by: "TelegramPollingConflict", scope: "same target", rules: ["TelegramBotDisconnected"] },
  {
    by: "TelegramBotDisconnected",
    scope: "same target",
    rules: [...ERRORS, "SlowResponses", "UpdatesBacklog"],
  },
  { by: "DependencyUnhealthy", scope: "any", rules: [...ERRORS, "SlowResponses"] },
  { by: "DiskSpaceLow", scope: "same target", rules: ["DiskFillingUp"] },
];

/** An open incident, or a rule that may be about to fire, as an inhibitor. */
export interface Inhibitor {
  rule: string;
  target: string;
  cause: string | null;
  /** null: only suspected. */
  incident: string | null;
}

export interface Verdict {
  inhibitedBy: string | null;
  held: boolean;
}

/** Which open incident explains this one, or whether one may be about to. */
export function inhibition(incident: Incident, inhibitors: Inhibitor[]): Verdict {
  let held = false;
  for (const row of TABLE) {
    if (!row.rules.includes(incident.rule)) continue;
    for (const inhibitor of inhibitors) {
      if (inhibitor.rule !== row.by || !applies(row, inhibitor, incident)) continue;
      if (inhibitor.incident !== null) return { inhibitedBy: inhibitor.incident, held: false };
      held = true;
    }
  }
  return { inhibitedBy: null, held };
}

function applies(row: Inhibition, inhibitor: Inhibitor, incident: Incident): boolean {
  // What is only suspected has no cause yet.
  const isKnown = inhibitor.incident !== null;
  if (row.cause !== undefined && isKnown && inhibitor.cause !== row.cause) return false;
  if (row.by === "DependencyUnhealthy") return namesDependency(incident, inhibitor);
  if (incident.rule === "DependencyUnhealthy") {
    // What runs inside the process, on this host or beside it is not reached through the uplink.
    if (row.scope === "any") return !incident.target.endsWith("/sqlite") && incident.facts["nearby"] !== true;
    return incident.target.startsWith(`${inhibitor.target}/`);
  }
  return row.scope === "any" || incident.target === inhibitor.target;
}

/** Errors are explained by a dependency only if their top groups name it; slow handling is by any of the bot's. */
function namesDependency(incident: Incident, inhibitor: Inhibitor): boolean {
  const slash = inhibitor.target.lastIndexOf("/");
  if (slash > 0 && inhibitor.target.slice(0, slash) !== incident.target) return false;
  if (incident.rule === "SlowResponses") return true;
  const name = inhibitor.target.slice(slash + 1).toLowerCase();
  return incident.errors.some(({ fingerprint }) => fingerprint.toLowerCase().includes(name));
}

/** Rules that appear as inhibitors: only these are worth suspecting. */
export const INHIBITORS: ReadonlySet<string> = new Set(TABLE.map(({ by }) => by));

export const asInhibitor = (instance: Instance, incident: Incident | undefined): Inhibitor => ({
  rule: instance.rule,
  target: instance.target,
  cause: incident?.cause ?? null,
  incident: incident?.id ?? null,
});
