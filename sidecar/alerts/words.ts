import type { Facts, Incident } from "../state/records.ts";
import { bytes, percent, span } from "./amounts.ts";
import type { RuleName } from "./thresholds.ts";

interface Words {
  /** After the target: `shopbot: disconnected from Telegram`. */
  firing: string;
  still: string;
  resolved: string;
  missed: string;
  /** What was measured, against which limit. */
  line(facts: Facts): string;
}

const number = (value: Facts[string] | undefined): number => (typeof value === "number" ? value : 0);
const text = (value: Facts[string] | undefined): string => (value === null || value === undefined ? "" : String(value));
const listed = (value: Facts[string] | undefined): string => [value ?? []].flat().join(", ");
const also = (words: string): string => (words === "" ? "" : ` (${words})`);

/** The reasons are those of the process that runs now; the groups of the telemetry say more where it arrives. */
const errorLine = (facts: Facts): string => {
  const reasons = listed(facts["reasons"]);
  const count = `${text(facts["count"])} errors in ${span(number(facts["windowMs"]))} (limit ${text(facts["max"])}).`;
  return reasons === "" ? count : `${count} By reason, since its start: ${reasons}.`;
};

const WORDS: Record<RuleName, Words> = {
  TelegramBotDisconnected: {
    firing: "disconnected from Telegram",
    still: "still disconnected",
    resolved: "connected again",
    missed: "was disconnected from Telegram, over now",
    line: (facts) =>
      facts["never"]
        ? `No getUpdates has ever returned, watched for ${span(number(facts["ageMs"]))} (limit ${span(number(facts["limitMs"]))}).`
        : `No getUpdates has returned for ${span(number(facts["ageMs"]))} (limit ${span(number(facts["limitMs"]))}).`,
  },
  TelegramBotDown: {
    firing: "is down",
    still: "is still down",
    resolved: "is up again",
    missed: "was down, is up now",
    line: (facts) =>
      `Its health page does not answer${also(text(facts["failure"]))}.${facts["stopped"] ? " It had said that it was stopping." : ""}`,
  },
  TelegramBotErrorsHigh: {
    firing: "too many errors",
    still: "still too many errors",
    resolved: "errors are back to normal",
    missed: "had too many errors, over now",
    line: errorLine,
  },
  TelegramBotErrorBurst: {
    firing: "a burst of errors",
    still: "the burst of errors goes on",
    resolved: "the burst of errors is over",
    missed: "had a burst of errors, over now",
    line: errorLine,
  },
  DependencyUnhealthy: {
    firing: "unhealthy",
    still: "still unhealthy",
    resolved: "healthy again",
    missed: "was unhealthy, over now",
    line: (facts) =>
      `The check fails${also(text(facts["error"]))}; seen by ${[facts["seenBy"] ?? "sidecar"].flat().join(", ")}.`,
  },
  DiskSpaceLow: {
    firing: "disk space is low",
    still: "disk space is still low",
    resolved: "enough disk space again",
    missed: "disk space was low, over now",
    line: (facts) =>
      `${bytes(number(facts["availableBytes"]))} of ${bytes(number(facts["sizeBytes"]))} left (${percent(number(facts["availableBytes"]) / Math.max(1, number(facts["sizeBytes"])))}).`,
  },
  DiskFillingUp: {
    firing: "the disk is filling up",
    still: "the disk is still filling up",
    resolved: "the disk no longer fills up",
    missed: "the disk was filling up, over now",
    line: (facts) =>
      `Full in ${span(number(facts["fullInMs"]))} at ${bytes(number(facts["bytesPerHour"]))} an hour; ${bytes(number(facts["availableBytes"]))} left.`,
  },
  DiskInodesLow: {
    firing: "the disk runs out of inodes",
    still: "the disk is still short of inodes",
    resolved: "enough inodes again",
    missed: "the disk was short of inodes, over now",
    line: (facts) => `${text(facts["inodesFree"])} of ${text(facts["inodes"])} inodes left.`,
  },
  UpdatesBacklog: {
    firing: "updates pile up",
    still: "updates still pile up",
    resolved: "the backlog is gone",
    missed: "had a backlog of updates, over now",
    line: (facts) =>
      `${text(facts["pending"])} wait at Telegram, ${text(facts["inbox"])} in the inbox, the oldest in hand for ${span(number(facts["oldestSeconds"]) * 1000)}.`,
  },
  SlowResponses: {
    firing: "answers slowly",
    still: "still answers slowly",
    resolved: "answers in time again",
    missed: "answered slowly, over now",
    line: (facts) =>
      `95 % of updates took up to ${text(facts["p95Seconds"])} s in 10 min (limit ${text(facts["limitSeconds"])} s, ${text(facts["updates"])} updates).`,
  },
  EventLoopBlocked: {
    firing: "its event loop is blocked",
    still: "its event loop is still blocked",
    resolved: "its event loop turns again",
    missed: "its event loop was blocked, over now",
    line: (facts) => `Delay p99 ${text(facts["delayMs"])} ms, busy ${percent(number(facts["utilization"]))}.`,
  },
  MemoryHigh: {
    firing: "memory is high",
    still: "memory is still high",
    resolved: "memory is back to normal",
    missed: "memory was high, over now",
    line: (facts) =>
      `Heap ${percent(number(facts["heapRatio"]))} of its limit (${bytes(number(facts["heapBytes"]))}), RSS ${bytes(number(facts["rssBytes"]))}.`,
  },
  BotRestarting: {
    firing: "keeps restarting",
    still: "still keeps restarting",
    resolved: "runs steadily again",
    missed: "kept restarting, over now",
    line: (facts) =>
      `${text(facts["count"])} starts in ${span(number(facts["windowMs"]))}.${facts["unclean"] ? " The process before this one ended without a clean stop: a crash or a kill." : ""}`,
  },
  TelegramTokenInvalid: {
    firing: "its token is refused",
    still: "its token is still refused",
    resolved: "its token works again",
    missed: "its token was refused, works now",
    line: (facts) =>
      facts["answered"] ? `Telegram answered: ${text(facts["answered"])}.` : "Telegram refuses the token.",
  },
  TelegramPollingConflict: {
    firing: "its polls are taken by another",
    still: "its polls are still taken by another",
    resolved: "polls alone again",
    missed: "its polls were taken by another, over now",
    line: (facts) => `${text(facts["count"])} conflicts in ${span(number(facts["windowMs"]))}.`,
  },
  TelegramWebhookMisconfigured: {
    firing: "webhook settings are wrong",
    still: "webhook settings are still wrong",
    resolved: "webhook settings are right again",
    missed: "webhook settings were wrong, right now",
    line: (facts) =>
      facts["host"]
        ? `A webhook to ${text(facts["host"])} is set while the bot polls.`
        : `Telegram sends ${listed(facts["allowed"])}; the bot asks for ${listed(facts["missing"])} as well.`,
  },
  TelemetryAbsent: {
    firing: "its telemetry does not arrive",
    still: "its telemetry still does not arrive",
    resolved: "its telemetry arrives again",
    missed: "its telemetry did not arrive, over now",
    line: (facts) =>
      facts["silentMs"]
        ? `Nothing has arrived for ${span(number(facts["silentMs"]))}.`
        : `It cannot export${also(text(facts["error"]))}; ${text(facts["dropped"])} spans and logs dropped.`,
  },
  BackupStale: {
    firing: "no recent backup",
    still: "still no recent backup",
    resolved: "backed up again",
    missed: "had no recent backup, over now",
    line: (facts) =>
      `${facts["never"] ? "No verified backup yet, watched for" : "The last verified backup is"} ${span(number(facts["ageMs"]))}${facts["never"] ? "" : " old"}${also(text(facts["error"]))}.`,
  },
  HostOffline: {
    firing: "no network",
    still: "still no network",
    resolved: "the network is back",
    missed: "had no network, over now",
    line: (facts) => `Neither Telegram nor any control target answers: ${[facts["controls"] ?? []].flat().join(", ")}.`,
  },
};

