const REMEMBERED = 200;

/** Of a run of equal failures the 1st, 2nd, 4th, 8th … are worth a line, and the end of the run. */
export function createRuns() {
  const counts = new Map<string, number>();
  return {
    /** How often this failure has now come in a row, if it is worth a line; else undefined. */
    failed(what: string): number | undefined {
      const count = (counts.get(what) ?? 0) + 1;
      if (count === 1 && counts.size >= REMEMBERED) counts.clear();
      counts.set(what, count);
      return (count & (count - 1)) === 0 ? count : undefined;
    },
    /** Ends the run; says how long it was, if there was one. */
    ended(what: string): number | undefined {
      const count = counts.get(what);
      counts.delete(what);
      return count;
    },
  };
}
