import dns, { type LookupAddress, type LookupOptions } from "node:dns";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { syncBuiltinESMExports } from "node:module";

/**
 * For tests, preloaded into a process of ours (`NODE_OPTIONS=--import=…`): its resolver is the JSON file HOSTS_FILE,
 * name → addresses in the order that it gives, read at each lookup. A name that is not there does not resolve.
 */
const original = dns.lookup;
const { HOSTS_FILE = "" } = process.env;

function answer(host: string, { family }: LookupOptions): LookupAddress[] {
  const hosts = JSON.parse(readFileSync(HOSTS_FILE, "utf8")) as Record<string, string[]>;
  const found = (hosts[host] ?? []).map((address) => ({ address, family: isIP(address) }));
  const wanted = family === 4 || family === 6 ? found.filter((one) => one.family === family) : found;
  if (wanted.length === 0) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" });
  return wanted;
}

type Told = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;

function lookup(host: string, given: LookupOptions | Told, done?: Told): void {
  const [options, tell] = typeof given === "function" ? [{}, given] : [given, done];
  if (isIP(host) !== 0) return original(host, options, tell as never);
  let found: LookupAddress[];
  try {
    found = answer(host, options);
  } catch (error) {
    process.nextTick(() => tell?.(error as Error));
    return undefined;
  }
  const [first] = found;
  process.nextTick(() => (options.all ? tell?.(null, found) : tell?.(null, first?.address, first?.family)));
  return undefined;
}

dns.lookup = lookup as typeof dns.lookup;
dns.promises.lookup = (async (host: string, options: LookupOptions) => {
  const found = answer(host, options);
  return options.all ? found : found[0];
}) as typeof dns.promises.lookup;
syncBuiltinESMExports();
