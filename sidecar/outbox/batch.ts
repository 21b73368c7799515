import type { OutboxRow } from "../state/records.ts";

const GROUP_MS = 15_000;
const WAITED_MS = 30_000;

export interface Pace {
  /** When the last message about a new incident went out. */
  lastNewAtMs: number;
  /** Several incidents may share a message. */
  digests: boolean;
}

/**
 * Which rows go next as one message; undefined: none yet. The first message goes at once, those that follow within
 * 15 s go as one, and what has piled up goes as a digest. Within an incident the order holds; edits come last.
 */
export function nextBatch(due: OutboxRow[], pace: Pace, nowAtMs: number): OutboxRow[] | undefined {
  const rows = due.toSorted((a, b) => a.id - b.id);
  const edits = rows.filter(({ kind }) => kind === "edit").slice(0, 1);
  const messages = rows.filter(({ kind }) => kind !== "edit");
  const waited = messages.filter((row) => nowAtMs - row.createdAtMs > WAITED_MS);
  if (pace.digests && (messages.length > 5 || waited.length >= 3)) return messages;

  // The end of something that was told, or a reminder, is no news to be grouped.
  const known = messages.find(({ kind }) => kind !== "firing" && kind !== "missed");
  if (known !== undefined) return messages.filter(({ incident }) => incident === known.incident);
  const news = messages.filter(({ kind }) => kind === "firing" || kind === "missed");
  const [first] = news;
  const grouping = pace.digests && nowAtMs - pace.lastNewAtMs < GROUP_MS;
  if (first === undefined || grouping) return edits.length > 0 ? edits : undefined;
  const followed = pace.digests && first.createdAtMs - pace.lastNewAtMs < GROUP_MS;
  return followed ? news : [first];
}
