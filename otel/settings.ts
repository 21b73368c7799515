import { readFileSync } from "node:fs";
import * as v from "valibot";

/** One environment variable: how its text becomes a value, what holds when it is absent, whether it may be printed. */
export interface Setting<T> {
  schema: v.GenericSchema<string, T>;
  /** Text used when the variable is unset or blank; undefined: the value is then undefined. */
  fallback?: string | undefined;
  /** May also come as `NAME_FILE`, and its value is never printed. */
  secret?: boolean;
  /** One sentence for the configuration table. */
  doc: string;
}

/** One thing wrong with the configuration, ready to print: nothing secret is in it. */
export interface Problem {
  setting: string;
  value: string;
  expected: string;
}

/** Bad configuration: `main` prints the message, which lists every problem, and exits with `exitCode`. */
export class ConfigError extends Error {
  readonly exitCode = 78; // EX_CONFIG of sysexits.h
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    const lines = problems.map((p) => `  ${p.setting}${p.value === "" ? "" : ` = ${p.value}`}: ${p.expected}`);
    super(`The configuration has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n${lines.join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

type Settings = Record<string, Setting<unknown>>;
/** With a fallback the value is always there. */
export type Values<S extends Settings> = {
  [K in keyof S]: S[K] extends { schema: v.GenericSchema<string, infer T> }
    ? S[K] extends { fallback: string }
      ? T
      : T | undefined
    : never;
};

/**
 * Reads every setting from the environment and collects all problems instead of stopping at the first.
 * Blank means unset, as in the OpenTelemetry specification for environment variables.
 */
export function readSettings<S extends Settings>(
  settings: S,
  env: Record<string, string | undefined>,
  readFile: (path: string) => string = (path) => readFileSync(path, "utf8"),
): { values: Values<S>; problems: Problem[] } {
  const values: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const [name, setting] of Object.entries(settings)) {
    const text = textOf(name, setting, env, readFile, problems) ?? setting.fallback;
    if (text === undefined) continue;
    const result = v.safeParse(setting.schema, text);
    if (result.success) values[name] = result.output;
    else problems.push({ setting: name, value: shown(text, setting), expected: result.issues[0].message });
  }
  // Fallbacks are texts like any other: a setting whose type promises a value has been parsed above or is a problem.
  return { values: values as Values<S>, problems };
}

function textOf(
  name: string,
  setting: Setting<unknown>,
  env: Record<string, string | undefined>,
  readFile: (path: string) => string,
  problems: Problem[],
): string | undefined {
  const direct = env[name]?.trim() || undefined;
  if (!setting.secret) return direct;
  const path = env[`${name}_FILE`]?.trim() || undefined;
  if (path === undefined) return direct;
  if (direct !== undefined) {
    problems.push({ setting: `${name}_FILE`, value: path, expected: `set either ${name} or ${name}_FILE, not both` });
    return undefined;
  }
  try {
    const content = readFile(path).trimEnd();
    if (content !== "") return content;
    problems.push({ setting: `${name}_FILE`, value: path, expected: "the file is empty; write the secret into it" });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unreadable";
    problems.push({ setting: `${name}_FILE`, value: path, expected: `cannot be read (${code}); check path and owner` });
  }
  return undefined;
}

const shown = (text: string, setting: Setting<unknown>): string =>
  setting.secret ? "(secret, not shown)" : JSON.stringify(text.replace(/\/\/[^/\s]*@/g, "//(not shown)@"));

const DURATION_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/** `250ms 30s 5m 1h 7d` → milliseconds, within [minMs, maxMs]. */
export function duration(minMs = 0, maxMs = 366 * 86_400_000): v.GenericSchema<string, number> {
  const expected = `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, written like 250ms, 30s, 5m, 1h or 7d`;
  return parsed(/^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/, DURATION_MS, minMs, maxMs, expected);
}

/** `64KiB 256MiB 1GiB` → bytes, within [minBytes, maxBytes]. */
export function size(minBytes = 0, maxBytes = 1024 ** 5): v.GenericSchema<string, number> {
  return parsed(/^(\d+(?:\.\d+)?)(B|[KMGT]iB)$/, SIZE_BYTES, minBytes, maxBytes, "a size like 64KiB, 256MiB or 1GiB");
}

/** A whole number within [min, max]. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): v.GenericSchema<string, number> {
  const top = max === Number.MAX_SAFE_INTEGER ? "" : ` to ${max}`;
  return parsed(/^(-?\d+)()$/, { "": 1 }, min, max, `a whole number from ${min}${top}`);
}

/** A TCP port; 0 lets the system choose. */
export const port = (): v.GenericSchema<string, number> => integer(0, 65_535);

/** Any text that is not blank. */
export const text = (): v.GenericSchema<string, string> => v.string();

/** `true` or `false`. */
export const flag = (): v.GenericSchema<string, boolean> =>
  v.pipe(
    oneOf(["true", "false"]),
    v.transform((given) => given === "true"),
  );

/** One of the given words. */
export const oneOf = <const W extends readonly string[]>(words: W): v.GenericSchema<string, W[number]> =>
  v.picklist(words, `one of ${words.join(", ")}`);

/**
 * An http or https URL, returned without its trailing slash. `mayHaveUser`: with `user:password@`, which only the OTLP
 * exporters send; undici, through which everything else goes, leaves it out without a word.
 */
export const httpUrl = ({ mayHaveUser = false } = {}): v.GenericSchema<string, string> =>
  v.pipe(
    v.string(),
    v.check((given) => {
      const url = URL.parse(given);
      return url !== null && /^https?:$/.test(url.protocol);
    }, "a URL that starts with http:// or https://"),
    v.check((given) => mayHaveUser || !hasUser(given), "a URL without user name and password"),
    v.transform((given) => given.replace(/\/+$/, "")),
  );

const hasUser = (given: string): boolean => /^https?:\/\/[^/?#]*@/i.test(given);

/** Words separated by commas or blanks. */
export const list = (): v.GenericSchema<string, string[]> =>
  v.pipe(
    v.string(),
    v.transform((given) => given.split(/[\s,]+/).filter((word) => word !== "")),
  );

/** A bot token. The server takes at most 80 characters and no leading zero (tdlib/telegram-bot-api:ClientManager.cpp). */
export const botToken = (): v.GenericSchema<string, string> => {
  const expected = "a bot token as @BotFather gives it, like 123456789:AAF…";
  return v.pipe(v.string(), v.regex(/^[1-9]\d*:[\w-]+$/, expected), v.maxLength(80, expected));
};

/** A time of day in UTC → minutes after midnight; `off` → undefined. */
export const timeOfDay = (): v.GenericSchema<string, number | undefined> =>
  v.pipe(
    v.string(),
    v.regex(/^(off|([01]\d|2[0-3]):[0-5]\d)$/, "a time of day in UTC like 03:00, or off"),
    v.transform((given) => (given === "off" ? undefined : Number(given.slice(0, 2)) * 60 + Number(given.slice(3)))),
  );

/** Telegram ids (whole numbers, negative for groups) separated by commas or blanks. */
export const idList = (): v.GenericSchema<string, number[]> =>
  v.pipe(
    list(),
    v.check((words) => words.every((word) => /^-?\d{1,16}$/.test(word)), "Telegram ids: whole numbers, comma between"),
    v.transform((words) => words.map(Number)),
  );

function parsed(pattern: RegExp, units: Record<string, number>, min: number, max: number, expected: string) {
  const valueOf = (given: string): number => {
    const [, amount, unit] = pattern.exec(given) ?? [];
    return amount === undefined ? Number.NaN : Number(amount) * (units[unit ?? ""] ?? Number.NaN);
  };
  return v.pipe(
    v.string(),
    v.check((given) => valueOf(given) >= min && valueOf(given) <= max, expected),
    v.transform(valueOf),
  ) satisfies v.GenericSchema<string, number>;
}

/** The shortest exact way to write a duration: 90000 → `90s`, 3600000 → `1h`. */
export function formatDuration(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = DURATION_MS[unit] ?? 1;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
