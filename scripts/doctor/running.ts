import { codeOf } from "../bot-api.ts";
import { bad, type Finding, note, ok } from "./finding.ts";

interface Health {
  service: string;
  telegram: { connected: boolean; last_error: { at: string; reason: string } | null };
}
interface TestAlert {
  channels: { channel: string; ok: boolean; answer: string }[];
}

const CONFLICT_AGE_MS = 5 * 60_000;

/** The bot's `/health`; undefined when no bot answers there. */
export async function readHealth(url: string): Promise<Health | undefined> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(3000) });
    const body = (await response.json()) as Partial<Health>;
    return body.telegram === undefined ? undefined : (body as Health);
  } catch {
    return undefined;
  }
}

/** What the running bot knows: a second poller shows as conflicts there. Asking Telegram would be a third one. */
export function checkPolling(health: Health, now: () => number): Finding {
  const { connected, last_error: error } = health.telegram;
  const conflict = error?.reason === "conflict" && now() - Date.parse(error.at) < CONFLICT_AGE_MS;
  if (conflict)
    return bad(
      "polling",
      `another program polls with this token (last conflict ${error.at})`,
      "Find and end it: a second deployment, a developer's laptop, a container that was not removed. If you cannot, ask @BotFather for a new token with /revoke.",
    );
  if (connected) return ok("polling", "the bot is connected to Telegram");
  return bad("polling", `the bot runs and is not connected (${error?.reason ?? "no poll yet"})`, "Read the bot's log.");
}

export async function isAlive(url: string): Promise<boolean> {
  const response = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(3000) }).catch(() => undefined);
  return response?.ok === true && (await response.text()) === "ok";
}

/** Through the running sidecar, so that the very channels of the alerts are tested. */
export async function sendTestAlert(url: string, token: string | undefined): Promise<Finding[]> {
  const about = "test alert";
  try {
    const response = await fetch(`${url}/api/test-alert`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: "{}",
      signal: AbortSignal.timeout(90_000),
    });
    if (!response.ok)
      return [bad(about, `the sidecar at ${url} answers ${response.status}`, "Does SIDECAR_API_TOKEN match its own?")];
    const { channels } = (await response.json()) as TestAlert;
    return channels.map(({ channel, ok: sent, answer }) =>
      sent ? ok(about, `${channel}: sent`) : bad(about, `${channel}: ${answer}`, `Correct the settings of ${channel}.`),
    );
  } catch (error) {
    return [bad(about, `no sidecar at ${url} (${codeOf(error)})`, "Start it, then run the doctor with --send again.")];
  }
}

/** Telegram refuses buttons to hosts that only this network knows; the address then stands as text. */
export function checkLink(setting: string, url: string | undefined): Finding[] {
  const { hostname } = URL.parse(url ?? "") ?? {};
  if (hostname === undefined || (hostname.includes(".") && !/^(127\.|localhost$)/.test(hostname))) return [];
  return [
    note(
      setting,
      `${url} can be opened only from the machine itself, so alerts show it as text and not as a button`,
      `Set ${setting} to the address under which your phone reaches it.`,
    ),
  ];
}
