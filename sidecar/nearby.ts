import { BlockList, isIP } from "node:net";

const NEAR = new BlockList();
for (const [network, prefix] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
] as const)
  NEAR.addSubnet(network, prefix, "ipv4");
NEAR.addAddress("::1", "ipv6");
NEAR.addSubnet("fc00::", 7, "ipv6");
NEAR.addSubnet("fe80::", 10, "ipv6");

const INTERNAL = /(^|\.)(localhost|local|internal|lan|home|arpa|test|example|invalid)$/;

/** A name that only this host or network knows: `whisper` of compose, `whisper.default.svc` of a cluster. */
export const isLocalName = (host: string): boolean =>
  !host.includes(".") || INTERNAL.test(host) || /\.svc(\.|$)/.test(host);

/** Reached without the line to the internet, as far as the address says: loopback, a private network, a local name. */
export function isNearby({ hostname }: URL): boolean {
  const host = hostname.replace(/[[\]]/g, "");
  const version = isIP(host);
  return version === 0 ? isLocalName(host) : NEAR.check(host, version === 6 ? "ipv6" : "ipv4");
}
