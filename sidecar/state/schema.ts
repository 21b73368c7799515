import { DatabaseSync } from "node:sqlite";

/** The tables of state.db; each row is one record of `records.ts` as JSON. */
export const TABLES = ["instance", "incident", "told", "outbox", "channel", "memory"] as const;
export type Table = (typeof TABLES)[number];

// Appended only: the position is the version that a database carries in user_version.
const MIGRATIONS = [
  TABLES.map(
    (table) => `CREATE TABLE ${table} (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  ).join(""),
];

/** Opens and migrates. FULL: a transition must survive power loss, and there are dozens a day. */
export function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 2000 });
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version > MIGRATIONS.length) {
      throw new Error(
        `state.db has version ${version}, this sidecar knows ${MIGRATIONS.length}: use the newer sidecar`,
      );
    }
    for (let next = version; next < MIGRATIONS.length; next++) {
      db.exec(`BEGIN IMMEDIATE; ${MIGRATIONS[next]} PRAGMA user_version = ${next + 1}; COMMIT;`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
