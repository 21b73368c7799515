/**
 * The last net under every exported string. First the exact values that the process knows (also percent-encoded),
 * then whatever looks like a bot token: digits, a colon (or %3A), 35 URL-safe characters.
 */
const TOKEN = /\d{3,20}(?::|%3A)[A-Za-z0-9_-]{30,}/gi;
/** E.164: a plus and 7 to 15 digits, blanks, dots, dashes and brackets between them. */
const PHONE = /\+\d(?:[ .()-]{0,2}\d){6,14}/g;

const secrets: string[] = [];
/** The shortest text that could hide something: a token has 34 characters, each secret its own length. */
let shortest = 34;

/** Makes `redact` remove this exact value from now on. Values under 6 characters are ignored: they hide nothing. */
export function addSecret(value: string | undefined): void {
  if (value === undefined || value.length < 6) return;
  for (const form of new Set([value, encodeURIComponent(value)])) if (!secrets.includes(form)) secrets.push(form);
  shortest = Math.min(shortest, value.length);
}

/** The text without secrets and without anything that looks like a bot token. */
export function redact(text: string): string {
  // Nearly every attribute ends here.
  if (text.length < shortest) return text;
  let clean = text;
  for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, "[secret]");
  // The cheap test first: nearly every string has neither a colon nor its escape.
  if (clean.includes(":") || clean.includes("%3")) clean = clean.replace(TOKEN, "[token]");
  return clean;
}

/** For free text that people or other programs wrote (error messages, descriptions): also without phone numbers. */
export function redactFreeText(text: string): string {
  const clean = redact(text);
  return clean.includes("+") ? clean.replace(PHONE, "[phone]") : clean;
}

/** Deeper than anybody reads; a value that contains itself has no end. */
const MAX_DEPTH = 20;

/** A value of an attribute or a body, redacted: text is cleaned, also within lists and maps; everything else holds none. */
export function redactValue<T>(value: T, depth = 0): T {
  if (typeof value === "string") return redact(value) as T;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (depth === MAX_DEPTH) return "[too deep]" as T;
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, depth + 1)) as T;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactValue(item, depth + 1)])) as T;
}
