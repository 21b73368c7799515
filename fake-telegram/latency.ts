import { seededRandom } from "./random.ts";

/** Lognormal: half of the answers take longer than the median; sigma 0 makes all alike. */
export interface LatencyProfile {
  medianMs: number;
  /** Of the logarithm; default 0. 0.5 gives a p99 of about 3.2 medians. */
  sigma?: number;
  /** Added evenly from 0 to this; default 0. */
  jitterMs?: number;
  seed?: number;
  /** Default: all. A profile for one method wins over the general one. */
  method?: string;
}

/** How late each answer is. */
export function createLatency() {
  const profiles = new Map<string, { profile: LatencyProfile; random: () => number }>();

  return {
    /** undefined: no latency any more, for no method. */
    set(profile: LatencyProfile | undefined): void {
      if (!profile) profiles.clear();
      else {
        const random = seededRandom(profile.seed ?? 1);
        profiles.set(profile.method?.toLowerCase() ?? "*", { profile, random });
      }
    },
    list: (): LatencyProfile[] => [...profiles.values()].map(({ profile }) => profile),

    nextMs(method: string): number {
      const found = profiles.get(method.toLowerCase()) ?? profiles.get("*");
      if (!found) return 0;
      const { profile, random } = found;
      const { medianMs, sigma = 0, jitterMs = 0 } = profile;
      // Box–Muller; 1 - random() is never 0.
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return medianMs * Math.exp(sigma * normal) + jitterMs * random();
    },
  };
}

export type Latency = ReturnType<typeof createLatency>;
