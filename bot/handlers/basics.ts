import { rich } from "../html.ts";
import type { Command } from "./command.ts";

/** /start, /help, /ping. `commands` is read when /help is asked for, so it may hold these too. */
export function basicCommands(
  commands: () => readonly Command[],
  isAdmin: (userId: number | undefined) => boolean,
): Command[] {
  const lines = (admin: boolean) =>
    commands()
      .filter((command) => admin || command.audience === "everyone")
      .map(({ name, usage, summary }) => rich`/${name}${usage === undefined ? "" : ` ${usage}`} – ${summary}`);

  return [
    {
      name: "start",
      summary: "what this bot does",
      audience: "everyone",
      run: (ctx) =>
        ctx.say(
          rich`Hello${ctx.from ? ` ${ctx.from.first_name}` : ""}! I keep your list of tasks and remind you.\n\n${lines(false)}`,
        ),
    },
    {
      name: "help",
      summary: "the commands",
      audience: "everyone",
      run: (ctx) => ctx.say(rich`${lines(isAdmin(ctx.from?.id))}`),
    },
    { name: "ping", summary: "is the bot there?", audience: "everyone", run: (ctx) => ctx.say(rich`pong`) },
  ];
}
