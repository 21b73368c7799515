import { redactFreeText } from "./redact.ts";

export interface DescribedError {
  type: string;
  message: string;
  stack?: string;
  method?: string;
  error_code?: number;
  description?: string;
  code?: string;
  cause?: DescribedError;
}

const DEPTH = 4;
const FRAMES = 20;
const LONGEST = 4096;

/**
 * An error as data for a log line: what is listed here and never "the rest", for pino's default would copy
 * `GrammyError.payload` (message text) and `HttpError.error` (an URL with the token).
 */
export function describeError(error: unknown, depth = DEPTH): DescribedError {
  if (typeof error !== "object" || error === null) return { type: typeof error, message: clean(String(error)) };
  const given = error as Record<string, unknown>;
  const inner = given["error"] ?? given["cause"];
  return {
    type: typeof given["name"] === "string" ? given["name"] : (error.constructor?.name ?? "Error"),
    // The error of a refused connection on several addresses has a code and no message.
    message: clean(textIn(given["message"]) || textIn(given["code"])),
    ...(typeof given["stack"] === "string" && { stack: frames(given["stack"]) }),
    ...(typeof given["method"] === "string" && { method: clean(given["method"]) }),
    ...(typeof given["error_code"] === "number" && { error_code: given["error_code"] }),
    ...(typeof given["description"] === "string" && { description: clean(given["description"]) }),
    ...(typeof given["code"] === "string" && { code: clean(given["code"]) }),
    ...(inner instanceof Error && depth > 1 && { cause: describeError(inner, depth - 1) }),
  };
}

const textIn = (value: unknown): string => (typeof value === "string" ? value : "");
const clean = (text: string): string => redactFreeText(text).slice(0, LONGEST);

function frames(stack: string): string {
  const lines = stack.split("\n");
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  return clean(lines.slice(0, (first === -1 ? 1 : first) + FRAMES).join("\n"));
}