export const wordsOf = (rule: string): Words => WORDS[rule as RuleName];

const UNTRIED = "the bot has not tried since";

/** What a person would say of a cause; undefined: the cause says nothing that the line does not. */
export function causeText({
  cause,
  facts,
  slowest,
}: Pick<Incident, "cause" | "facts" | "slowest">): string | undefined {
  const way = text(facts["way"]);
  const time = `${slowest?.name ?? ""} takes ${percent(slowest?.share ?? 0)} of the time of the slowest updates`;
  const largest = `${text(facts["largest"])} (${bytes(number(facts["largestBytes"]))})`;
  const spanOf = (name: string) => span(number(facts[name]));
  const known: Record<string, string> = {
    process_down: "the process is down; nobody listens at its health address",
    process_wedged: "the process accepts connections and does not answer: event loop blocked or process stopped",
    bot_host_unreachable: "the bot's host cannot be reached",
    crash_loop: "the process keeps crashing and starting",
    host_offline: "this host has no network",
    auth_revoked: "Telegram refuses the token: revoked or wrong; BotFather gives a new one",
    wrong_token: `another bot answers for this token: ${text(facts["answered"])}`,
    webhook_set: `a webhook is set${also(text(facts["host"]))}, so polling is refused`,
    second_poller: "another process polls with this token",
    flood_wait: `Telegram made the bot wait, ${spanOf("floodForMs")} more`,
    dns_broken: `the name of the Bot API ${facts["back"] ? `did not resolve and does again; ${UNTRIED}` : "does not resolve"}`,
    telegram_unreachable: `Telegram ${facts["back"] ? `was not reachable from here and is again; ${UNTRIED}` : "is not reachable from here"}`,
    ipv6_broken: "IPv6 to Telegram is broken, IPv4 works; --dns-result-order=ipv4first helps",
    telegram_5xx: "Telegram answers with server errors",
    poll_loop_ended: "the poll loop has ended while the process lives on",
    bot_egress: "the bot's own way out is broken (proxy, policy or resolver)",
    event_loop_blocked: `the event loop is blocked (delay ${text(facts["delayMs"])} ms)`,
    handlers_stuck: "handlers do not return",
    poll_stalled: "poll stalled: the connection of the long poll is dead",
    slow_handlers: "handlers are slower than updates arrive",
    backoff_wait: `the bot waits, next attempt in ${spanOf("nextRetryInMs")}`,
    allowed_updates: "Telegram remembers an older list of update types",
    exporter_failing: "the bot's exporter fails",
    collector_down: "exports leave the bot and do not arrive here",
    other_files: `files that are not ours${facts["largest"] ? `; the largest of ours is ${largest}` : ""}`,
    own_telemetry: `our telemetry store, ${largest}; RETENTION_SIZE bounds it`,
    own_backup: `our backups, the largest is ${largest}; BACKUP_KEEP bounds them`,
    own_database: `our database, ${largest}`,
    slow_database: `the database: ${time}`,
    slow_api_call: `Bot API calls: ${time}`,
    slow_dependency: `a dependency: ${time}`,
    slow_handler: `the handler's own work: ${time}`,
    unknown: "unknown",
  };
  const said = cause === null ? undefined : known[cause];
  if (said === undefined) return undefined;
  const notes = [
    way,
    typeof facts["uptimeSeconds"] === "number" ? `process up ${span(facts["uptimeSeconds"] * 1000)}` : "",
    number(facts["waiting"]) > 0
      ? `${text(facts["waiting"])} ${facts["waiting"] === 1 ? "update" : "updates"} waiting`
      : "",
    facts["noControl"] ? "no control target" : "",
  ].filter((note) => note !== "");
  const [first = "", ...more] = notes;
  return first === ""
    ? said
    : `${said}. ${[first.replace(/^[a-z]/, (letter) => letter.toUpperCase()), ...more].join(", ")}`;
}

/** What the line about an incident begins with. `missed`: over before anybody could be told. */
export function headOf(incident: Incident, missed = false): { icon: string; what: string } {
  const { firing, resolved, missed: late } = wordsOf(incident.rule);
  if (incident.state !== "resolved") return { icon: incident.severity === "critical" ? "🔴" : "🟠", what: firing };
  if (incident.unwatched) return { icon: "⚪", what: `${firing}; no longer watched` };
  return missed ? { icon: "🟠", what: late } : { icon: "✅", what: resolved };
}

/** One sentence for the API and for channels without formatting. */
export function summaryOf(incident: Incident): string {
  return `${incident.target}: ${headOf(incident).what}. ${wordsOf(incident.rule).line(incident.facts)}`;
}
