import { duration, httpUrl, type Problem } from "@gramwatch/otel";
import * as v from "valibot";
import { parseDocument } from "yaml";
import { defaultThresholds, type RuleName } from "./alerts/thresholds.ts";

const URL_EXPECTED = "a URL that starts with http:// or https://";

/** The rules that `rules:` may name, with their limits. */
const RULES = Object.entries(defaultThresholds(0, { max: 0, windowMs: 0 })) as [RuleName, object][];

/** An object whose unknown keys are errors that say which keys there are. */
function strict<E extends v.ObjectEntries>(entries: E) {
  return v.strictObject(entries, (issue) => {
    if (issue.expected === "never") return `unknown key; known here: ${Object.keys(entries).join(", ")}`;
    return issue.expected === "Object" ? "a mapping (key: value)" : "is missing";
  });
}
const words = v.pipe(v.string("text"), v.nonEmpty("text that is not empty"));
const wholeNumber = v.pipe(v.number("a whole number"), v.safeInteger("a whole number"));
const positive = v.pipe(wholeNumber, v.minValue(1, "a whole number from 1"));
const url = v.pipe(v.string(URL_EXPECTED), httpUrl());
const time = v.pipe(v.string("a duration, written like 30s, 5m or 1h"), duration(250));
const yesNo = v.boolean("true or false");

const common = {
  enabled: v.optional(yesNo),
  severity: v.optional(v.picklist(["warning", "critical"], "one of warning, critical")),
  after: v.optional(time),
  recover_after: v.optional(time),
};
const max = v.optional(positive);
const window = v.optional(time);
const counting = strict({ ...common, max, window });
/** `max` and `window` only where the rule has such a limit: elsewhere they would be taken and do nothing. */
function ruleWith(limits: object): typeof counting {
  const entries = { ...common, ...("max" in limits && { max }), ...("windowMs" in limits && { window }) };
  return strict(entries) as typeof counting;
}
const file = strict({
  bots: v.optional(
    v.pipe(
      v.array(
        strict({
          name: words,
          url: v.optional(v.union([v.literal("none"), url], `${URL_EXPECTED}, or none`)),
          token_file: v.optional(words),
          api_root: v.optional(url),
        }),
        "a list of bots",
      ),
      v.minLength(1, "at least one bot"),
      v.check((bots) => new Set(bots.map((bot) => bot.name)).size === bots.length, "every bot has a name of its own"),
    ),
  ),
  alerts: v.optional(
    strict({
      telegram: v.optional(
        strict({
          chat_id: v.optional(wholeNumber),
          thread_id: v.optional(positive),
          token_file: v.optional(words),
          admins: v.optional(v.array(positive, "a list of user ids")),
          api_root: v.optional(url),
        }),
      ),
      channels: v.optional(
        v.pipe(
          v.array(
            strict({
              type: v.picklist(["webhook", "ntfy", "alertmanager"], "one of webhook, ntfy, alertmanager"),
              url,
              always: v.optional(yesNo),
            }),
            "a list of channels",
          ),
          v.check(
            (channels) => new Set(channels.map(({ type }) => type)).size === channels.length,
            "at most one channel of each type",
          ),
        ),
      ),
      escalate_after: v.optional(time),
    }),
  ),
  rules: v.optional(
    strict(
      Object.fromEntries(RULES.map(([name, limits]) => [name, v.optional(ruleWith(limits))])) as Record<
        RuleName,
        v.OptionalSchema<typeof counting, undefined>
      >,
    ),
  ),
  dependencies: v.optional(v.record(words, url, "a mapping of name: url")),
  disk: v.optional(strict({ paths: v.optional(v.array(words, "a list of paths")) })),
});
/** `gramwatch.yaml` after checking: every part optional, durations in milliseconds, URLs without trailing slash. */
export type ConfigFile = v.InferOutput<typeof file>;

/**
 * Reads and checks the YAML file; collects its problems under `<path>: <key.path>`.
 * Values below a `url` key are not shown: ntfy topics and webhook addresses work like passwords.
 */
export function readConfigFile(
  path: string,
  readFile: (path: string) => string,
): { content: ConfigFile; problems: Problem[] } {
  let source: string;
  try {
    source = readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unreadable";
    return failed({
      setting: "SIDECAR_CONFIG",
      value: path,
      expected: `cannot be read (${code}); check path and owner`,
    });
  }
  const document = parseDocument(source, { prettyErrors: false });
  const [broken] = document.errors; // those after the first are mostly its consequences
  if (broken !== undefined) {
    const line = source.slice(0, broken.pos[0]).split("\n").length;
    return failed({ setting: path, value: "", expected: `line ${line}: ${broken.message.split("\n")[0]}` });
  }
  const content: unknown = document.toJS() ?? {};
  if (Array.isArray(content))
    return failed({ setting: path, value: "", expected: "a mapping (key: value), not a list" });
  const result = v.safeParse(file, content);
  if (result.success) return { content: result.output, problems: [] };
  return failed(
    ...result.issues.map((issue) => {
      const keys = (issue.path ?? []).map((item) => String(item.key));
      const value = issue.expected === "never" ? "" : shown(keys, issue.input);
      return { setting: `${path}: ${dotted(keys)}`, value, expected: issue.message };
    }),
  );
}

const failed = (...problems: Problem[]) => ({ content: {}, problems });

const dotted = (keys: string[]): string =>
  keys.map((key, at) => (/^\d+$/.test(key) ? `[${key}]` : at === 0 ? key : `.${key}`)).join("") || "the file";

function shown(keys: string[], input: unknown): string {
  if (keys.at(-1) === "url" && typeof input === "string") return "(not shown)";
  return input === undefined || (typeof input === "object" && input !== null) ? "" : JSON.stringify(input);
}
