import { isIP } from "node:net";
import { duration, httpUrl, idList, integer, list, oneOf, port, type Setting, size, text } from "@gramwatch/otel";
import * as v from "valibot";

/** `host:port` of something that answers TCP. */
export interface HostPort {
  host: string;
  port: number;
}

const token = v.pipe(
  v.string(),
  v.regex(/^[1-9]\d*:[\w-]+$/, "a bot token as BotFather gives it: digits, a colon, letters"),
);
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

const timeOfDay = v.pipe(
  v.string(),
  v.regex(/^(off|([01]\d|2[0-3]):[0-5]\d)$/, "a time of day in UTC like 03:00, or off"),
  v.transform((given) => (given === "off" ? undefined : Number(given.slice(0, 2)) * 60 + Number(given.slice(3)))),
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
  SIDECAR_CONFIG: { schema: text(), doc: "path of the YAML file (optional)" },
  BOT_URL: { schema: urlOrNone, doc: "the bot it watches (default http://127.0.0.1:8080); none: by token alone" },
  BOT_TOKEN: { schema: token, secret: true, doc: "only to probe getMe and getWebhookInfo" },
  TELEGRAM_API_ROOT: { schema: httpUrl(), fallback: "https://api.telegram.org", doc: "own Bot API server, emulator" },
  ALERT_BOT_TOKEN: {
    schema: token,
    secret: true,
    doc: "writes the alerts (default BOT_TOKEN; a separate one is better)",
  },
  ALERT_CHAT_ID: { schema: chatId, doc: "where alerts go; none: log and console only" },
  ALERT_THREAD_ID: { schema: integer(1), doc: "topic within that chat" },
  BOT_ADMINS: { schema: idList(), doc: "user ids that may press alert buttons" },
  ALERT_WEBHOOK_URL: { ...secretUrl, doc: "second channel: Alertmanager webhook format" },
  ALERT_NTFY_URL: { ...secretUrl, doc: "second channel: ntfy topic" },
  ALERTMANAGER_URL: { ...secretUrl, doc: "Alertmanager, gets every message" },
  HEARTBEAT_URL: { ...secretUrl, doc: "dead-man's switch: evaluation runs" },
  DELIVERY_HEARTBEAT_URL: { ...secretUrl, doc: "dead-man's switch: an alert would arrive" },
  DATA_DIR: { schema: text(), fallback: "./data", doc: "state and telemetry store; unwritable: goes on from memory" },
  DISK_PATHS: { schema: list(), doc: "paths to watch (default DATA_DIR)" },
  CONTROL_TARGETS: {
    schema: controlTargets,
    doc: "host:port list that tells Telegram is down from we are offline (default public ones if the API root is public)",
  },
  DEPENDENCIES: { schema: dependencies, doc: "name=url list of HTTP dependencies" },
  DISCONNECTED_AFTER: { schema: duration(1000, 86_400_000), fallback: "5m", doc: "poll age that is an outage" },
  ERRORS_MAX: { schema: integer(1), fallback: "10", doc: "alert on more than that many errors" },
  ERRORS_WINDOW: { schema: duration(60_000, 86_400_000), fallback: "1h", doc: "within this time" },
  OTLP_HOST: { schema: text(), fallback: "127.0.0.1", doc: "OTLP/HTTP receiver (0.0.0.0 in the image)" },
  OTLP_PORT: { schema: port(), fallback: "4318", doc: "port of the OTLP/HTTP receiver" },
  CONSOLE_HOST: { schema: text(), fallback: "127.0.0.1", doc: "console and API (0.0.0.0 in the image)" },
  CONSOLE_PORT: { schema: port(), fallback: "8090", doc: "port of console and API" },
  SIDECAR_API_TOKEN: { schema: text(), secret: true, doc: "required to bind the console other than loopback" },
  RETENTION_AGE: { schema: duration(60_000), fallback: "72h", doc: "of the embedded store" },
  RETENTION_SIZE: { schema: size(1024 ** 2), fallback: "256MiB", doc: "of the embedded store" },
  GRAFANA_URL: { schema: httpUrl(), doc: "base of dashboard links" },
  CONSOLE_URL: { schema: httpUrl(), doc: "base of console links (default its own address)" },
  RUNBOOK_URL: { schema: httpUrl(), doc: "base of runbook links (default CONSOLE_URL/runbooks)" },
  DISPLAY_TZ: { schema: timeZone, doc: "a second time beside UTC in messages" },
  BACKUP_DIR: { schema: text(), doc: "default DATA_DIR/backups" },
  BACKUP_AT: { schema: timeOfDay, fallback: "03:00", doc: "UTC; off" },
  BACKUP_KEEP: { schema: integer(1, 1000), fallback: "7", doc: "how many backups stay" },
  LOG_LEVEL: {
    schema: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    fallback: "info",
    doc: "least severe level that is logged",
  },
  LOG_FORMAT: { schema: oneOf(["json", "pretty"]), doc: "json; pretty on a terminal" },
} satisfies Record<string, Setting<unknown>>;
