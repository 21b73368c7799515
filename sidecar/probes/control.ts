import { failureOf, open, resolve, type Way } from "./look.ts";
import type { Failure, Probe } from "./probe.ts";
import { type Clocks, seen } from "./seen.ts";

/** A TCP connection to a host that is not Telegram's; nothing is sent over it. */
export function controlProbe(
  target: { host: string; port: number },
  way: Way,
  clocks: Clocks,
  intervalMs: number,
): Probe {
  const shown = `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`;
  const url = new URL(`http://${shown}`);
  return {
    name: `control:${shown}`,
    intervalMs,
    timeoutMs: 10_000,
    async run(signal) {
      const failure = await connect(url, way, signal);
      return { kind: "control", ...seen(`control:${shown}`, shown, clocks), ...(failure && { failure }) };
    },
  };
}

async function connect(url: URL, way: Way, signal: AbortSignal): Promise<Failure | undefined> {
  let failure: Failure | undefined;
  try {
    const [addresses] = await resolve(url.hostname, way, signal);
    for (const address of addresses) {
      try {
        (await open(url, address, way, signal, {})).destroy();
        return undefined;
      } catch (error) {
        failure = failureOf(error);
      }
    }
  } catch (error) {
    failure = failureOf(error);
  }
  return failure;
}
