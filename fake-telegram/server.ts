import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { emptyAnswer, refusalAnswer, resultAnswer, type Answer } from "./answer.ts";
import type { Bot, Bots } from "./bots.ts";
import type { Clock } from "./clock.ts";
import type { FaultRule, Faults } from "./faults.ts";
import type { Files } from "./files.ts";
import type { Call, Journal } from "./journal.ts";
import type { Latency } from "./latency.ts";
import type { Methods } from "./methods.ts";
import { createParams, readParams, type Params } from "./params.ts";
import { badRequest, notServed, Refusal } from "./refusals.ts";
import { schema, type Served } from "./schema.ts";
import { telegramMethods } from "./telegram-methods.ts";
import { breakAnswer, sendAnswer, spoiltAnswer } from "./wire.ts";

interface ServerDeps {
  bots: Bots;
  clock: Clock;
  faults: Faults;
  files: Files;
  journal: Journal;
  latency: Latency;
  methods: Methods;
}

const maxParamsBytes = 1024 * 1024;
const maxUploadBytes = 50 * 1024 * 1024;
const served = new Map(Object.keys(schema).map((name) => [name.toLowerCase(), name as Served]));
const known = new Map(telegramMethods.map((name) => [name.toLowerCase(), name]));

/** The Bot API over HTTP: reads a call, lets the faults have it, does the work, writes it down. */
export function createBotApi({ bots, clock, faults, files, journal, latency, methods }: ServerDeps): RequestListener {
  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? "/", "http://localhost");
    const body = await readBody(req);
    if (typeof body === "number") return sendAnswer(res, emptyAnswer(body));
    const download = /^\/file\/bot([^/]+)\/(.+)$/.exec(url.pathname);
    if (download) return serveFile(req, res, decodeURIComponent(download[1]!), download[2]!);
    const path = /^\/bot([^/]+)\/(?:test\/)?(.*)$/.exec(url.pathname);
    if (!path) return sendAnswer(res, refusalAnswer(new Refusal(404, "Not Found")));

    let params = createParams(new Map(), new Map());
    let bad: unknown;
    try {
      params = await readParams(url.searchParams, req.headers["content-type"] ?? "", body);
    } catch (error) {
      bad = error;
    }
    const method = path[2] || (params.text("method") ?? "");
    let bot: Bot | undefined;
    try {
      bot = bots.authorized(decodeURIComponent(path[1]!));
    } catch (error) {
      bad = error;
    }
    const call = begin(req, bot, method, params);
    if (!bot || bad) return finish(res, call, toAnswer(bad));
    await serve(res, call, bot, method, params);
  }

  async function serve(res: ServerResponse, call: Call, bot: Bot, method: string, params: Params): Promise<void> {
    const chat = params.has("chat_id") ? params.integer("chat_id", 0, -(2 ** 53), 2 ** 53) : undefined;
    const rule = faults.take({ bot, method, chat });
    if (rule) journal.change(call, { fault: rule.fault.kind });
    if (!rule) return finish(res, call, await work(res, call, bot, method, params), latency.nextMs(method));
    const { fault, when = "before" } = rule;
    if (fault.kind === "slow") {
      if (when === "before") await delay(fault.delayMs);
      const answer = await work(res, call, bot, method, params);
      return finish(res, call, answer, when === "after" ? fault.delayMs : 0);
    }
    const answer = when === "after" ? await work(res, call, bot, method, params) : undefined;
    return spoil(rule, res, call, answer);
  }

  function spoil({ fault }: FaultRule, res: ServerResponse, call: Call, answer: Answer | undefined): void {
    const instead = spoiltAnswer(fault);
    if (instead) return finish(res, call, instead);
    const state = breakAnswer(fault, res, answer, clock);
    journal.change(call, { state, durationMs: clock.now() - call.atMs });
  }

  /** Never rejects: a refusal is an answer. */
  async function work(res: ServerResponse, call: Call, bot: Bot, method: string, params: Params): Promise<Answer> {
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    res.once("close", leave);
    try {
      const name = check(method, params);
      const result = methods[name](bot, params, gone.signal);
      if (name === "getUpdates" && bot.updates.isPolled()) journal.change(call, { state: "waiting" });
      return resultAnswer(await result);
    } catch (error) {
      return toAnswer(error);
    } finally {
      res.off("close", leave);
    }
  }

  function begin(req: IncomingMessage, bot: Bot | undefined, method: string, params: Params): Call {
    return journal.begin({
      bot: bot?.name,
      method: known.get(method.toLowerCase()) ?? method,
      params: params.plain(),
      headers: { ...req.headers },
    });
  }

  function finish(res: ServerResponse, call: Call, answer: Answer, lateMs = 0): void {
    if (lateMs > 0) {
      clock.after(lateMs, () => finish(res, call, answer));
      return;
    }
    const gone = res.destroyed;
    sendAnswer(res, answer);
    journal.change(call, {
      state: gone ? "gone" : "answered",
      status: answer.status,
      durationMs: clock.now() - call.atMs,
      ...(answer.description === undefined ? {} : { description: answer.description }),
    });
  }

  function serveFile(req: IncomingMessage, res: ServerResponse, token: string, path: string): void {
    let answer: Answer;
    let bot: Bot | undefined;
    try {
      bot = bots.authorized(token);
      const file = files.download(path);
      if (!file) throw new Refusal(404, "Not Found");
      answer = { status: 200, headers: { "content-type": "application/octet-stream" }, body: file.bytes };
    } catch (error) {
      answer = toAnswer(error);
    }
    const call = begin(req, bot, "download", createParams(new Map([["path", path]]), new Map()));
    const rule = bot && faults.take({ bot, method: "download", chat: undefined });
    if (rule?.fault.kind === "slow") return finish(res, call, answer, rule.fault.delayMs);
    if (rule) spoil(rule, res, call, rule.when === "after" ? answer : undefined);
    else finish(res, call, answer, latency.nextMs("download"));
  }

  const delay = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

  return function botApi(req, res) {
    handle(req, res).catch((error: unknown) => {
      sendAnswer(res, refusalAnswer(new Refusal(500, `fake-telegram: ${String(error)}`)));
    });
  };
}

