import type { TestContext } from "node:test";
import { Agent, request } from "undici";
import { startFakeTelegram, type FakeTelegramOptions } from "./mod.ts";
import type { Api } from "./schema.ts";

interface CallOptions {
  /** Default `shop`. */
  bot?: string;
  root?: string;
  timeoutMs?: number;
}

/** POSTs JSON; rejects with what a client of `undici.request` sees. */
export async function post(dispatcher: Agent, url: string, params: object, timeoutMs = 5000) {
  const { statusCode, headers, body } = await request(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(params),
    dispatcher,
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: statusCode, headers, text: await body.text() };
}

/** A Bot API with the bots `shop` and `alerts`, and a client for it; both end with the test. */
export async function startWithClient(t: TestContext, options: FakeTelegramOptions = {}) {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"], ...options });
  const dispatcher = new Agent();
  t.after(async () => {
    await dispatcher.destroy();
    await telegram.close();
  });

  function call(method: string, params: object = {}, { bot = "shop", root, timeoutMs }: CallOptions = {}) {
    return post(dispatcher, `${root ?? telegram.url}/bot${telegram.bot(bot).token}/${method}`, params, timeoutMs);
  }

  /** The result; fails the test on a refusal. */
  const ok = async <M extends keyof Api>(method: M, params: object = {}, options: CallOptions = {}) => {
    const { status, text } = await call(method, params, options);
    if (status !== 200) throw new Error(`${method}: ${text}`);
    return (JSON.parse(text) as { result: ReturnType<Api[M]> }).result;
  };

  /** `<code> <description>`; fails the test on a success, and where the status is not the code. */
  const refusal = async (method: string, params: object = {}, options: CallOptions = {}): Promise<string> => {
    const { status, text } = await call(method, params, options);
    const { ok, error_code, description } = JSON.parse(text) as Record<string, unknown>;
    if (ok || error_code !== status) throw new Error(`${method}: ${status} ${text}`);
    return `${status} ${String(description)}`;
  };

  return { telegram, dispatcher, call, ok, refusal };
}

/** Settles once `condition` holds, turning the event loop meanwhile; rejects after 5 s. */
export async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`5 s have passed without ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
