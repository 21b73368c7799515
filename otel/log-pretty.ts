import { styleText } from "node:util";
import type { DestinationStream } from "pino";

const LEVELS: Readonly<Record<number, readonly [string, "gray" | "blue" | "yellow" | "red"]>> = {
  10: ["TRACE", "gray"],
  20: ["DEBUG", "gray"],
  30: ["INFO ", "blue"],
  40: ["WARN ", "yellow"],
  50: ["ERROR", "red"],
  60: ["FATAL", "red"],
};
const HIDDEN = new Set(["level", "time", "msg", "name", "err", "error", "span_id", "trace_flags", "event"]);

/** JSON lines → one readable line each, for a terminal in development. */
export const createPrettyStream = (destination: DestinationStream): DestinationStream => ({
  write: (line) => destination.write(prettyLine(line)),
});

function prettyLine(text: string): string {
  const line = JSON.parse(text) as Record<string, unknown>;
  const [level, color] = LEVELS[Number(line["level"])] ?? ["     ", "gray"];
  const time = new Date(Number(line["time"])).toISOString().slice(11, 23);
  const name = typeof line["name"] === "string" ? `${line["name"]}: ` : "";
  const rest = Object.entries(line)
    .filter(([key]) => !HIDDEN.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const error = (line["err"] ?? line["error"]) as { stack?: string; type?: string; message?: string } | undefined;
  const stack = error ? `\n${error.stack ?? `${error.type}: ${error.message}`}` : "";
  return `${styleText("gray", time)} ${styleText(color, level)} ${name}${typeof line["msg"] === "string" ? line["msg"] : ""}${
    rest.length > 0 ? ` ${styleText("gray", rest.join(" "))}` : ""
  }${stack}\n`;
}
