import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { ConfigError, type Problem, readSettings, type Values } from "@gramwatch/otel";
import { REMEMBERED, type RuleName, type RuleOverride } from "./alerts/thresholds.ts";
import { type ConfigFile, readConfigFile } from "./config-file.ts";
import { isLocalName } from "./nearby.ts";
import { type HostPort, SIDECAR_SETTINGS } from "./settings.ts";

type Env = Record<string, string | undefined>;
type ReadFile = (path: string) => string;

/** One watched bot. Without `url` it is watched by its token alone. */
export interface BotTarget {
  /** Named in the YAML; otherwise its `/health.service` or its username will name it. */
  name?: string;
  url?: string;
  token?: string;
  apiRoot: string;
}

/** Where alert messages go. `shared`: the token is that of a watched bot, which then receives the buttons. */
export interface AlertChat {
  token: string;
  chatId: number;
  threadId?: number;
  apiRoot: string;
  shared: boolean;
}

/** A second channel. `always`: gets every message, not only what the chat could not take. */
export interface SecondChannel {
  type: "webhook" | "ntfy" | "alertmanager";
  url: string;
  always: boolean;
}

/** All that the sidecar was told, checked; durations in milliseconds, sizes in bytes. */
export interface SidecarConfig {
  bots: BotTarget[];
  telegramApiRoot: string;
  alertChat?: AlertChat;
  admins: number[];
  channels: SecondChannel[];
  escalateAfterMs: number;
  /** As given, with those values over them that the environment may set too. */
  rules: Partial<Record<RuleName, RuleOverride>>;
  disconnectedAfterMs: number;
  errors: { max: number; windowMs: number };
  dependencies: Record<string, string>;
  controlTargets: HostPort[];
  heartbeatUrl?: string;
  deliveryHeartbeatUrl?: string;
  dataDir: string;
  diskPaths: string[];
  otlp: HostPort;
  console: HostPort & { token?: string; url?: string };
  retention: { ageMs: number; sizeBytes: number };
  grafanaUrl?: string;
  runbookUrl?: string;
  displayTimeZone?: string;
  /** `production`, or what OTEL_RESOURCE_ATTRIBUTES says; empty in development. */
  environment: string;
  /** `atMinuteUtc` undefined: off. */
  backup: { dir: string; atMinuteUtc?: number; keep: number };
  log: { level: string; format: "json" | "pretty" };
  /** What is allowed but unwise, one sentence each; logged at the start. */
  warnings: string[];
}

// Two operators, by address: a broken resolver must not look like a dead line.
const PUBLIC_CONTROLS: HostPort[] = [
  { host: "1.1.1.1", port: 443 },
  { host: "8.8.8.8", port: 443 },
];

interface ReadOptions {
  readFile?: ReadFile;
  isTerminal?: boolean;
  /** Problems found elsewhere (OTEL_*), to be told in the same message. */
  more?: Problem[];
}

/**
 * Reads environment and YAML file; the environment wins, key by key.
 * @throws ConfigError with every problem of both
 */
