import { isoTime } from "./logs.ts";
import type { Attributes } from "./records.ts";

/** One span of a trace with those it caused. */
export interface SpanNode {
  span_id: string;
  parent_id: string | null;
  service: string;
  name: string;
  kind: string;
  started_at: string;
  /** From the start of the trace. */
  offset_ms: number;
  duration_ms: number;
  status: "unset" | "ok" | "error";
  status_message: string;
  /** `error.type` of a failed span, else what its status says; null: it did not fail. */
  error: string | null;
  attributes: Attributes;
  events: { name: string; time: string; attributes: Attributes }[];
  links: { traceId: string; spanId: string }[];
  children: SpanNode[];
}

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];
const STATUSES = ["unset", "ok", "error"] as const;

/**
 * Rows of `spans`, oldest first, as a forest: a span whose parent is not there (yet) is a root, and so is one of a
 * ring of parents, which only a broken or hostile sender makes.
 */
export function treeOf(rows: Record<string, unknown>[]): SpanNode[] {
  const nodes = new Map(rows.map((row) => [String(row["span_id"]), nodeOf(row)]));
  const roots: SpanNode[] = [];
  for (const node of nodes.values()) {
    const parent = node.parent_id === null ? undefined : nodes.get(node.parent_id);
    if (parent === undefined || isAncestor(node, parent, nodes)) roots.push(node);
    else parent.children.push(node);
  }
  for (const { children } of nodes.values()) children.sort(inSequence);
  return roots;
}

/** Starts are often whole milliseconds: of two that begin as one, what ends first came first. */
const inSequence = (a: SpanNode, b: SpanNode): number => a.offset_ms - b.offset_ms || a.duration_ms - b.duration_ms;

function isAncestor(node: SpanNode, of: SpanNode, nodes: Map<string, SpanNode>): boolean {
  const seen = new Set<SpanNode>();
  for (let at: SpanNode | undefined = of; at !== undefined && !seen.has(at);) {
    if (at === node) return true;
    seen.add(at);
    at = at.parent_id === null ? undefined : nodes.get(at.parent_id);
  }
  return false;
}

function nodeOf(row: Record<string, unknown>): SpanNode {
  const json = (column: string): unknown => JSON.parse((row[column] as string | null) ?? "[]");
  const attributes = json("attributes") as Attributes;
  const status = STATUSES[Number(row["status"])] ?? "unset";
  const message = String(row["status_message"]);
  const type = attributes["error.type"];
  const events = json("events") as { name: string; timeNs: string; attributes: Attributes }[];
  return {
    span_id: String(row["span_id"]),
    parent_id: row["parent_id"] as string | null,
    service: String(row["service"]),
    name: String(row["name"]),
    kind: KINDS[Number(row["kind"])] ?? "unspecified",
    started_at: isoTime(Number(row["ms"]), Number(row["rest_ns"])),
    offset_ms: Number(row["offset_ms"]),
    duration_ms: Number(row["duration_ms"]),
    status,
    status_message: message,
    error: status === "error" ? (typeof type === "string" ? type : message || "error") : null,
    attributes,
    events: events.map(({ name, timeNs, attributes }) => ({
      name,
      time: isoTime(Number(BigInt(timeNs) / 1_000_000n), Number(BigInt(timeNs) % 1_000_000n)),
      attributes,
    })),
    links: json("links") as { traceId: string; spanId: string }[],
    children: [],
  };
}
