import { isNearby } from "../nearby.ts";
import { failureOf, look, type Way } from "./look.ts";
import type { Failure, Probe } from "./probe.ts";
import { type Clocks, seen } from "./seen.ts";

/** GET of a dependency's health address: any answer is a status, none is a failure. */
export function dependencyProbe(name: string, address: string, way: Way, clocks: Clocks, intervalMs: number): Probe {
  const probe = `dependency:${name}`;
  const url = new URL(address);
  const nearby = isNearby(url) && { nearby: true as const };
  return {
    name: probe,
    intervalMs,
    timeoutMs: 10_000,
    async run(signal) {
      const began = clocks.now();
      const found = await ask(url, way, signal);
      const durationMs = clocks.now() - began;
      return { kind: "dependency", ...seen(probe, name, clocks), ...nearby, durationMs, ...found };
    },
  };
}

async function ask(url: URL, way: Way, signal: AbortSignal): Promise<{ status?: number; failure?: Failure }> {
  try {
    return { status: (await look(url, way, signal)).status };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}
