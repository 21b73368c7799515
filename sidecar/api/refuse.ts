import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

/** The contract's form of an error. `code` is for programs, `message` for people. */
export const refuse = (c: Context, status: ContentfulStatusCode, code: string, message: string): Response =>
  c.json({ error: { code, message } }, status);
