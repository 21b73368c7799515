import { createHmac, randomBytes } from "node:crypto";

const REMEMBERED = 10_000;

/**
 * `user.hash` of a Telegram id: 16 hex digits, keyed, because plain hashes of ten-digit ids are reversed in seconds.
 * Without a key the process draws one: the hashes then tell users apart only until it restarts.
 */
export function createUserHash(key: Uint8Array = randomBytes(32)): (id: number) => string {
  const known = new Map<number, string>();
  return (id) => {
    let hash = known.get(id);
    if (hash === undefined) {
      hash = createHmac("sha256", key).update(String(id)).digest("hex").slice(0, 16);
      if (known.size >= REMEMBERED) known.delete(known.keys().next().value ?? id);
      known.set(id, hash);
    }
    return hash;
  };
}
