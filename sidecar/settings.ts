import { isIP } from "node:net";
import {
  botToken,
  duration,
  httpUrl,
  idList,
  integer,
  list,
  oneOf,
  port,
  type Setting,
  size,
  text,
  timeOfDay,
} from "@gramwatch/otel";
import * as v from "valibot";

/** `host:port` of something that answers TCP. */
export interface HostPort {
  host: string;
  port: number;
}

const chatId = v.pipe(
  v.string(),
  v.regex(/^-?\d{1,16}$/, "a chat id: a whole number, negative for groups"),
  v.transform(Number),
);
const urlOrNone = v.union([v.literal("none"), httpUrl()], "a URL that starts with http:// or https://, or none");

const hostPort = (word: string): HostPort | undefined => {
  const [, host = "", number = ""] = /^(.+):(\d{1,5})$/.exec(word) ?? [];
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const valid = /^[\w.-]+$/.test(host) || (host !== bare && isIP(bare) === 6);
  return valid && Number(number) >= 1 && Number(number) <= 65_535 ? { host: bare, port: Number(number) } : undefined;
};
const controlTargets = v.pipe(
  list(),
  v.transform((words) => (words.join() === "none" ? [] : words.map(hostPort))),
  v.check((targets) => !targets.includes(undefined), "host:port, comma between; or none"),
  v.transform((targets) => targets.filter((target) => target !== undefined)),
);

const dependency = (word: string): [string, string] | undefined => {
  const [, name = "", url = ""] = /^([\w.-]+)=(.+)$/.exec(word) ?? [];
  const parsed = v.safeParse(httpUrl(), url);
  return name !== "" && parsed.success ? [name, parsed.output] : undefined;
};
const dependencies = v.pipe(
  list(),
  v.transform((words) => words.map(dependency)),
  v.check((pairs) => !pairs.includes(undefined), "name=url, comma between; the URL starts with http:// or https://"),
  v.transform((pairs) => Object.fromEntries(pairs.filter((pair) => pair !== undefined))),
);

const timeZone = v.pipe(
  v.string(),
  v.check((given) => {
    try {
      return new Intl.DateTimeFormat("en", { timeZone: given }).format(0) !== "";
    } catch {
      return false;
    }
  }, "a time zone name like Europe/Berlin"),
);

const secretUrl = { schema: httpUrl(), secret: true };

/** Every environment variable of the sidecar; the configuration tables of the documentation are tested against it. */
export const SIDECAR_SETTINGS = {
  SIDECAR_CONFIG: { schema: text(), doc: "Path of the YAML file." },
  BOT_URL: {
    schema: urlOrNone,
    doc: "The bot it watches, default `http://127.0.0.1:8080`; `none`: by its token alone.",
  },
  BOT_TOKEN: { schema: botToken(), secret: true, doc: "Only for the probes getMe and getWebhookInfo." },
  TELEGRAM_API_ROOT: {
    schema: httpUrl(),
    fallback: "https://api.telegram.org",
    doc: "Root of the Bot API: Telegram's, or your own Bot API server.",
  },
  ALERT_BOT_TOKEN: {
    schema: botToken(),
    secret: true,
    doc: "Writes the alerts; default BOT_TOKEN, with a warning: a separate bot is better.",
  },
  ALERT_CHAT_ID: { schema: chatId, doc: "Where alerts go; without it: log and console only." },
  ALERT_THREAD_ID: { schema: integer(1), doc: "Topic within that chat." },
  BOT_ADMINS: { schema: idList(), doc: "User ids that may press alert buttons; empty: no buttons." },
  ALERT_WEBHOOK_URL: { ...secretUrl, doc: "Second channel: webhook in Alertmanager's format." },
  ALERT_NTFY_URL: { ...secretUrl, doc: "Second channel: an ntfy topic." },
  ALERTMANAGER_URL: { ...secretUrl, doc: "Alertmanager (API v2); gets every message." },
  HEARTBEAT_URL: { ...secretUrl, doc: "Dead-man's switch, called while the evaluation runs." },
  DELIVERY_HEARTBEAT_URL: { ...secretUrl, doc: "Dead-man's switch, called while an alert would arrive." },
  DATA_DIR: {
    schema: text(),
    fallback: "./data",
    doc: "State and telemetry store; unwritable: it goes on from memory and says so.",
  },
  DISK_PATHS: { schema: list(), doc: "Paths whose disks are watched; default DATA_DIR." },
  CONTROL_TARGETS: {
    schema: controlTargets,
    doc: '`host:port` list that tells "Telegram is down" from "we are offline"; default: well-known public addresses if the API root is public; `none`.',
  },
  DEPENDENCIES: { schema: dependencies, doc: "`name=url` list of HTTP dependencies." },
  DISCONNECTED_AFTER: {
    schema: duration(1000, 86_400_000),
    fallback: "5m",
    doc: "Without a returned poll for longer than this the bot is disconnected.",
  },
  ERRORS_MAX: { schema: integer(1), fallback: "10", doc: "Alert on more than that many errors …" },
  ERRORS_WINDOW: { schema: duration(60_000, 86_400_000), fallback: "1h", doc: "… within this time." },
  OTLP_HOST: { schema: text(), fallback: "127.0.0.1", doc: "Address of the OTLP/HTTP receiver." },
  OTLP_PORT: { schema: port(), fallback: "4318", doc: "Port of the OTLP/HTTP receiver." },
  CONSOLE_HOST: { schema: text(), fallback: "127.0.0.1", doc: "Address of console and API." },
  CONSOLE_PORT: { schema: port(), fallback: "8090", doc: "Port of console and API." },
  SIDECAR_API_TOKEN: { schema: text(), secret: true, doc: "Required to bind the console other than to loopback." },
  RETENTION_AGE: { schema: duration(60_000), fallback: "72h", doc: "Age limit of the embedded store." },
  RETENTION_SIZE: { schema: size(1024 ** 2), fallback: "256MiB", doc: "Size limit of the embedded store." },
  GRAFANA_URL: { schema: httpUrl(), doc: "Base of dashboard links in messages." },
  CONSOLE_URL: { schema: httpUrl(), doc: "Base of console links in messages; default its own address." },
  RUNBOOK_URL: { schema: httpUrl(), doc: "Base of runbook links; default CONSOLE_URL/runbooks." },
  DISPLAY_TZ: { schema: timeZone, doc: "Time zone of a second time beside UTC in messages." },
  BACKUP_DIR: { schema: text(), doc: "Where verified backups go; default DATA_DIR/backups." },
  BACKUP_AT: { schema: timeOfDay(), fallback: "03:00", doc: "Time of the daily backup in UTC, or off." },
  BACKUP_KEEP: { schema: integer(1, 1000), fallback: "7", doc: "How many backups are kept." },
  LOG_LEVEL: {
    schema: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    fallback: "info",
    doc: "Least severe level that is logged.",
  },
  LOG_FORMAT: { schema: oneOf(["json", "pretty"]), doc: "json, or pretty (default on a terminal)." },
} satisfies Record<string, Setting<unknown>>;
