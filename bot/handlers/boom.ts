import type { Tasks } from "../tasks.ts";
import type { Command } from "./command.ts";

/** /boom fails on purpose, after a look into the database: it shows what users and operators see of a failure. */
export const boomCommand = (tasks: Tasks): Command => ({
  name: "boom",
  summary: "fail on purpose (not in production)",
  audience: "everyone",
  async run(ctx) {
    const open = tasks.open(ctx.chat?.id ?? 0).length;
    throw new Error(`boom: failed on purpose with ${open} open tasks`);
  },
});
