import type { LookupAddress, LookupAllOptions } from "node:dns";
import { lookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";

const pending = new Map<string, Promise<LookupAddress[]>>();

/**
 * Every address of a name (getaddrinfo, so `/etc/hosts` counts). A name that is being looked up is not looked up a second
 * time: while a name server is silent each lookup holds a thread for 5 to 30 s, there are few, and behind them wait all
 * other names, also those that need no network. Rejects with Node's DNS codes.
 */
export function addressesOf(host: string, options: Omit<LookupAllOptions, "all"> = {}): Promise<LookupAddress[]> {
  const key = JSON.stringify([host, options]);
  let found = pending.get(key);
  if (found === undefined) {
    found = lookup(host, { ...options, all: true }).finally(() => pending.delete(key));
    pending.set(key, found);
  }
  return found;
}

/** `addressesOf` in the shape that `net.connect` and undici's `connect` take as `lookup`. */
export const sharedLookup: LookupFunction = (host, { all, ...options }, callback) => {
  addressesOf(host, options as LookupAllOptions).then(
    (addresses) =>
      all ? callback(null, addresses) : callback(null, addresses[0]?.address ?? "", addresses[0]?.family),
    (error: NodeJS.ErrnoException) => callback(error, ""),
  );
};
