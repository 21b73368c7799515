import type { ApiReason, ErrorReason, HandlingReason, StatusCode } from "./names.ts";
import { statusCodes } from "./names.ts";

interface ErrorLike {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  status?: unknown;
  error?: unknown;
  cause?: unknown;
  error_code?: unknown;
  failure?: unknown;
}

const CODES: readonly [ApiReason, RegExp][] = [
  ["dns", /^(ENOTFOUND|EAI_[A-Z]+|ENODATA)$/],
  ["connect", /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/],
  ["tls", /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO$)/],
  ["timeout", /^(ETIMEDOUT|ESOCKETTIMEDOUT|UND_ERR_(HEADERS|BODY)_TIMEOUT|ERR_OPERATION_TIMED_OUT)$/],
  ["reset", /^(ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET|UND_ERR_CLOSED|UND_ERR_DESTROYED)$/],
  ["protocol", /^(HPE_|UND_ERR_RES_|UND_ERR_RESPONSE|UND_ERR_INFO)/],
  ["aborted", /^(ABORT_ERR|UND_ERR_ABORTED)$/],
];

/** The Bot API's error code as a reason: `{"ok":false,"error_code":…}`. */
export function reasonOfCode(code: number): ApiReason {
  if (code === 401 || code === 404) return "unauthorized";
  if (code === 403) return "forbidden";
  if (code === 409) return "conflict";
  if (code === 429) return "flood";
  if (code >= 500) return "server";
  return code >= 400 ? "bad_request" : "_OTHER";
}

/**
 * Why a Bot API call failed. By class, then code, never by substrings of a message; grammY's `HttpError.error` and
 * `cause` are followed four deep.
 */
export function reasonOf(error: unknown): ApiReason {
  let current: unknown = error;
  for (let depth = 0; depth < 5 && typeof current === "object" && current !== null; depth++) {
    const seen = current as ErrorLike;
    if (typeof seen.error_code === "number") return reasonOfCode(seen.error_code);
    if (typeof seen.status === "number" && seen.status >= 500) return "server";
    if (typeof seen.code === "string") {
      const code = seen.code;
      const found = CODES.find(([, pattern]) => pattern.test(code));
      if (found) return found[0];
    }
    if (seen.name === "TimeoutError" || isGrammyTimeout(seen)) return "timeout";
    if (seen.name === "AbortError") return "aborted";
    if (seen.name === "SyntaxError") return "protocol";
    current = seen.error ?? seen.cause ?? firstOf(current);
  }
  return "_OTHER";
}

// grammY's own timeout is a plain Error without a code: its fixed sentence is all there is (core/client.js).
const isGrammyTimeout = (seen: ErrorLike): boolean =>
  seen.name === "Error" &&
  typeof seen.message === "string" &&
  /^Request to '\w+' timed out after \d+ seconds$/.test(seen.message);

// Happy eyeballs: one error per address; the first tells as much as the rest.
const firstOf = (error: unknown): unknown =>
  error instanceof AggregateError ? (error.errors[0] as unknown) : undefined;

/** `rpc.status_code`: the status as a closed label; undefined without an HTTP answer. */
export function statusLabel(status: number | undefined): StatusCode | undefined {
  if (status === undefined) return undefined;
  const label = String(status);
  return (statusCodes as readonly string[]).includes(label) ? (label as StatusCode) : "_OTHER";
}

/** An error that knows how it failed; `handlingReasonOf` believes it. */
export class HandlingError extends Error {
  readonly failure: HandlingReason;
  constructor(failure: HandlingReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HandlingError";
    this.failure = failure;
  }
}

/** How the handling of an update failed, from what was thrown out of it. grammY's `BotError` is unwrapped. */
export function handlingReasonOf(error: unknown): HandlingReason {
  let current: unknown = error;
  for (let depth = 0; depth < 5 && typeof current === "object" && current !== null; depth++) {
    const seen = current as ErrorLike;
    if (current instanceof HandlingError) return current.failure;
    if (seen.name === "GrammyError" || seen.name === "HttpError") return "reply";
    if (seen.name === "TimeoutError") return "timeout";
    if (typeof seen.code === "string") {
      if (seen.code.startsWith("ERR_SQLITE")) return "storage";
      if (seen.code.startsWith("UND_ERR_") || CODES.slice(0, 5).some(([, p]) => p.test(String(seen.code)))) {
        return "dependency";
      }
    }
    current = seen.error ?? seen.cause;
  }
  return "handler";
}

/** Which error counter a failed handling moves; undefined: `shutdown` is no error, the update is replayed. */
export function countedAs(reason: HandlingReason): ErrorReason | undefined {
  if (reason === "shutdown") return undefined;
  return reason === "timeout" ? "handler" : reason;
}