function toAnswer(error: unknown): Answer {
  if (error instanceof Refusal) return refusalAnswer(error);
  // A mistake of ours, which a test must not take for a refusal of Telegram's.
  return refusalAnswer(new Refusal(500, `fake-telegram: ${(error as Error).stack ?? String(error)}`));
}

/** The method that is served, or the refusal; then its parameters by name. */
function check(method: string, params: Params): Served {
  const name = served.get(method.toLowerCase());
  if (!name) {
    const telegrams = known.get(method.toLowerCase());
    throw telegrams ? notServed(telegrams) : new Refusal(404, "Not Found: method not found");
  }
  const allowed: Record<string, boolean> = schema[name];
  for (const given of params.names()) {
    if (given === "method" || allowed[given]) continue;
    if (allowed[given] === false) throw notServed(`${name} with ${given}`);
    // Files that `attach://<name>` speaks of have names of the caller's choice.
    if (!params.file(given)) throw badRequest(`fake-telegram: ${name} has no parameter "${given}"`);
  }
  return name;
}

/** The body, or the status of the HTTP layer's refusal. */
async function readBody(req: IncomingMessage): Promise<Buffer | 413 | 415 | 501> {
  if (req.method !== "GET" && req.method !== "POST") return 501;
  if ((req.headers["content-encoding"] ?? "identity") !== "identity") return 415;
  const limit = req.headers["content-type"]?.startsWith("multipart/") ? maxUploadBytes : maxParamsBytes;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  return size > limit ? 413 : Buffer.concat(chunks);
}