export function readConfig(
  env: Env,
  { readFile = (path) => readFileSync(path, "utf8"), isTerminal = false, more = [] }: ReadOptions = {},
): SidecarConfig {
  const path = env["SIDECAR_CONFIG"]?.trim();
  const yaml = path ? readConfigFile(path, readFile) : { content: {}, problems: [] };
  const { values, problems } = readSettings(
    SIDECAR_SETTINGS,
    { ...fileAsEnv(yaml.content, env), ...given(env) },
    readFile,
  );
  problems.push(...yaml.problems, ...more);
  const bots = botTargets(values, yaml.content, readFile, problems);
  const alertChat = chatOf(values, yaml.content, bots, problems);
  crossCheck(values, yaml.content, problems);
  if (problems.length > 0) throw new ConfigError(problems);

  const rules: SidecarConfig["rules"] = defined(yaml.content.rules ?? {});
  const dataDir = resolve(values.DATA_DIR);
  const dependencies = values.DEPENDENCIES ?? yaml.content.dependencies ?? {};
  const defaultControls = values.CONTROL_TARGETS === undefined && bots.every((bot) => isPublic(bot.apiRoot));
  const channels = secondChannels(values, yaml.content);
  return defined({
    bots,
    telegramApiRoot: values.TELEGRAM_API_ROOT,
    alertChat,
    admins: values.BOT_ADMINS ?? yaml.content.alerts?.telegram?.admins ?? [],
    channels,
    escalateAfterMs: yaml.content.alerts?.escalate_after ?? 60_000,
    rules: {
      ...rules,
      TelegramBotDisconnected: { ...rules.TelegramBotDisconnected, after: values.DISCONNECTED_AFTER },
      TelegramBotErrorsHigh: { ...rules.TelegramBotErrorsHigh, max: values.ERRORS_MAX, window: values.ERRORS_WINDOW },
    },
    disconnectedAfterMs: values.DISCONNECTED_AFTER,
    errors: { max: values.ERRORS_MAX, windowMs: values.ERRORS_WINDOW },
    dependencies,
    controlTargets: values.CONTROL_TARGETS ?? (defaultControls ? PUBLIC_CONTROLS : []),
    heartbeatUrl: values.HEARTBEAT_URL,
    deliveryHeartbeatUrl: values.DELIVERY_HEARTBEAT_URL,
    dataDir,
    diskPaths: values.DISK_PATHS ?? yaml.content.disk?.paths ?? [dataDir],
    otlp: { host: values.OTLP_HOST, port: values.OTLP_PORT },
    console: defined({
      host: values.CONSOLE_HOST,
      port: values.CONSOLE_PORT,
      token: values.SIDECAR_API_TOKEN,
      url: values.CONSOLE_URL,
    }),
    retention: { ageMs: values.RETENTION_AGE, sizeBytes: values.RETENTION_SIZE },
    grafanaUrl: values.GRAFANA_URL,
    runbookUrl: values.RUNBOOK_URL,
    displayTimeZone: values.DISPLAY_TZ,
    environment: environmentOf(env),
    backup: defined({
      dir: resolve(values.BACKUP_DIR ?? join(dataDir, "backups")),
      atMinuteUtc: values.BACKUP_AT,
      keep: values.BACKUP_KEEP,
    }),
    log: { level: values.LOG_LEVEL, format: values.LOG_FORMAT ?? (isTerminal ? "pretty" : "json") },
    warnings: warningsOf(values, bots, alertChat, channels.length > 0),
  });
}

function warningsOf(
  values: Read,
  bots: BotTarget[],
  alertChat: AlertChat | undefined,
  hasOtherChannels: boolean,
): string[] {
  const nobody = "ALERT_CHAT_ID is not set: nobody is told; alerts are only logged and shown in the console.";
  const shared =
    "ALERT_BOT_TOKEN is not set: alerts go through the watched bot's own token, so a revoked token silences its alarm.";
  // `npm start` and compose always set it, so it is no mistake of the user's.
  const unused = `BOT_URL is not used: the file lists ${bots.length} bots, each with its url.`;
  return [
    ...(alertChat === undefined && !hasOtherChannels ? [nobody] : []),
    ...(alertChat?.shared ? [shared] : []),
    ...(bots.length > 1 && values.BOT_URL !== undefined ? [unused] : []),
  ];
}

/** A host that the whole internet can reach, so that its silence says something about our own line. */
export function isPublic(apiRoot: string): boolean {
  const host = new URL(apiRoot).hostname;
  return isIP(host.replace(/[[\]]/g, "")) === 0 && !isLocalName(host);
}

/** The file's single values under their environment names, so that one reader checks both and the precedence is one spread. */
function fileAsEnv(file: ConfigFile, env: Env): Env {
  const chat = file.alerts?.telegram;
  const ms = (value: number | undefined) => (value === undefined ? undefined : `${value}ms`);
  const errors = file.rules?.TelegramBotErrorsHigh;
  return {
    ALERT_CHAT_ID: chat?.chat_id?.toString(),
    ALERT_THREAD_ID: chat?.thread_id?.toString(),
    ALERT_BOT_TOKEN_FILE: env["ALERT_BOT_TOKEN"]?.trim() ? undefined : chat?.token_file,
    DISCONNECTED_AFTER: ms(file.rules?.TelegramBotDisconnected?.after),
    ERRORS_MAX: errors?.max?.toString(),
    ERRORS_WINDOW: ms(errors?.window),
  };
}

function environmentOf(env: Env): string {
  const [, named] =
    /(?:^|,)\s*deployment\.environment(?:\.name)?=([^,]+)/.exec(env["OTEL_RESOURCE_ATTRIBUTES"] ?? "") ?? [];
  return named?.trim() ?? (env["NODE_ENV"] === "production" ? "production" : "");
}

const given = (env: Env): Env => Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));

type Read = Values<typeof SIDECAR_SETTINGS>;

