import type { ResponseParameters } from "@grammyjs/types";

/** Telegram says no: the answer's `error_code` (which is the HTTP status too), `description` and `parameters`. */
export class Refusal extends Error {
  readonly code: number;
  readonly parameters: ResponseParameters | undefined;

  constructor(code: number, description: string, parameters?: ResponseParameters) {
    super(description);
    this.name = "Refusal";
    this.code = code;
    this.parameters = parameters;
  }
}

export const badRequest = (text: string, parameters?: ResponseParameters): Refusal =>
  new Refusal(400, `Bad Request: ${text}`, parameters);

export const forbidden = (text: string): Refusal => new Refusal(403, `Forbidden: ${text}`);

export const conflict = (text: string): Refusal => new Refusal(409, `Conflict: ${text}`);

/** Query::set_retry_after_error. The HTTP layer repeats the seconds in the `Retry-After` header. */
export const flood = (retryAfterSeconds: number): Refusal =>
  new Refusal(429, `Too Many Requests: retry after ${retryAfterSeconds}`, { retry_after: retryAfterSeconds });

/** Ours, not Telegram's: nothing that is not implemented is accepted in silence. */
export const notServed = (what: string): Refusal => new Refusal(501, `fake-telegram: ${what} is not served`);
