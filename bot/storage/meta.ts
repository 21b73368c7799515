import type { DatabaseSync } from "node:sqlite";

/** Small facts that survive a restart: the bot's identity, hashes of what was told to Telegram, the run mark. */
export interface Meta {
  get: (key: string) => string | undefined;
  set: (key: string, value: string) => void;
}

export function createMeta(db: DatabaseSync): Meta {
  const read = db.prepare("SELECT value FROM meta WHERE key = ?");
  const write = db.prepare(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
  );
  return {
    get: (key) => read.get(key)?.["value"] as string | undefined,
    set: (key, value) => void write.run(key, value),
  };
}

/** Says whether the last run ended without `stopped()`: it crashed, was killed, or the power went. */
export function createRunMark(meta: Meta): { crashed: boolean; stopped(): void } {
  const crashed = meta.get("running") === "1";
  meta.set("running", "1");
  return { crashed, stopped: () => meta.set("running", "0") };
}
