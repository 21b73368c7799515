import { badRequest } from "./refusals.ts";

/** A file that came in a multipart body. */
export interface Upload {
  name: string;
  type: string;
  bytes: Uint8Array;
}

/** The parameters of one call, by the names of the Bot API. Telegram reads all of them as text. */
export interface Params {
  names(): string[];
  has(name: string): boolean;
  /** undefined: absent or empty, which Telegram does not tell apart. */
  text(name: string): string | undefined;
  /** Client::get_integer_arg: junk counts as 0, then the value is clamped. */
  integer(name: string, byDefault: number, min?: number, max?: number): number;
  flag(name: string): boolean;
  /** A structured parameter: JSON text, or the value itself from a JSON body. Throws a `SyntaxError` on junk. */
  json(name: string): unknown;
  file(name: string): Upload | undefined;
  /** What the call log shows: structured values parsed, files as their names. */
  plain(): Record<string, unknown>;
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Leading digits as in td::to_integer, which reads "12abc" as 12 and "abc" as 0. */
function leadingInteger(text: string): number {
  return Number(/^-?\d+/.exec(text)?.[0] ?? 0);
}

export function createParams(values: ReadonlyMap<string, unknown>, files: ReadonlyMap<string, Upload>): Params {
  function text(name: string): string | undefined {
    const value = values.get(name);
    return value === undefined || value === null ? undefined : asText(value) || undefined;
  }
  return {
    names: () => [...values.keys(), ...files.keys()],
    has: (name) => text(name) !== undefined || files.has(name),
    text,
    integer(name, byDefault, min = -(2 ** 31), max = 2 ** 31 - 1) {
      const given = text(name);
      return Math.min(max, Math.max(min, given === undefined ? byDefault : leadingInteger(given)));
    },
    // ClientManager::to_bool
    flag: (name) => ["true", "yes", "1"].includes((text(name) ?? "").trim().toLowerCase()),
    json(name) {
      const value = values.get(name);
      return typeof value === "string" ? (value === "" ? undefined : JSON.parse(value)) : (value ?? undefined);
    },
    file: (name) => files.get(name),
    plain() {
      const shown: Record<string, unknown> = {};
      for (const [name, value] of values) shown[name] = legible(value);
      for (const [name, file] of files) shown[name] = file.name;
      return shown;
    },
  };
}

/** Text that holds a JSON object or array is shown as such, a whole number as a number. */
function legible(value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (/^-?\d{1,15}$/.test(value)) return Number(value);
  if (!/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Query string and body of one request; the query wins. Malformed JSON is 400 (Telegram ignores it). */
export async function readParams(query: URLSearchParams, contentType: string, body: Buffer): Promise<Params> {
  const values = new Map<string, unknown>();
  const files = new Map<string, Upload>();
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (body.length > 0) {
    if (type === "application/json") readJson(body, values);
    else if (type === "application/x-www-form-urlencoded") readPairs(new URLSearchParams(body.toString()), values);
    else if (type === "multipart/form-data") await readMultipart(contentType, body, values, files);
  }
  readPairs(query, values);
  return createParams(values, files);
}

function readJson(body: Buffer, values: Map<string, unknown>): void {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    throw badRequest("can't parse request body as a JSON object");
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw badRequest("can't parse request body as a JSON object");
  }
  for (const [name, value] of Object.entries(parsed)) values.set(name, value);
}

function readPairs(pairs: URLSearchParams, values: Map<string, unknown>): void {
  for (const [name, value] of pairs) values.set(name, value);
}

async function readMultipart(
  contentType: string,
  body: Buffer,
  values: Map<string, unknown>,
  files: Map<string, Upload>,
): Promise<void> {
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } }).formData();
  } catch {
    throw badRequest("can't parse multipart body");
  }
  for (const [name, value] of form) {
    if (typeof value === "string") values.set(name, value);
    else files.set(name, { name: value.name, type: value.type, bytes: new Uint8Array(await value.arrayBuffer()) });
  }
}
