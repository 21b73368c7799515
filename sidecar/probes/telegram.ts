import type { LookupAddress } from "node:dns";
import { redactFreeText } from "@gramwatch/otel";
import type { Identity } from "./identity.ts";
import { ask, certExpiry, failureOf, look, open, type Phases, resolve, type Way } from "./look.ts";
import type { PathPhases, Probe, TelegramSample, WebhookSample } from "./probe.ts";
import { type Clocks, seen } from "./seen.ts";

interface Deps {
  name: (kind: string) => string;
  apiRoot: string;
  token?: string;
  identity: Identity;
  way: Way;
  clocks: Clocks;
}
type GetMe = NonNullable<TelegramSample["getMe"]>;

/**
 * The way to Telegram, IPv4 and IPv6 apart, each over a fresh connection, ended by `getMe` where a token is there and
 * by the first byte of any answer where none is. Never calls what would disturb the bot (getUpdates, webhooks).
 */
export function telegramProbe({ name, apiRoot, token, identity, way, clocks }: Deps, intervalMs: number): Probe {
  const probe = name("telegram");
  const bare = new URL(`${apiRoot}/`);
  const withToken = token === undefined ? undefined : new URL(`${apiRoot}/bot${token}/getMe`);
  const restraint = createRestraint(clocks);
  let refused: GetMe | undefined;
  return {
    name: probe,
    intervalMs,
    timeoutMs: 10_000,
    async run(signal) {
      const asks = withToken !== undefined && restraint.mayAsk();
      const walks = await walkFamilies(asks ? withToken : bare, way, signal);
      const getMe = asks ? bestAnswer(walks) : refused;
      // No answer changes nothing: until the next try the refusal is what is known.
      if (asks && restraint.heard(getMe)) refused = getMe;
      const expiries = walks.flatMap(({ certExpiresAtMs }) => certExpiresAtMs ?? []);
      if (getMe?.ok) identity.username(getMe.username);
      return {
        kind: "telegram",
        ...seen(probe, identity.target(), clocks),
        paths: walks.map(({ path }) => path),
        ...(getMe && { getMe }),
        ...(token !== undefined && { expectedId: Number(token.split(":")[0]) }),
        ...(expiries.length > 0 && { certExpiresAtMs: Math.min(...expiries) }),
      };
    },
  };
}

/** The Bot API's view of the bot: waiting updates, webhook. */
export function webhookProbe({ name, apiRoot, token, identity, way, clocks }: Deps, intervalMs: number): Probe {
  const probe = name("webhook");
  const url = new URL(`${apiRoot}/bot${token ?? ""}/getWebhookInfo`);
  const restraint = createRestraint(clocks);
  let refused: WebhookSample["result"] = { ok: false, description: "not asked yet" };
  return {
    name: probe,
    intervalMs,
    timeoutMs: 10_000,
    async run(signal) {
      const asks = restraint.mayAsk();
      const result = asks ? await webhookInfo(url, way, signal) : refused;
      if (asks && restraint.heard(result)) refused = result;
      return { kind: "webhook", ...seen(probe, identity.target(), clocks), result };
    },
  };
}

const REFUSALS = 2;
const REFUSED_WAIT_MS = 15 * 60_000;

/** Hammering with a refused token gets a bot deleted (openclaw PR #27415): it is tried every 15 minutes, as the bot does. */
function createRestraint(clocks: Clocks) {
  let refusals = 0;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  return {
    mayAsk: (): boolean => refusals < REFUSALS || clocks.now() - askedAtMs >= REFUSED_WAIT_MS,
    /** Whether it was a refusal; no answer changes nothing. */
    heard(answer: { ok: boolean; errorCode?: number } | undefined): boolean {
      askedAtMs = clocks.now();
      const isRefusal = answer?.errorCode === 401 || answer?.errorCode === 404;
      if (answer?.ok) refusals = 0;
      else if (isRefusal) refusals++;
      return isRefusal;
    },
  };
}

interface Walk {
  path: PathPhases;
  answer?: { status: number; body: string };
  certExpiresAtMs?: number;
}

