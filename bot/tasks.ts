import type { DatabaseSync } from "node:sqlite";
import { inTransaction, type ObservedCall } from "./storage/database.ts";

export interface Task {
  /** Counts from 1 in each chat and is never given twice. */
  number: number;
  text: string;
}

export interface Tasks {
  /** The same `origin` again returns the task that it made the first time: a replayed update adds nothing. */
  add: (chatId: number, text: string, origin: string) => Task;
  /** Open tasks, oldest first. */
  open: (chatId: number) => Task[];
  /** Done now or before; undefined: there is no such task. */
  complete: (chatId: number, number: number) => Task | undefined;
}

export function createTasks(db: DatabaseSync, now: () => number, observed: ObservedCall): Tasks {
  const insert = db.prepare(
    `INSERT INTO tasks (chat_id, number, text, created_at, origin)
     SELECT :chat, coalesce(max(number), 0) + 1, :text, :at, :origin FROM tasks WHERE chat_id = :chat
     ON CONFLICT (origin) DO NOTHING`,
  );
  const byOrigin = db.prepare("SELECT number, text FROM tasks WHERE origin = ?");
  const list = db.prepare("SELECT number, text FROM tasks WHERE chat_id = ? AND done_at IS NULL ORDER BY number");
  const finish = db.prepare(
    "UPDATE tasks SET done_at = coalesce(done_at, ?) WHERE chat_id = ? AND number = ? RETURNING number, text",
  );
  return {
    add: (chatId, text, origin) =>
      observed("INSERT", "tasks", () =>
        inTransaction(db, () => {
          insert.run({ chat: chatId, text, at: now(), origin });
          return byOrigin.get(origin) as unknown as Task;
        }),
      ),
    open: (chatId) => observed("SELECT", "tasks", () => list.all(chatId) as unknown as Task[]),
    complete: (chatId, number) =>
      observed("UPDATE", "tasks", () => finish.get(now(), chatId, number) as unknown as Task | undefined),
  };
}
