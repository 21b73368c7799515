import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";

/** Why a request is answered with `status` instead of being taken. */
export class Refusal extends Error {
  override name = "Refusal";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const inflate = promisify(gunzip);

/**
 * The whole body, inflated. Counts while it reads, since JavaScript exporters send chunks without a length.
 * `maxBytes` holds before and after inflating; 413 over it. `deadlineMs` bounds the reading: 503, so that the client
 * sends the batch again.
 */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, deadlineMs }: { maxBytes: number; deadlineMs: number },
): Promise<Buffer> {
  const raw = await collect(request, maxBytes, deadlineMs);
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding !== "gzip") return raw;
  try {
    return await inflate(raw, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new Refusal(400, "body is not gzip");
  }
}

function collect(request: IncomingMessage, maxBytes: number, deadlineMs: number): Promise<Buffer> {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const done = (): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("error", onBroken).off("close", onBroken);
    };
    const fail = (refusal: Refusal): void => {
      done();
      reject(refusal);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) fail(tooLarge(maxBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void => {
      done();
      resolve(Buffer.concat(chunks, length));
    };
    const onBroken = (): void => fail(new Refusal(400, "body ended early"));
    const timer = setTimeout(() => fail(new Refusal(503, "body took too long")), deadlineMs);
    request.on("data", onData).on("end", onEnd).on("error", onBroken).on("close", onBroken);
  });
}

const tooLarge = (maxBytes: number): Refusal => new Refusal(413, `body is larger than ${maxBytes} bytes`);
