import type { Refusal } from "./refusals.ts";
import { Described } from "./webhook.ts";

/** One HTTP answer, before the wire gets hold of it. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** Telegram's words, where it refuses. */
  description?: string;
}

/** HTTP status = `error_code`; the wait of a 429 is in the body and in the header. */
export function refusalAnswer({ code, message, parameters }: Refusal): Answer {
  const body = JSON.stringify({ ok: false, error_code: code, description: message, parameters });
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (parameters?.retry_after) headers["retry-after"] = String(parameters.retry_after);
  return { status: code, headers, body, description: message };
}

export function resultAnswer(result: unknown): Answer {
  const body =
    result instanceof Described ? { ok: true, result: true, description: result.description } : { ok: true, result };
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** HttpReader's own refusals: no body, so a client must not count on JSON. */
export function emptyAnswer(status: 413 | 415 | 501): Answer {
  return { status, headers: {}, body: "" };
}

/** nginx in front of Telegram, as in nickoala/telepot#31. */
export function htmlAnswer(status: number): Answer {
  const title = `${status} ${status === 502 ? "Bad Gateway" : status === 504 ? "Gateway Time-out" : "Error"}`;
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body bgcolor="white">\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx/1.10.0</center>\r\n</body>\r\n</html>\r\n`;
  return { status, headers: { "content-type": "text/html" }, body, description: title };
}
