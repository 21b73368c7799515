/** What became of one call: Telegram's result, its refusal in its own words, or nobody who speaks the Bot API. */
export type Answer<T> =
  | { kind: "ok"; result: T; serverTimeMs: number | undefined }
  | { kind: "refused"; code: number; description: string; migratedTo: number | undefined }
  | { kind: "nobody"; why: string };

export interface Access {
  apiRoot: string;
  token: string;
}

/** One call of the Bot API. Never rejects, and no answer holds the token. `timeoutMs` covers the whole call. */
export async function callBotApi<T>(
  { apiRoot, token }: Access,
  method: string,
  parameters: Readonly<Record<string, unknown>> = {},
  timeoutMs = 15_000,
): Promise<Answer<T>> {
  try {
    const response = await fetch(`${apiRoot}/bot${token}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(parameters),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = await response.text();
    const answer = parse(body) as Body<T> | undefined;
    if (answer === undefined) return { kind: "nobody", why: `HTTP ${response.status} that is not the Bot API's` };
    if (answer.ok)
      return { kind: "ok", result: answer.result, serverTimeMs: timeOf(response.headers.get("date") ?? "") };
    return {
      kind: "refused",
      code: answer.error_code,
      description: answer.description,
      migratedTo: answer.parameters?.migrate_to_chat_id,
    };
  } catch (error) {
    return { kind: "nobody", why: codeOf(error) };
  }
}

type Body<T> =
  | { ok: true; result: T }
  | { ok: false; error_code: number; description: string; parameters?: { migrate_to_chat_id?: number } };

function parse(body: string): Body<unknown> | undefined {
  try {
    const parsed = JSON.parse(body) as Body<unknown>;
    return typeof parsed?.ok === "boolean" ? parsed : undefined;
  } catch {
    return undefined;
  }
}

const timeOf = (header: string): number | undefined => Date.parse(header) || undefined;

/** `fetch` wraps the reason: ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED. */
export function codeOf(error: unknown): string {
  const { cause, name } = error as { cause?: { code?: string }; name?: string };
  return cause?.code ?? (name === "TimeoutError" ? "no answer in time" : "no connection");
}
