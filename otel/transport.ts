import type { ApiClientOptions } from "grammy";
import { Agent, request } from "undici";
import { addSecret } from "./redact.ts";

export interface TransportOptions {
  token: string;
  /** Default `https://api.telegram.org`. */
  apiRoot?: string;
  /** Total time for one call, body included, by method; an idle timer would never end a dripping answer. */
  deadlinesMs?: Readonly<Record<string, number>> & { default?: number };
}

export interface Transport {
  /** For `new Bot(transport.token, { client: { apiRoot, fetch: transport.fetch } })`. */
  fetch: NonNullable<ApiClientOptions["fetch"]>;
  /** `<bot id>:REDACTED`: the real token is put in here, so that no grammY object and no error ever holds it. */
  token: string;
  apiRoot: string;
  /**
   * Downloads a file by the `file_path` that getFile gave.
   * Rejects with code `FILE_TOO_BIG` over `maxBytes`, with `status` for an answer other than 200.
   */
  download(filePath: string, options: { maxBytes: number; signal?: AbortSignal }): Promise<Uint8Array>;
  close(): Promise<void>;
}

// 30 s of long poll and 15 s of patience; the rest as in failure-modes.md (b) 11.
const DEADLINES_MS: Readonly<Record<string, number>> = { getUpdates: 45_000, getMe: 15_000, default: 60_000 };

/**
 * grammY's HTTP client over `undici.request`: cheaper than the default node-fetch, every call has a total deadline, a
 * body cut short is an error at once, and the token enters the URL only here.
 */
export function createTransport(options: TransportOptions): Transport {
  const apiRoot = (options.apiRoot ?? "https://api.telegram.org").replace(/\/+$/, "");
  const placeholder = `${options.token.split(":", 1)[0] ?? "0"}:REDACTED`;
  const deadlines: Readonly<Record<string, number>> = { ...DEADLINES_MS, ...options.deadlinesMs };
  const dispatcher = new Agent({ connections: 64, pipelining: 1 });
  addSecret(options.token);

  async function call(url: string, init: RequestInit, method: string): Promise<Answer> {
    const deadline = createDeadline(deadlines[method] ?? deadlines["default"] ?? 60_000, init.signal ?? undefined);
    try {
      const answer = await request(url.replace(placeholder, options.token), {
        method: (init.method ?? "GET") as "GET",
        headers: init.headers as Record<string, string>,
        body: (init.body ?? null) as string | null,
        signal: deadline.signal,
        dispatcher,
      });
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (error) {
      throw deadline.explain(error);
    } finally {
      deadline.clear();
    }
  }

  return {
    token: placeholder,
    apiRoot,
    fetch: (async (input: string | URL, init: RequestInit = {}) => {
      const url = String(input);
      const answer = await call(url, init, url.slice(url.lastIndexOf("/") + 1));
      return {
        ok: answer.status >= 200 && answer.status < 300,
        status: answer.status,
        text: () => Promise.resolve(answer.text),
        json: () => parse(answer),
      };
    }) as unknown as Transport["fetch"],
    async download(filePath, { maxBytes, signal }) {
      const deadline = createDeadline(deadlines["default"] ?? 60_000, signal);
      try {
        const url = `${apiRoot}/file/bot${options.token}/${filePath.split("/").map(encodeURIComponent).join("/")}`;
        const answer = await request(url, { signal: deadline.signal, dispatcher });
        if (answer.statusCode !== 200) {
          await answer.body.dump();
          throw Object.assign(new Error("the file was refused"), { status: answer.statusCode });
        }
        const parts: Uint8Array[] = [];
        let bytes = 0;
        for await (const part of answer.body as AsyncIterable<Uint8Array>) {
          bytes += part.length;
          if (bytes > maxBytes) throw Object.assign(new Error("the file is too big"), { code: "FILE_TOO_BIG" });
          parts.push(part);
        }
        return Buffer.concat(parts);
      } catch (error) {
        throw deadline.explain(error);
      } finally {
        deadline.clear();
      }
    },
    close: () => dispatcher.destroy(),
  };
}

interface Answer {
  status: number;
  text: string;
}

// The body of a front end's error page is not repeated: it may be long, and it is not Telegram's word.
function parse({ status, text }: Answer): Promise<unknown> {
  try {
    return Promise.resolve(JSON.parse(text));
  } catch {
    const error = new SyntaxError("the answer is not JSON");
    return Promise.reject(Object.assign(error, { status, statusText: "not JSON" }));
  }
}

/**
 * One total deadline over a call, joined with the caller's signal. grammY passes a polyfilled AbortSignal, which the
 * platform's own AbortSignal.any would reject.
 */
function createDeadline(
  ms: number,
  outer: Pick<AbortSignal, "aborted" | "addEventListener" | "removeEventListener"> | undefined,
) {
  const controller = new AbortController();
  let late: DOMException | undefined;
  const abort = () => controller.abort();
  const timer = setTimeout(() => {
    // Made only now: an exception per call that succeeds would be among the dearest parts of it.
    late = new DOMException(`no answer within ${ms} ms`, "TimeoutError");
    controller.abort(late);
  }, ms);
  if (outer?.aborted) abort();
  else outer?.addEventListener("abort", abort);
  return {
    signal: controller.signal,
    /** undici rejects with its own error after an abort; the reason is ours to keep. */
    explain: (error: unknown): unknown => late ?? error,
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    },
  };
}
