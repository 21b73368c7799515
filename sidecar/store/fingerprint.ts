import type { Attributes, LogRecord } from "./records.ts";

/** What an error record is filed under: same fingerprint, same trouble. */
export interface Fingerprint {
  key: string;
  /** For people: `TypeError: cannot read …`. */
  title: string;
  /** The innermost own function, `handleAdd`; empty when the stack does not say. */
  place: string;
}

const OWN_FRAMES = 3;

/**
 * First that applies: an explicit `error.fingerprint`; for a refusal of the Bot API method, code and description;
 * the error's name with its three innermost own frames (no line numbers, they move with each release); name and
 * message without what varies. undefined: the record is no error.
 */
export function fingerprintOf(record: Pick<LogRecord, "severity" | "body" | "attributes">): Fingerprint | undefined {
  const { attributes } = record;
  const type = text(attributes, "exception.type");
  if (record.severity < 17 && type === "") return undefined;
  const message = text(attributes, "exception.message") || (type === "" ? record.body : "");
  const name = type || "Error";
  const title = message === "" ? name : `${type === "" ? "" : `${name}: `}${message.split("\n", 1)[0]}`;
  const frames = ownFrames(text(attributes, "exception.stacktrace"));
  const place = frames[0]?.split(" ", 1)[0] ?? "";
  const explicit = text(attributes, "error.fingerprint");
  if (explicit !== "") return { key: explicit, title, place };
  if (name === "GrammyError") {
    const method = text(attributes, "rpc.method");
    const code = text(attributes, "rpc.status_code");
    return { key: `${method}:${code}:${normalise(message)}`, title, place };
  }
  if (frames.length > 0) return { key: `${name} ${frames.slice(0, OWN_FRAMES).join(" < ")}`, title, place };
  return { key: `${name} ${normalise(message || record.body)}`, title, place };
}

const text = (attributes: Attributes, key: string): string => {
  const value = attributes[key];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
};

/** `handleAdd tasks.ts`, innermost first; frames of packages and of Node are not ours. */
function ownFrames(stack: string): string[] {
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    const [, name = "", location = ""] = /^\s*at (?:async )?(?:(.+?) \()?(.+?):\d+(?::\d+)?\)?$/.exec(line) ?? [];
    if (location === "" || /node_modules|^node:|^native/.test(location)) continue;
    frames.push(`${name || "<anonymous>"} ${location.split(/[\\/]/).at(-1) ?? ""}`);
  }
  return frames;
}

const VARYING: [RegExp, string][] = [
  [/"[^"]*"|'[^']*'|`[^`]*`|«[^»]*»|“[^”]*”/g, "<quoted>"],
  [/\bhttps?:\/\/\S+/gi, "<url>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>"],
  [/\b\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?/g, "<date>"],
  [/\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|\[?(?:[0-9a-f]{0,4}:){3,}[0-9a-f]{0,4}\]?(?::\d+)?/gi, "<ip>"],
  [/\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|sec|seconds?|min|minutes?|h|hours?|d|days?)\b/g, "<duration>"],
  [/\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)[0-9a-f]{8,}\b/gi, "<hex>"],
  [/[-+]?\d+(?:[.,]\d+)*/g, "<n>"],
];

/** The message with everything that differs from one occurrence to the next replaced. */
export function normalise(message: string): string {
  return VARYING.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, name), message).slice(0, 200);
}
