import { join, resolve } from "node:path";
import { type BotConfig, readConfig as readBotConfig } from "../../bot/config.ts";
import { readTelemetryConfig } from "../../otel/config.ts";
import { ConfigError } from "../../otel/settings.ts";
import { readConfig as readSidecarConfig, type SidecarConfig } from "../../sidecar/config.ts";
import { bad, type Finding, note, ok } from "./finding.ts";
import { checkDataDir, checkEnvFile, checkPort, checkWatched, listenError, type Space } from "./machine.ts";
import { checkLink, checkPolling, isAlive, readHealth, sendTestAlert } from "./running.ts";
import { checkChat, checkToken, checkWebhook } from "./telegram.ts";

type Env = Record<string, string | undefined>;

export interface Options {
  /** `bot`, `sidecar`: what this image holds; undefined: both. */
  part?: string | undefined;
  /** Also send a test alert through every channel. */
  send: boolean;
  envFile: string;
  /** Wall clock, Unix milliseconds. */
  now: () => number;
  spaceOf?: (dir: string) => Space;
}

/** Looks at everything that commonly is wrong. Never polls: that would end the running bot's own poll. */
export async function examine(env: Env, options: Options): Promise<Finding[]> {
  const findings = checkEnvFile(options.envFile);
  if (options.part !== "sidecar") findings.push(...(await examineBot(env, options)));
  if (options.part !== "bot") findings.push(...(await examineSidecar(env, options)));
  return unique(findings);
}

async function examineBot(env: Env, { now, spaceOf }: Options): Promise<Finding[]> {
  const more = readTelemetryConfig(env).problems;
  const config = attempt(() => readBotConfig(env, { more }));
  if (!("token" in config)) return config;
  const access = { token: config.token, apiRoot: config.apiRoot };
  const { host, port } = config.http;
  const health = await readHealth(urlOf(config.http));
  return [
    ok("configuration", "the bot's is valid"),
    ...(await checkToken("BOT_TOKEN", access, now)),
    ...(await checkWebhook(access)),
    await checkPort("BOT_HTTP_PORT", { host, port }, () => Promise.resolve(health !== undefined)),
    ...(health === undefined ? [] : [checkPolling(health, now)]),
    ...checkDataDir(config.dataDir, spaceOf),
    ...(await checkTranscription(config)),
    ...(config.admins.size > 0
      ? []
      : [note("BOT_ADMINS", "empty: nobody may use /status, /alerts, /trace, /silence", "Set it to your user id.")]),
  ];
}

async function examineSidecar(env: Env, { send, now, spaceOf }: Options): Promise<Finding[]> {
  const config = attempt(() => readSidecarConfig(env));
  if (!("bots" in config)) return config;
  const consoleUrl = urlOf(config.console);
  const running = await isAlive(consoleUrl);
  const ours = (): Promise<boolean> => Promise.resolve(running);
  const findings = [
    ok("configuration", "the sidecar's is valid"),
    // What else the sidecar warns of has a finding of its own, or is no fault of the set-up.
    ...config.warnings
      .filter((warning) => warning.startsWith("ALERT_BOT_TOKEN"))
      .map((warning) => note("alerts", warning, "Make a second bot with @BotFather for the alerts.")),
    ...(await checkAlertChat(config, now)),
    await checkPort("CONSOLE_PORT", config.console, ours),
    await checkPort("OTLP_PORT", config.otlp, ours),
    ...checkDataDir(config.dataDir, spaceOf),
    ...config.diskPaths.filter((path) => resolve(path) !== config.dataDir).map((path) => checkWatched(path, spaceOf)),
    ...checkLink("GRAFANA_URL", config.grafanaUrl),
    ...checkLink("CONSOLE_URL", config.console.url),
  ];
  // A sidecar of this machine holds both of its ports; of one in a container only the console is published.
  const contained = running && (await listenError(config.otlp)) === undefined;
  for (const { url } of config.bots) {
    const health = url === undefined ? undefined : await readHealth(url);
    if (health !== undefined) findings.push(checkPolling(health, now));
    else if (contained && url !== undefined)
      findings.push(
        note(
          "BOT_URL",
          `no bot answers at ${url}, and the sidecar runs in a container`,
          "Ask the doctor in there: `docker compose exec sidecar /nodejs/bin/node /app/doctor.mjs`.",
        ),
      );
    else if (running && url !== undefined) findings.push(bad("BOT_URL", `no bot answers at ${url}`, "Start the bot."));
  }
  if (config.heartbeatUrl === undefined)
    findings.push(
      note("HEARTBEAT_URL", "not set: nobody tells you when this machine is gone", "Make a check at healthchecks.io."),
    );
  if (send) findings.push(...(await sendTestAlert(consoleUrl, config.console.token)));
  return findings;
}

async function checkAlertChat({ alertChat, channels }: SidecarConfig, now: () => number): Promise<Finding[]> {
  if (alertChat === undefined) {
    const remedy = "Run `npm run init`, or set ALERT_CHAT_ID and ALERT_BOT_TOKEN.";
    const says = "not set: alerts go to the log and the console only";
    return channels.length > 0 ? [] : [note("ALERT_CHAT_ID", says, remedy)];
  }
  const findings = await checkToken(alertChat.shared ? "BOT_TOKEN" : "ALERT_BOT_TOKEN", alertChat, now);
  if (findings.some(({ level }) => level === "bad")) return findings;
  return [...findings, await checkChat(alertChat, alertChat.chatId)];
}

async function checkTranscription({ transcribeUrl }: BotConfig): Promise<Finding[]> {
  if (transcribeUrl === undefined) return [];
  const response = await fetch(transcribeUrl, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  await response?.body?.cancel();
  if (response !== undefined) return [ok("TRANSCRIBE_URL", `${transcribeUrl} answers`)];
  return [bad("TRANSCRIBE_URL", `nobody answers at ${transcribeUrl}`, "Start the service, or unset the variable.")];
}

/** A wildcard is no address to call. */
function urlOf({ host, port }: { host: string; port: number }): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `http://${host === "0.0.0.0" || host === "::" ? "127.0.0.1" : name}:${port}`;
}

function attempt<T extends object>(read: () => T): T | Finding[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ setting, value, expected }) =>
      bad("configuration", `${setting}${value === "" ? "" : ` = ${value}`}`, expected),
    );
  }
}

/** Bot and sidecar share a directory and often a token: what is said once is enough. */
const unique = (findings: Finding[]): Finding[] => [
  ...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values(),
];

export const defaultEnvFile = (): string => join(process.cwd(), ".env");
