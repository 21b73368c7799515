import type { Logger } from "pino";
import type { Channel } from "./channel.ts";

/** Every message as a log line: the only channel there is when none is configured, and a second look when one is. */
export function createLogChannel(log: Pick<Logger, "warn" | "info">): Channel {
  return {
    name: "log",
    dialect: "http",
    edits: false,
    digests: false,
    pace: { everyMs: 0, perMinute: Number.POSITIVE_INFINITY },
    async send(message) {
      const fields = {
        rule: message.rule,
        target: message.target,
        severity: message.severity,
        state: message.status,
        incident: message.incident,
        cause: message.cause,
      };
      log[message.status === "firing" ? "warn" : "info"](fields, message.title);
      return { answered: true, status: 200, text: "", retryAfter: null };
    },
    close: async () => {},
  };
}
