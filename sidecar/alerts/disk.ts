/** Free bytes of one mount over the last hours. */
export interface Level {
  atMs: number;
  availableBytes: number;
}

const EVERY_MS = 5 * 60_000;
const KEEP_MS = 6 * 3_600_000;

/** Keeps one sample in five minutes for six hours. A drop in use of more than 5 % (a cleanup) starts the history anew. */
export function addLevel(ring: Level[], level: Level, sizeBytes: number): Level[] {
  const last = ring.at(-1);
  if (last !== undefined && level.availableBytes - last.availableBytes > 0.05 * (sizeBytes - last.availableBytes)) {
    return [level];
  }
  if (last !== undefined && level.atMs - last.atMs < EVERY_MS) return ring;
  return [...ring.filter(({ atMs }) => level.atMs - atMs <= KEEP_MS), level];
}

/**
 * A straight line through the levels (least squares). `fit` is R²; `bytesPerMs` is what disappears.
 * undefined: fewer than three levels.
 */
export function fillRate(ring: Level[]): { bytesPerMs: number; fit: number; spanMs: number } | undefined {
  const first = ring[0];
  const last = ring.at(-1);
  if (first === undefined || last === undefined || ring.length < 3) return undefined;
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const times = ring.map(({ atMs }) => atMs - first.atMs);
  const levels = ring.map(({ availableBytes }) => availableBytes);
  const meanTime = mean(times);
  const meanLevel = mean(levels);
  const covariance = times.reduce((sum, time, at) => sum + (time - meanTime) * ((levels[at] ?? 0) - meanLevel), 0);
  const timeVariance = times.reduce((sum, time) => sum + (time - meanTime) ** 2, 0);
  const levelVariance = levels.reduce((sum, level) => sum + (level - meanLevel) ** 2, 0);
  if (timeVariance === 0) return undefined;
  return {
    bytesPerMs: -covariance / timeVariance,
    fit: levelVariance === 0 ? 0 : covariance ** 2 / (timeVariance * levelVariance),
    spanMs: last.atMs - first.atMs,
  };
}
