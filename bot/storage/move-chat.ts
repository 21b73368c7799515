import type { DatabaseSync } from "node:sqlite";
import { inTransaction } from "./database.ts";

export type MoveChat = (from: number, to: number) => void;

/** A group that becomes a supergroup gets another id: its tasks and late messages go with it. */
export function createMoveChat(db: DatabaseSync): MoveChat {
  const highest = db.prepare("SELECT coalesce(max(number), 0) AS number FROM tasks WHERE chat_id = ?");
  const tasks = db.prepare("UPDATE tasks SET chat_id = ?, number = number + ? WHERE chat_id = ?");
  const messages = db.prepare("UPDATE outbound SET chat_id = ? WHERE chat_id = ?");
  return (from, to) =>
    inTransaction(db, () => {
      tasks.run(to, Number(highest.get(to)?.["number"]), from);
      messages.run(to, from);
    });
}