function botTargets(values: Read, file: ConfigFile, readFile: ReadFile, problems: Problem[]): BotTarget[] {
  const listed = file.bots ?? [];
  const alone = listed.length <= 1;
  const bots = (alone ? [listed[0] ?? {}] : listed).map((bot: Partial<NonNullable<ConfigFile["bots"]>[number]>, at) => {
    const url = (alone ? values.BOT_URL : undefined) ?? bot.url ?? (alone ? "http://127.0.0.1:8080" : undefined);
    const own = alone ? values.BOT_TOKEN : undefined;
    return defined({
      name: bot.name,
      url: url === "none" ? undefined : url,
      token: own ?? tokenFrom(bot.token_file, `${values.SIDECAR_CONFIG}: bots[${at}].token_file`, readFile, problems),
      apiRoot: bot.api_root ?? values.TELEGRAM_API_ROOT,
    });
  });
  for (const [at, bot] of bots.entries()) {
    if (bot.url !== undefined || bot.token !== undefined || problems.length > 0) continue;
    const setting = alone ? "BOT_TOKEN" : `${values.SIDECAR_CONFIG}: bots[${at}].token_file`;
    problems.push({ setting, value: "", expected: "is missing: a bot without a url is watched by its token alone" });
  }
  return bots;
}

function tokenFrom(path: string | undefined, setting: string, readFile: ReadFile, problems: Problem[]) {
  if (path === undefined) return undefined;
  const read = readSettings({ TOKEN: SIDECAR_SETTINGS.BOT_TOKEN }, { TOKEN_FILE: path }, readFile);
  problems.push(...read.problems.map((problem) => ({ ...problem, setting })));
  return read.values.TOKEN;
}

function chatOf(values: Read, file: ConfigFile, bots: BotTarget[], problems: Problem[]): AlertChat | undefined {
  if (values.ALERT_CHAT_ID === undefined) return undefined;
  const token = values.ALERT_BOT_TOKEN ?? values.BOT_TOKEN ?? bots[0]?.token;
  if (token === undefined) {
    if (problems.every(({ setting }) => !setting.includes("TOKEN") && !setting.includes("token"))) {
      const expected = "is missing: ALERT_CHAT_ID needs a bot that writes there";
      problems.push({ setting: "ALERT_BOT_TOKEN", value: "", expected });
    }
    return undefined;
  }
  return defined({
    token,
    chatId: values.ALERT_CHAT_ID,
    threadId: values.ALERT_THREAD_ID,
    apiRoot: file.alerts?.telegram?.api_root ?? values.TELEGRAM_API_ROOT,
    shared: bots.some((bot) => bot.token === token),
  });
}

/** At most one of a type; the environment's address replaces the file's. */
function secondChannels(values: Read, file: ConfigFile): SecondChannel[] {
  const fromEnv = {
    webhook: values.ALERT_WEBHOOK_URL,
    ntfy: values.ALERT_NTFY_URL,
    alertmanager: values.ALERTMANAGER_URL,
  };
  return (["webhook", "ntfy", "alertmanager"] as const).flatMap((type) => {
    const listed = file.alerts?.channels?.find((channel) => channel.type === type);
    const url = fromEnv[type] ?? listed?.url;
    // An Alertmanager forgets what is not repeated to it, so it must hear of everything.
    return url === undefined ? [] : [{ type, url, always: listed?.always ?? type === "alertmanager" }];
  });
}

function crossCheck(values: Read, file: ConfigFile, problems: Problem[]): void {
  if (!isLoopback(values.CONSOLE_HOST) && values.SIDECAR_API_TOKEN === undefined) {
    const expected = `is missing: the console listens on ${values.CONSOLE_HOST}, which is not loopback`;
    if (!problems.some(({ setting }) => setting.startsWith("SIDECAR_API_TOKEN"))) {
      problems.push({ setting: "SIDECAR_API_TOKEN", value: "", expected });
    }
  }
  if (values.OTLP_PORT > 0 && values.OTLP_PORT === values.CONSOLE_PORT) {
    const expected = "a port of its own: OTLP_PORT has the same";
    problems.push({ setting: "CONSOLE_PORT", value: JSON.stringify(values.CONSOLE_PORT), expected });
  }
  const inFile = (key: string) => `${values.SIDECAR_CONFIG}: rules.${key}`;
  const burst = file.rules?.TelegramBotErrorBurst?.window;
  if (burst !== undefined && burst > values.ERRORS_WINDOW) {
    const expected = "at most ERRORS_WINDOW: errors are counted no longer than that";
    problems.push({ setting: inFile("TelegramBotErrorBurst.window"), value: `${burst / 1000}s`, expected });
  }
  for (const rule of ["BotRestarting", "TelegramPollingConflict"] as const) {
    const max = file.rules?.[rule]?.max;
    if (max === undefined || max <= REMEMBERED) continue;
    problems.push({ setting: inFile(`${rule}.max`), value: String(max), expected: `at most ${REMEMBERED}` });
  }
}

const isLoopback = (host: string): boolean => /^(127\.\d+\.\d+\.\d+|::1|localhost)$/.test(host);

/** Leaves out undefined keys: with exactOptionalPropertyTypes absent and undefined differ. */
function defined<T extends object>(
  object: T,
): { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
} {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
