import type { Readable } from "node:stream";
import type { ApiClientOptions } from "grammy";
import type { Dispatcher } from "undici";
import { Agent, request } from "undici";
import { sharedLookup } from "./lookup.ts";
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

// 30 s of long poll and 15 s of patience; a minute for what may carry a file. grammY's own 500 s outlast every alert.
const DEADLINES_MS: Readonly<Record<string, number>> = { getUpdates: 45_000, getMe: 15_000, default: 60_000 };
const PATIENCE_MS = 15_000;

/**
 * grammY's HTTP client over undici: cheaper than the default node-fetch, every call has a total deadline, a
 * body cut short is an error at once, and the token enters the URL only here.
 */
export function createTransport(options: TransportOptions): Transport {
  const apiRoot = (options.apiRoot ?? "https://api.telegram.org").replace(/\/+$/, "");
  const placeholder = `${options.token.split(":", 1)[0] ?? "0"}:REDACTED`;
  const deadlines: Readonly<Record<string, number>> = { ...DEADLINES_MS, ...options.deadlinesMs };
  // The deadline here is total; undici's own timers for headers and body would be set and cleared for nothing.
  // Over HTTP/1.1 a call has a connection of its own: one that hangs holds up no other.
  const untimed = {
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
    connect: { lookup: sharedLookup },
  };
  const dispatcher = new Agent({ ...untimed, connections: 64 });
  // Its own: behind 64 sends that hang, a poll would wait for a connection until it is given up.
  const polls = new Agent({ ...untimed, connections: 2 });
  const route = createRoute(apiRoot);
  addSecret(options.token);

  function deadlineOf(method: string, body: RequestInit["body"]): number {
    const ms = deadlines[method] ?? deadlines["default"] ?? 60_000;
    if (method !== "getUpdates" || typeof body !== "string" || options.deadlinesMs?.["getUpdates"] !== undefined)
      return ms;
    // A poll may ask for up to 50 s (Telegram cuts more down to that); given up before, each would fail.
    const seconds = Math.min(50, Number(/"timeout":(\d+)/.exec(body)?.[1] ?? 0));
    return Math.max(ms, seconds * 1000 + PATIENCE_MS);
  }

  function call(url: string, init: RequestInit, method: string): Promise<Answer> {
    if (init.signal?.aborted) return Promise.reject(givenUp());
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const chunks: Buffer[] = [];
    let status = 0;
    let controller: Dispatcher.DispatchController | undefined;
    const deadline = createDeadline(deadlineOf(method, init.body), init.signal, (reason) => {
      controller?.abort(reason);
      failed(reason);
    });
    const failed = (error: Error): void => {
      deadline.clear();
      // An upload that nobody reads any more.
      (init.body as Partial<Readable> | null | undefined)?.destroy?.();
      reject(error);
    };
    // Not `request`: it wraps the answer in a stream, of which only the text is wanted.
    (method === "getUpdates" ? polls : dispatcher).dispatch(
      {
        ...route(url.replace(placeholder, options.token)),
        method: init.method ?? "GET",
        headers: init.headers as Record<string, string>,
        body: (init.body ?? null) as string | null,
      },
      {
        onRequestStart: (started) => {
          controller = started;
          const reason = deadline.reason();
          if (reason) started.abort(reason);
        },
        onResponseStart: (_, statusCode) => void (status = statusCode),
        onResponseData: (_, chunk) => void chunks.push(chunk),
        onResponseEnd: () => {
          deadline.clear();
          resolve({ status, text: (chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))?.toString() ?? "" });
        },
        onResponseError: (_, error) => failed(error),
      },
    );
    return promise;
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
      if (signal?.aborted) throw givenUp();
      const aborted = new AbortController();
      const deadline = createDeadline(deadlines["default"] ?? 60_000, signal, (reason) => aborted.abort(reason));
      try {
        const url = `${apiRoot}/file/bot${options.token}/${filePath.split("/").map(encodeURIComponent).join("/")}`;
        const answer = await request(url, { signal: aborted.signal, dispatcher });
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
        throw deadline.reason() ?? error;
      } finally {
        deadline.clear();
      }
    },
    close: async () => void (await Promise.all([dispatcher.destroy(), polls.destroy()])),
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

const givenUp = () => new DOMException("the call was given up", "AbortError");

/** Splits the URL of a call into origin and path, without parsing it again where it begins with the API root. */
function createRoute(apiRoot: string): (url: string) => { origin: string; path: string } {
  const root = URL.parse(apiRoot);
  const asItIs = root !== null && root.href.replace(/\/$/, "") === apiRoot ? root.origin : undefined;
  return (url) => {
    if (asItIs !== undefined && url.startsWith(`${apiRoot}/`))
      return { origin: asItIs, path: url.slice(asItIs.length) };
    const { origin, pathname, search } = new URL(url);
    return { origin, path: pathname + search };
  };
}

/**
 * One total deadline over a call, joined with the caller's signal; `end` is told why, once. grammY passes a polyfilled
 * AbortSignal, which the platform's own AbortSignal.any would reject.
 */
function createDeadline(
  ms: number,
  outer: Pick<AbortSignal, "addEventListener" | "removeEventListener"> | null | undefined,
  end: (reason: DOMException) => void,
) {
  // Made only when it is needed: an exception per call that succeeds would be among the dearest parts of it.
  let reason: DOMException | undefined;
  const stop = (why: DOMException): void => {
    clear();
    reason = why;
    end(why);
  };
  const onAbort = (): void => stop(givenUp());
  const timer = setTimeout(() => stop(new DOMException(`no answer within ${ms} ms`, "TimeoutError")), ms);
  const clear = (): void => {
    clearTimeout(timer);
    outer?.removeEventListener("abort", onAbort);
  };
  outer?.addEventListener("abort", onAbort);
  return { clear, reason: (): DOMException | undefined => reason };
}
