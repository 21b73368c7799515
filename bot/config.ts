import { isAbsolute, resolve } from "node:path";
import * as v from "valibot";
import {
  botToken,
  ConfigError,
  duration,
  httpUrl,
  idList,
  integer,
  oneOf,
  port,
  readSettings,
  text,
  timeOfDay,
  type Problem,
  type Setting,
} from "@gramwatch/otel";

import { misspelt } from "./misspelt.ts";

/** At most `count` updates of one user within `windowMs`. */
export interface RateLimit {
  count: number;
  windowMs: number;
}

const rateLimit = (): v.GenericSchema<string, RateLimit> => {
  const expected = "updates per time and user, written like 20/60s";
  return v.pipe(
    v.string(),
    v.regex(/^[1-9]\d{0,5}\/\d+(ms|s|m|h|d)$/, expected),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const [count, window] = dataset.value.split("/");
      const windowMs = v.safeParse(duration(1000, 86_400_000), window);
      if (windowMs.success) return { count: Number(count), windowMs: windowMs.output };
      addIssue({ message: `${expected}; the time is from 1s to 1d` });
      return NEVER;
    }),
  );
};

/** Every setting of the bot but OTEL_*, which the telemetry reads itself. */
export const settings = {
  BOT_TOKEN: { schema: botToken(), secret: true, doc: "The token from @BotFather." },
  TELEGRAM_API_ROOT: {
    schema: httpUrl(),
    fallback: "https://api.telegram.org",
    doc: "Root of the Bot API: Telegram's, or your own Bot API server.",
  },
  BOT_ALLOWED_USERS: { schema: idList(), fallback: "", doc: "User ids that may use the bot; empty: everyone." },
  BOT_ADMINS: { schema: idList(), fallback: "", doc: "User ids that may use /status, /alerts, /trace, /silence." },
  BOT_RATE_LIMIT: { schema: rateLimit(), fallback: "20/60s", doc: "Updates per time and user; more are refused." },
  DATA_DIR: { schema: text(), fallback: "./data", doc: "Where bot.db lives; made with mode 0700." },
  BOT_HTTP_HOST: { schema: text(), fallback: "127.0.0.1", doc: "Address of /livez, /readyz, /health, /metrics." },
  BOT_HTTP_PORT: { schema: port(), fallback: "8080", doc: "Port of /livez, /readyz, /health, /metrics." },
  TRANSCRIBE_URL: {
    schema: httpUrl(),
    doc: "Whisper-compatible service that turns voice notes into text; when set, readiness depends on it.",
  },
  SIDECAR_URL: { schema: httpUrl(), fallback: "http://127.0.0.1:8090", doc: "The sidecar, for admin commands." },
  SIDECAR_API_TOKEN: { schema: text(), secret: true, doc: "The sidecar's API token, for admin commands." },
  LOG_LEVEL: {
    schema: oneOf(["trace", "debug", "info", "warn", "error", "fatal", "silent"]),
    fallback: "info",
    doc: "Least severe level that is logged.",
  },
  LOG_FORMAT: { schema: oneOf(["json", "pretty"]), doc: "json, or pretty (default on a terminal)." },
  SHUTDOWN_TIMEOUT: {
    schema: duration(1000, 600_000),
    fallback: "25s",
    doc: "Longest time to drain after SIGTERM. The stop grace of compose and Kubernetes (30 s as shipped) must be longer.",
  },
  BACKUP_DIR: { schema: text(), doc: "Where verified backups go; default DATA_DIR/backups." },
  BACKUP_AT: { schema: timeOfDay(), fallback: "03:00", doc: "Time of the daily backup in UTC, or off." },
  BACKUP_KEEP: { schema: integer(1, 1000), fallback: "7", doc: "How many backups are kept." },
  NODE_ENV: { schema: text(), doc: "production in the image: /boom is off, a refused token does not end the bot." },
} satisfies Record<string, Setting<unknown>>;

/** The bot's configuration, checked; durations in milliseconds. */
export interface BotConfig {
  token: string;
  apiRoot: string;
  allowedUsers: ReadonlySet<number>;
  admins: ReadonlySet<number>;
  rateLimit: RateLimit;
  dataDir: string;
  http: { host: string; port: number };
  transcribeUrl: string | undefined;
  sidecar: { url: string; token: string | undefined };
  log: { level: string; format: "json" | "pretty" };
  shutdownTimeoutMs: number;
  backup: { dir: string; atMinutes: number | undefined; keep: number };
  production: boolean;
}

const TOKEN_REMEDY =
  "required: ask @BotFather for a token and set BOT_TOKEN or BOT_TOKEN_FILE (`npm start` without one uses a stand-in)";

/**
 * Reads the bot's settings.
 * @param more problems found elsewhere (OTEL_*), to be told in the same message
 * @throws ConfigError with every problem
 */
export function readConfig(
  env: Record<string, string | undefined>,
  { isTerminal = false, more = [] }: { isTerminal?: boolean; more?: Problem[] } = {},
): BotConfig {
  const { values, problems } = readSettings(settings, env);
  const token = values.BOT_TOKEN;
  if (token === undefined && !problems.some((p) => p.setting.startsWith("BOT_TOKEN"))) {
    problems.unshift({ setting: "BOT_TOKEN", value: "", expected: TOKEN_REMEDY });
  }
  const names = Object.entries<Setting<unknown>>(settings).flatMap(([name, { secret }]) =>
    secret ? [name, `${name}_FILE`] : [name],
  );
  const all = [...problems, ...misspelt(names, env), ...more];
  if (all.length > 0 || token === undefined) throw new ConfigError(all);
  const dataDir = resolve(values.DATA_DIR);
  const backupDir = values.BACKUP_DIR ?? "backups";
  return {
    token,
    apiRoot: values.TELEGRAM_API_ROOT,
    // Who operates the bot may use it.
    allowedUsers: new Set(
      values.BOT_ALLOWED_USERS.length === 0 ? [] : [...values.BOT_ALLOWED_USERS, ...values.BOT_ADMINS],
    ),
    admins: new Set(values.BOT_ADMINS),
    rateLimit: values.BOT_RATE_LIMIT,
    dataDir,
    http: { host: values.BOT_HTTP_HOST, port: values.BOT_HTTP_PORT },
    transcribeUrl: values.TRANSCRIBE_URL,
    sidecar: { url: values.SIDECAR_URL, token: values.SIDECAR_API_TOKEN },
    log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT ?? (isTerminal ? "pretty" : "json") },
    shutdownTimeoutMs: values.SHUTDOWN_TIMEOUT,
    backup: {
      dir: values.BACKUP_DIR === undefined || isAbsolute(backupDir) ? resolve(dataDir, backupDir) : resolve(backupDir),
      atMinutes: values.BACKUP_AT,
      keep: values.BACKUP_KEEP,
    },
    production: values.NODE_ENV === "production",
  };
}
