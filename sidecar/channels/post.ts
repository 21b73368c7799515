import { Readable } from "node:stream";
import { sharedLookup } from "@gramwatch/otel";
import { Agent, request } from "undici";
import type { Answer } from "./channel.ts";

const CONNECT_MS = 5000; // half of a send's deadline: a black hole is then known to be "not sent"
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * One HTTP request over a connection of its own: alerts are rare, and a kept-alive socket that the other side has
 * meanwhile closed would make a certain failure look ambiguous. The answer of a failed request says whether it had left.
 */
export function createPost() {
  const agent = new Agent({
    connect: {
      timeout: CONNECT_MS,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: 2500,
      lookup: sharedLookup,
    },
    pipelining: 0,
    allowH2: false,
  });

  async function post(
    url: string,
    options: { method?: "POST" | "PUT"; headers?: Record<string, string>; body: string; signal: AbortSignal },
  ): Promise<Answer> {
    const body = Buffer.from(options.body);
    let written = false;
    // undici asks for the body once the connection stands and the headers go out.
    async function* once() {
      written = true;
      yield body;
    }
    try {
      const response = await request(url, {
        dispatcher: agent,
        method: options.method ?? "POST",
        headers: { "content-type": "application/json", ...options.headers, "content-length": String(body.length) },
        body: Readable.from(once()),
        signal: options.signal,
        reset: true,
      });
      return {
        answered: true,
        status: response.statusCode,
        text: await textOf(response.body),
        retryAfter: [response.headers["retry-after"] ?? null].flat()[0] ?? null,
      };
    } catch (error) {
      return { answered: false, code: codeOf(error), written };
    }
  }
  return { post, close: () => agent.destroy() };
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Only the code: messages and URLs may hold the token. */
function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === "string" ? code : (name ?? "error");
}