async function walkFamilies(url: URL, way: Way, signal: AbortSignal): Promise<Walk[]> {
  let addresses: LookupAddress[];
  let dnsMs: number | undefined;
  try {
    [addresses, dnsMs] = await resolve(url.hostname, way, signal);
  } catch (error) {
    return [{ path: { family: 4, failure: failureOf(error) } }];
  }
  const firsts = [4, 6].flatMap((family) => addresses.find((address) => address.family === family) ?? []);
  return Promise.all(firsts.map((address) => walk(url, address, dnsMs, way, signal)));
}

async function walk(
  url: URL,
  address: LookupAddress,
  dnsMs: number | undefined,
  way: Way,
  signal: AbortSignal,
): Promise<Walk> {
  const family = address.family === 6 ? 6 : 4;
  const phases: Phases = dnsMs === undefined ? {} : { dnsMs };
  let certExpiresAtMs: number | undefined;
  try {
    const socket = await open(url, address, way, signal, phases);
    try {
      certExpiresAtMs = certExpiry(socket);
      const answer = await ask(url, socket, way, signal, phases, 64 * 1024);
      return { path: { family, ...phases }, answer, ...(certExpiresAtMs !== undefined && { certExpiresAtMs }) };
    } finally {
      socket.destroy();
    }
  } catch (error) {
    const path = { family, ...phases, failure: failureOf(error) } as const;
    return { path, ...(certExpiresAtMs !== undefined && { certExpiresAtMs }) };
  }
}

/** Two families asked the same; a good answer of either is the answer. */
function bestAnswer(walks: Walk[]): GetMe {
  const answers = walks.flatMap(({ answer }) => (answer === undefined ? [] : [getMeOf(answer)]));
  const failure = walks.find(({ path }) => path.failure)?.path.failure;
  const none: GetMe = {
    ok: false,
    description: failure === undefined ? "no answer" : `${failure.phase}: ${failure.message}`,
  };
  return answers.find((answer) => answer.ok) ?? answers[0] ?? none;
}

function getMeOf({ status, body }: { status: number; body: string }): GetMe {
  const answer = answerIn(body);
  const me = answer?.ok ? (answer.result as { id?: unknown; username?: unknown } | undefined) : undefined;
  if (typeof me?.id === "number")
    return { ok: true, id: me.id, username: typeof me.username === "string" ? me.username : "" };
  return {
    ok: false,
    status,
    ...errorCodeOf(answer),
    description: describe(answer, status),
  };
}

async function webhookInfo(url: URL, way: Way, signal: AbortSignal): Promise<WebhookSample["result"]> {
  try {
    const { status, body } = await look(url, way, signal);
    const answer = answerIn(body);
    if (!answer?.ok) return { ok: false, ...errorCodeOf(answer), description: describe(answer, status) };
    const info = answer.result as Partial<{
      url: string;
      pending_update_count: number;
      last_error_date: number;
      last_error_message: string;
      allowed_updates: string[];
    }>;
    return {
      ok: true,
      url: info.url ?? "",
      pending: info.pending_update_count ?? 0,
      ...(info.last_error_date !== undefined && { lastErrorAtMs: info.last_error_date * 1000 }),
      ...(info.last_error_message !== undefined && { lastErrorMessage: redactFreeText(info.last_error_message) }),
      ...(info.allowed_updates !== undefined && { allowedUpdates: info.allowed_updates }),
    };
  } catch (error) {
    const { phase, message } = failureOf(error);
    return { ok: false, description: `${phase}: ${message}` };
  }
}

interface ApiAnswer {
  ok: boolean;
  result?: unknown;
  error_code?: number;
  description?: string;
}
/** A front end answers HTML with 502: anything but the Bot API's own shape is undefined. */
function answerIn(body: string): ApiAnswer | undefined {
  try {
    const given = JSON.parse(body) as ApiAnswer | null;
    return typeof given?.ok === "boolean" ? given : undefined;
  } catch {
    return undefined;
  }
}

const errorCodeOf = (answer: ApiAnswer | undefined) =>
  answer?.error_code === undefined ? {} : { errorCode: answer.error_code };

const describe = (answer: ApiAnswer | undefined, status: number): string =>
  answer === undefined
    ? `HTTP ${status}, not an answer of the Bot API`
    : redactFreeText(answer.description ?? `HTTP ${status}`);
