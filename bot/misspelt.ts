import type { Problem } from "@gramwatch/otel";

/** Names that begin like this are nobody else's, though Kubernetes adds some of its own (BOT_SERVICE_HOST). */
const OURS = /^(BOT|TRANSCRIBE|SIDECAR|BACKUP)_/;
const NEAR = 2;

/** Variables that are nearly one of ours: a misspelt BOT_ALLOWED_USERS would let everybody in without a word. */
export function misspelt(names: readonly string[], env: Record<string, string | undefined>): Problem[] {
  return Object.keys(env).flatMap((given) => {
    if (!OURS.test(given) || names.includes(given)) return [];
    const meant = names.find((name) => distance(given, name) <= NEAR);
    return meant === undefined ? [] : [{ setting: given, value: "", expected: `unknown; ${meant} is meant?` }];
  });
}

/** Levenshtein. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (const [i, character] of a.split("").entries()) {
    const next = [i + 1];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (character === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
