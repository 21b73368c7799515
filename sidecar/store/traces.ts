import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { contains, containsJson, HOLDS_TEXT, isoTime, LOG_COLUMNS, logLineOf, type LogLine } from "./logs.ts";
import { treeOf, type SpanNode } from "./tree.ts";

/** One line of a list of traces. */
export interface TraceSummary {
  trace_id: string;
  /** What the user was told: the first 8 digits of the correlation id. */
  reference: string;
  correlation_id: string | null;
  service: string;
  name: string;
  started_at: string;
  duration_ms: number;
  span_count: number;
  failed_count: number;
  /** `error.type` of the root; of the first failed span until the root has come; null: the request did not fail. */
  error: string | null;
  handler: string | null;
  update_id: string | null;
  user_hash: string | null;
}

export interface Trace extends TraceSummary {
  /** The roots, each with its children; offsets count from the start of the trace. */
  spans: SpanNode[];
  logs: LogLine[];
  /** More spans or logs are stored than are shown. */
  truncated: boolean;
}

export interface TraceFilter {
  service?: string | undefined;
  minDurationMs?: number | undefined;
  error?: boolean | undefined;
  /** Text: in name, handler, error, update id, user hash, ids, or in the logs of the trace. */
  q?: string | undefined;
  userHash?: string | undefined;
  /** Only what somebody asked for: the root is a consumer or server span, or has not come yet. */
  requests?: boolean | undefined;
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
  limit?: number | undefined;
}

export interface Traces {
  /** Newest first. */
  search(filter: TraceFilter): TraceSummary[];
  /** By trace id or correlation id, or a prefix of one of at least 8 digits: newest first, an exact id before all. */
  find(ref: string): TraceSummary[];
  get(traceId: string): Trace | undefined;
  /** Of `service` since `sinceWallMs` (Unix milliseconds): the newest that failed, else the newest with a failure in it. */
  lastFailing(service: string, sinceWallMs: number): TraceSummary | undefined;
  /** What the slowest of its updates since `sinceWallMs` spent their time on. */
  slowest(service: string, sinceWallMs: number): Slowest | undefined;
  services(): string[];
}

/** The type of the same name in `state/records.ts`, which knows no store. */
export interface Slowest {
  kind: "database" | "api_call" | "dependency" | "handler";
  name: string;
  share: number;
  traceId: string;
}

const SLOWEST = 20;
const CLIENT = 3;
const SERVER = 2;
const CONSUMER = 5;
const MAX_SPANS = 2_000;
const MAX_LOGS = 1_000;
/** A search that has no index reads at most so many of the newest traces or log records. */
const SCAN = 50_000;

const COLUMNS = `trace_id, correlation_id, service, name, start_ns / 1000000 AS ms, start_ns % 1000000 AS rest_ns,
  duration_ns / 1e6 AS duration_ms, spans, failed, error, handler, update_id, user_hash`;

