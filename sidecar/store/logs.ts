import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Attributes } from "./records.ts";

/** A log record as pages and the API show it. */
export interface LogLine {
  time: string;
  severity: string;
  service: string;
  body: string;
  event: string;
  trace_id: string | null;
  span_id: string | null;
  attributes: Attributes;
}

export interface LogFilter {
  service?: string | undefined;
  /** OTLP's SeverityNumber: 9 info, 13 warn, 17 error. */
  minSeverity?: number | undefined;
  q?: string | undefined;
  limit?: number | undefined;
}

export interface Logs {
  /** Newest first. */
  search(filter: LogFilter): LogLine[];
  /** The event of the newest record of this service; undefined: none among the newest thousand of all. */
  lastEvent(service: string): string | undefined;
}

/** A scan for text reads at most so many of the newest records. */
const SCAN = 50_000;

export function createLogs(db: () => DatabaseSync): Logs {
  return {
    search({ service, minSeverity = 0, q, limit = 100 }) {
      const where = ["severity >= $minSeverity"];
      const values: Record<string, SQLInputValue> = { minSeverity, limit };
      if (service !== undefined) {
        where.push("service = $service");
        values["service"] = service;
      }
      if (q !== undefined) {
        where.push(`(${HOLDS_TEXT} OR trace_id LIKE $q ESCAPE '\\')`);
        values["q"] = contains(q);
        values["json"] = containsJson(q);
      }
      const newest = `SELECT * FROM (SELECT * FROM logs ORDER BY time_ns DESC LIMIT ${SCAN})`;
      return db()
        .prepare(
          `SELECT ${LOG_COLUMNS} FROM (${newest}) WHERE ${where.join(" AND ")} ORDER BY time_ns DESC LIMIT $limit`,
        )
        .all(values)
        .map(logLineOf);
    },
    lastEvent(service) {
      const newest = "SELECT time_ns, service, event FROM logs ORDER BY time_ns DESC LIMIT 1000";
      return db()
        .prepare(`SELECT event FROM (${newest}) WHERE service = ? ORDER BY time_ns DESC LIMIT 1`)
        .get(service)?.["event"] as string | undefined;
    },
  };
}

/** Nanoseconds do not fit a double: they leave SQLite as milliseconds and a rest. */
export const LOG_COLUMNS = `time_ns / 1000000 AS ms, time_ns % 1000000 AS rest_ns, service, severity, severity_text, body,
  event, trace_id, span_id, attributes`;

export function logLineOf(row: Record<string, unknown>): LogLine {
  return {
    time: isoTime(Number(row["ms"]), Number(row["rest_ns"])),
    severity: String(row["severity_text"]) || severityWord(Number(row["severity"])),
    service: String(row["service"]),
    body: String(row["body"]),
    event: String(row["event"]),
    trace_id: row["trace_id"] as string | null,
    span_id: row["span_id"] as string | null,
    attributes: JSON.parse(String(row["attributes"])) as Attributes,
  };
}

/** A LIKE pattern for "contains this text", whatever is in it. */
export const contains = (text: string): string => `%${text.replaceAll(/[\\%_]/g, "\\$&")}%`;

/** The same for text within JSON, where quotes and backslashes are escaped. */
export const containsJson = (text: string): string => contains(JSON.stringify(text).slice(1, -1));

/** Whether a log record holds a text; `$q` and `$json` are its two patterns. */
export const HOLDS_TEXT = `body LIKE $q ESCAPE '\\' OR attributes LIKE $q ESCAPE '\\' OR attributes LIKE $json ESCAPE '\\'`;

/** ISO 8601 in UTC with microseconds, as far as the sender knew them. */
export function isoTime(ms: number, restNs: number): string {
  const micros = Math.floor(restNs / 1000);
  const iso = new Date(ms).toISOString();
  return micros === 0 ? iso : iso.replace("Z", `${String(micros).padStart(3, "0")}Z`);
}

const WORDS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const severityWord = (number: number): string => WORDS[Math.ceil(number / 4) - 1] ?? "";
