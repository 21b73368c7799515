/** Cumulative bucket counts by upper bound (`Infinity` last), as one scrape read them. */
type Buckets = Map<number, number>;
interface Scrape {
  atMs: number;
  buckets: Buckets;
}

const BUCKET = /^messaging_process_duration_seconds_bucket\{([^}]*)\}\s+(\S+)/gm;

/**
 * Keeps the scrapes of the last `windowMs` and answers like PromQL's
 * `histogram_quantile(0.95, sum by (le) (increase(…[window])))` between the oldest of them and the newest.
 */
export function createHandlingWindow(windowMs: number) {
  let scrapes: Scrape[] = [];
  return {
    /** `p95Seconds` undefined: not a histogram there, or nothing handled within the window. */
    add(page: string, atMs: number): { p95Seconds: number | undefined; updates: number } {
      const buckets = bucketsIn(page);
      if (buckets.size === 0) return { p95Seconds: undefined, updates: 0 };
      const last = scrapes.at(-1);
      // A smaller count is a restarted process: what it counts began at zero.
      if (last !== undefined && total(buckets) < total(last.buckets))
        scrapes = [{ atMs: last.atMs, buckets: new Map() }];
      scrapes = [...scrapes.filter((scrape) => scrape.atMs >= atMs - windowMs), { atMs, buckets }];
      const base = scrapes[0]?.buckets ?? buckets;
      const increase = [...buckets].map(([le, count]) => [le, count - (base.get(le) ?? 0)] as const);
      return { p95Seconds: quantile(0.95, increase), updates: increase.at(-1)?.[1] ?? 0 };
    },
  };
}

function bucketsIn(page: string): Buckets {
  const sums: Buckets = new Map();
  for (const [, labels = "", value = ""] of page.matchAll(BUCKET)) {
    const le = /(?:^|,)le="([^"]+)"/.exec(labels)?.[1];
    const bound = le === "+Inf" ? Infinity : Number(le);
    const count = Number(value);
    if (!Number.isNaN(bound) && !Number.isNaN(count)) sums.set(bound, (sums.get(bound) ?? 0) + count);
  }
  return new Map([...sums].sort(([a], [b]) => a - b));
}

const total = (buckets: Buckets): number => buckets.get(Infinity) ?? 0;

/** Linear within the bucket that holds the rank; the last finite bound when that is the open one, as Prometheus does. */
function quantile(q: number, increase: (readonly [number, number])[]): number | undefined {
  const rank = q * (increase.at(-1)?.[1] ?? 0);
  if (rank <= 0) return undefined;
  let lower = 0;
  let below = 0;
  for (const [le, count] of increase) {
    if (count >= rank) return le === Infinity ? lower : lower + ((le - lower) * (rank - below)) / (count - below);
    lower = le;
    below = count;
  }
  return lower;
}