export function createTraces(db: () => DatabaseSync): Traces {
  const select = (where: string, values: Record<string, SQLInputValue>, from = "traces"): TraceSummary[] =>
    db().prepare(`SELECT ${COLUMNS} FROM ${from} WHERE ${where}`).all(values).map(summaryOf);

  return {
    search({ service, minDurationMs, error, q, userHash, requests, sinceMs, untilMs, limit = 50 }) {
      const where = ["1"];
      const values: Record<string, SQLInputValue> = { limit };
      const add = (condition: string, name: string, value: SQLInputValue): void => {
        where.push(condition);
        values[name] = value;
      };
      if (service !== undefined) add("service = $service", "service", service);
      if (minDurationMs !== undefined) add("duration_ns >= $min", "min", BigInt(Math.round(minDurationMs * 1e6)));
      if (error !== undefined) where.push(error ? "failed > 0" : "failed = 0");
      if (requests) where.push(`(kind IN (${SERVER}, ${CONSUMER}) OR NOT has_root)`);
      if (userHash !== undefined) add("user_hash = $user", "user", userHash);
      if (sinceMs !== undefined) add("start_ns >= $since", "since", BigInt(Math.floor(sinceMs)) * 1_000_000n);
      if (untilMs !== undefined) add("start_ns < $until", "until", BigInt(Math.ceil(untilMs)) * 1_000_000n);
      if (q !== undefined) {
        const columns = ["name", "handler", "error", "update_id", "user_hash", "trace_id", "correlation_id"];
        const inTrace = columns.map((column) => `${column} LIKE $q ESCAPE '\\'`).join(" OR ");
        const inLogs = `trace_id IN (SELECT trace_id FROM (SELECT trace_id, body, attributes FROM logs
          ORDER BY time_ns DESC LIMIT ${SCAN}) WHERE ${HOLDS_TEXT})`;
        add(`(${inTrace} OR ${inLogs})`, "q", contains(q));
        values["json"] = containsJson(q);
      }
      // Users, times and failures have an index; for everything else rows are read, and not without end.
      const indexed = userHash !== undefined || sinceMs !== undefined || error === true;
      const newest = `(SELECT * FROM traces ORDER BY start_ns DESC LIMIT ${SCAN})`;
      return select(`${where.join(" AND ")} ORDER BY start_ns DESC LIMIT $limit`, values, indexed ? "traces" : newest);
    },
    find(ref) {
      const prefix = ref.toLowerCase();
      if (!/^[0-9a-f]{8,32}$/.test(prefix)) return [];
      // "g" sorts behind every hex digit, so the range is a walk in the index where LIKE would be a scan.
      const range = (column: string): string => `${column} >= $prefix AND ${column} < $prefix || 'g'`;
      const found = select(`(${range("trace_id")}) OR (${range("correlation_id")}) ORDER BY start_ns DESC LIMIT 50`, {
        prefix,
      });
      return found.sort((a, b) => Number(b.trace_id === prefix) - Number(a.trace_id === prefix));
    },
    get(traceId) {
      const [summary] = select("trace_id = $traceId", { traceId });
      if (summary === undefined) return undefined;
      const spans = db()
        .prepare(
          `SELECT span_id, parent_id, service, instance, name, kind, start_ns / 1000000 AS ms,
             start_ns % 1000000 AS rest_ns, duration_ns / 1e6 AS duration_ms,
             (start_ns - (SELECT min(start_ns) FROM spans WHERE trace_id = $traceId)) / 1e6 AS offset_ms,
             status, status_message, attributes, events, links
           FROM spans WHERE trace_id = $traceId ORDER BY start_ns, duration_ns DESC LIMIT ${MAX_SPANS + 1}`,
        )
        .all({ traceId });
      const logs = db()
        .prepare(`SELECT ${LOG_COLUMNS} FROM logs WHERE trace_id = ? ORDER BY time_ns, id LIMIT ${MAX_LOGS + 1}`)
        .all(traceId);
      return {
        ...summary,
        spans: treeOf(spans.slice(0, MAX_SPANS)),
        logs: logs.slice(0, MAX_LOGS).map(logLineOf),
        truncated: spans.length > MAX_SPANS || logs.length > MAX_LOGS,
      };
    },
    lastFailing(service, sinceWallMs) {
      const since = BigInt(Math.floor(sinceWallMs)) * 1_000_000n;
      return select(
        "service = $service AND failed > 0 AND start_ns >= $since ORDER BY error IS NULL, start_ns DESC LIMIT 1",
        {
          service,
          since,
        },
      )[0];
    },
    slowest(service, sinceWallMs) {
      const since = BigInt(Math.floor(sinceWallMs)) * 1_000_000n;
      const roots = db()
        .prepare(
          `SELECT trace_id, name, handler, duration_ns / 1e6 AS ms FROM
             (SELECT * FROM traces WHERE start_ns >= $since ORDER BY start_ns DESC LIMIT ${SCAN})
           WHERE service = $service AND has_root AND kind = ${CONSUMER} ORDER BY duration_ns DESC LIMIT ${SLOWEST}`,
        )
        .all({ service, since });
      if (roots.length === 0) return undefined;
      const calls = db()
        .prepare(
          `SELECT trace_id, name, attributes, duration_ns / 1e6 AS ms FROM spans
           WHERE trace_id IN (SELECT value FROM json_each(?)) AND kind = ${CLIENT}
           ORDER BY duration_ns DESC LIMIT ${MAX_SPANS}`,
        )
        .all(JSON.stringify(roots.map((root) => root["trace_id"])));
      return largestShare(roots, calls);
    },
    services: () =>
      db()
        .prepare("SELECT service FROM services ORDER BY 1")
        .all()
        .map((row) => String(row["service"])),
  };
}

type Row = Record<string, unknown>;

/** The calls by name, and what is left of the updates' time: their handlers' own. Both lists are slowest first. */
function largestShare(roots: Row[], calls: Row[]): Slowest {
  const all = roots.reduce((sum, root) => sum + Number(root["ms"]), 0);
  const spent = new Map<string, Omit<Slowest, "share"> & { ms: number }>();
  const add = (kind: Slowest["kind"], name: string, ms: number, trace: unknown): void => {
    const known = spent.get(`${kind} ${name}`) ?? { kind, name, ms: 0, traceId: String(trace) };
    spent.set(`${kind} ${name}`, { ...known, ms: known.ms + ms });
  };
  for (const { name, attributes, ms, trace_id: trace } of calls) {
    const known = JSON.parse(String(attributes)) as Record<string, string | number>;
    const host = [known["server.address"], known["server.port"]].filter((part) => part !== undefined).join(":");
    if (known["db.system.name"] !== undefined) add("database", String(name), Number(ms), trace);
    else if (known["rpc.method"] !== undefined) add("api_call", String(name), Number(ms), trace);
    else add("dependency", `${String(name)} ${host}`.trim(), Number(ms), trace);
  }
  const inCalls = [...spent.values()].reduce((sum, { ms }) => sum + ms, 0);
  const [slowest = {}] = roots;
  const handler = String(slowest["handler"] ?? slowest["name"]);
  add("handler", handler, Math.max(0, all - inCalls), slowest["trace_id"]);
  const most = [...spent.values()].reduce((most, one) => (one.ms > most.ms ? one : most));
  // Calls may run side by side: together longer than the update itself.
  const share = Math.min(1, most.ms / Math.max(all, 1e-6));
  return { kind: most.kind, name: most.name, share: Math.round(100 * share) / 100, traceId: most.traceId };
}

function summaryOf(row: Record<string, unknown>): TraceSummary {
  const correlation = row["correlation_id"] as string | null;
  return {
    trace_id: String(row["trace_id"]),
    reference: (correlation ?? String(row["trace_id"])).slice(0, 8),
    correlation_id: correlation,
    service: String(row["service"]),
    name: String(row["name"]),
    started_at: isoTime(Number(row["ms"]), Number(row["rest_ns"])),
    duration_ms: Number(row["duration_ms"]),
    span_count: Number(row["spans"]),
    failed_count: Number(row["failed"]),
    error: row["error"] as string | null,
    handler: row["handler"] as string | null,
    update_id: row["update_id"] as string | null,
    user_hash: row["user_hash"] as string | null,
  };
}
