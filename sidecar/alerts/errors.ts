import type { BotHealth } from "../probes/probe.ts";

/** The errors of one bot over the window, from the counter in its `/health`: exact, before sampling and rate limits. */
export interface ErrorCount {
  instance: string;
  startedAt: string;
  total: number;
  atMs: number;
  /** Count per bucket number (steady time ÷ bucket length). */
  buckets: Record<string, number>;
  /** Length of these buckets; absent in what was kept before it was noted: today's. */
  bucketMs?: number;
  lastErrorWallMs: number | null;
}

/** 60 buckets a window; the open one comes on top. */
export const bucketMs = (windowMs: number): number => windowMs / 60;

/**
 * Adds what the counter gained. The same process: the difference. Another process: all that it counted, for the last
 * reading was of its predecessor. The first sight of a bot: all only if it started after `knownSinceMs` (steady; the
 * last checkpoint before it was seen), for else these errors are of an unknown age.
 */
export function countErrors(
  before: ErrorCount | undefined,
  body: BotHealth,
  at: { atMs: number; wallMs: number },
  windowMs: number,
  knownSinceMs: number,
): ErrorCount {
  const startedAtMs = at.atMs - body.uptime_seconds * 1000;
  const same = before?.instance === body.instance && before.startedAt === body.started_at;
  const total = body.errors.total;
  let gained = 0;
  let sinceMs = startedAtMs;
  if (same && total >= before.total) {
    gained = total - before.total;
    sinceMs = before.atMs;
  } else if (before !== undefined || startedAtMs >= knownSinceMs) {
    gained = total;
    sinceMs = Math.max(startedAtMs, before?.atMs ?? startedAtMs);
  }
  const length = bucketMs(windowMs);
  const oldest = Math.floor((at.atMs - windowMs) / length);
  const kept = Object.entries(numbered(before, length)).filter(([bucket]) => Number(bucket) >= oldest);
  const buckets = Object.fromEntries(kept);
  spread(buckets, gained, Math.min(sinceMs, at.atMs), at.atMs, length);
  return {
    instance: body.instance,
    startedAt: body.started_at,
    total,
    atMs: at.atMs,
    buckets,
    bucketMs: length,
    lastErrorWallMs: gained > 0 ? at.wallMs : (before?.lastErrorWallMs ?? null),
  };
}

/** The buckets by today's numbers: after a change of ERRORS_WINDOW the old ones would be of another time, and never old. */
function numbered(before: ErrorCount | undefined, lengthMs: number): Record<string, number> {
  const { buckets = {}, bucketMs: beforeMs = lengthMs } = before ?? {};
  if (beforeMs === lengthMs) return buckets;
  const renumbered: Record<string, number> = {};
  for (const [bucket, errors] of Object.entries(buckets)) {
    const key = String(Math.floor((Number(bucket) * beforeMs) / lengthMs));
    renumbered[key] = (renumbered[key] ?? 0) + errors;
  }
  return renumbered;
}

/** Evenly over the time that nobody looked, else an old burst looks new. */
function spread(buckets: Record<string, number>, count: number, fromMs: number, toMs: number, lengthMs: number): void {
  const first = Math.floor(fromMs / lengthMs);
  const slots = Math.floor(toMs / lengthMs) - first + 1;
  let placed = 0;
  for (let slot = 1; slot <= slots && placed < count; slot++) {
    const share = Math.round((count * slot) / slots) - placed;
    if (share === 0) continue;
    placed += share;
    const key = String(first + slot - 1);
    buckets[key] = (buckets[key] ?? 0) + share;
  }
}

/** Errors in the last `spanMs`, whole buckets and the open one. */
export function errorsWithin(count: ErrorCount | undefined, spanMs: number, windowMs: number, atMs: number): number {
  const oldest = Math.floor((atMs - spanMs) / bucketMs(windowMs));
  let sum = 0;
  for (const [bucket, errors] of Object.entries(count?.buckets ?? {})) if (Number(bucket) >= oldest) sum += errors;
  return sum;
}
