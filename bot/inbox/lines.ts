/** Who waits in line: open updates by chat, in order; only the first of each line is served, one at a time. */
export interface Lines {
  add: (chat: string, id: number) => void;
  /** The first of each line that is not at work, at most `limit`. */
  heads: (limit: number) => number[];
  start: (id: number) => void;
  /** Leaves its line; the next one becomes a head. */
  finish: (id: number) => void;
  atWork: () => number;
}

export function createLines(): Lines {
  const lines = new Map<string, number[]>();
  // In the order in which they became free, so that no chat waits for ever behind busier ones.
  const free = new Map<number, string>();
  const working = new Map<number, string>();
  return {
    add(chat, id) {
      const line = lines.get(chat);
      if (line !== undefined) {
        line.push(id);
        return;
      }
      lines.set(chat, [id]);
      free.set(id, chat);
    },
    heads: (limit) => free.keys().take(Math.max(0, limit)).toArray(),
    start(id) {
      working.set(id, free.get(id) ?? "");
      free.delete(id);
    },
    finish(id) {
      const chat = working.get(id) ?? "";
      working.delete(id);
      const line = lines.get(chat);
      line?.shift();
      const [next] = line ?? [];
      if (next === undefined) lines.delete(chat);
      else free.set(next, chat);
    },
    atWork: () => working.size,
  };
}
