import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Ballast, createBallast } from "./ballast.ts";
import type { ChannelStatus, Incident, Instance, OutboxRow, Told } from "./records.ts";
import { openDatabase, type Table, TABLES } from "./schema.ts";

export interface Records {
  instance: Instance;
  incident: Incident;
  told: Told;
  outbox: OutboxRow;
  channel: ChannelStatus;
  /** Checkpoints of whoever needs one: the world, the clock. */
  memory: unknown;
}
/** `value: null` deletes. */
export type Change = { [T in Table]: { table: T; key: string; value: Records[T] | null } }[Table];

export interface State {
  get<T extends Table>(table: T, key: string): Records[T] | undefined;
  all<T extends Table>(table: T): Records[T][];
  /** Holds at once in memory and goes to disk with the next `commit`. */
  stage(changes: Change[]): void;
  /**
   * One transaction for all changes, staged ones first. The truth is in memory: if the disk refuses, the changes hold for this run, stay
   * marked and go with the next commit. Returns whether everything is on disk. Never throws.
   */
  commit(changes: Change[]): boolean;
  /** Why the state is not on disk; undefined: it is. */
  problem(): string | undefined;
  /** SQLite's own check; undefined: sound, or there is no database. */
  quickCheck(): string | undefined;
  /** For backups: the database itself, undefined when there is none. */
  database(): DatabaseSync | undefined;
  close: () => void;
}

const SQLITE_FULL = 13;

/**
 * Opens `state.db` in `dir` (0700, files 0600); undefined or unusable `dir`: memory alone, and `problem()` says so.
 * Records are few (dozens of rules, weeks of incidents), so all of them are in memory.
 */
export function openState(dir: string | undefined): State {
  const records = Object.fromEntries(TABLES.map((table) => [table, new Map<string, unknown>()])) as {
    [T in Table]: Map<string, Records[T]>;
  };
  const unsaved = new Map<string, Change>();
  let db: DatabaseSync | undefined;
  let ballast: Ballast | undefined;
  let trouble: string | undefined;
  let puts = new Map<Table, StatementSync>();
  let deletes = new Map<Table, StatementSync>();

  try {
    if (dir === undefined) throw new Error("no data directory");
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    db = openDatabase(join(dir, "state.db"));
    for (const suffix of ["", "-wal", "-shm"]) chmodSync(join(dir, `state.db${suffix}`), 0o600);
    for (const table of TABLES) {
      for (const row of db.prepare(`SELECT key, value FROM ${table}`).all()) {
        (records[table] as Map<string, unknown>).set(String(row["key"]), JSON.parse(String(row["value"])));
      }
    }
    const open = db;
    puts = new Map(
      TABLES.map((table) => [
        table,
        open.prepare(`INSERT INTO ${table} VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`),
      ]),
    );
    deletes = new Map(TABLES.map((table) => [table, open.prepare(`DELETE FROM ${table} WHERE key = ?`)]));
    ballast = createBallast(join(dir, "state.ballast"));
  } catch (error) {
    if (db?.isOpen) db.close();
    db = undefined;
    trouble = `state not saved: ${(error as Error).message}`;
  }

  function write(): void {
    if (db === undefined || unsaved.size === 0) return;
    db.exec("BEGIN IMMEDIATE");
    try {
      for (const { table, key, value } of unsaved.values()) {
        if (value === null) deletes.get(table)?.run(key);
        else puts.get(table)?.run(key, JSON.stringify(value));
      }
      db.exec("COMMIT");
    } catch (error) {
      // On a full disk SQLite has already rolled back; a second ROLLBACK would hide the first error.
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }

  function stage(changes: Change[]): void {
    for (const change of changes) {
      unsaved.set(`${change.table}/${change.key}`, change);
      const table = records[change.table] as Map<string, unknown>;
      if (change.value === null) table.delete(change.key);
      else table.set(change.key, change.value);
    }
  }

  function save(): boolean {
    if (db === undefined) return false;
    try {
      write();
    } catch (error) {
      const full = (error as { errcode?: number }).errcode === SQLITE_FULL;
      trouble = `state not saved: ${full ? "no space left" : (error as Error).message}`;
      if (!full || !ballast?.release()) return false;
      try {
        write(); // the ballast was freed: room for some transitions more
      } catch {
        return false;
      }
    }
    unsaved.clear();
    trouble = undefined;
    ballast?.refill();
    return true;
  }

  return {
    get: (table, key) => records[table].get(key),
    all: (table) => [...records[table].values()],
    stage,
    commit(changes) {
      stage(changes);
      return save();
    },
    problem: () => trouble,
    quickCheck() {
      if (db === undefined) return undefined;
      try {
        const answer = String(db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
        return answer === "ok" ? undefined : answer;
      } catch (error) {
        return (error as Error).message;
      }
    },
    database: () => db,
    close() {
      save();
      db?.close();
      db = undefined;
    },
  };
}
