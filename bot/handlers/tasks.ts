import { rich } from "../html.ts";
import type { Tasks } from "../tasks.ts";
import type { Command } from "./command.ts";

export const MAX_TASK_LENGTH = 500;
const MAX_OPEN_TASKS = 200;

/** /add, /list, /done: a list of tasks for each chat. */
export function taskCommands(tasks: Tasks): Command[] {
  return [
    {
      name: "add",
      usage: "<task>",
      summary: "put a task on the list",
      audience: "everyone",
      async run(ctx, text) {
        const chatId = ctx.chat?.id;
        if (chatId === undefined) return;
        if (text === "") return ctx.say(rich`What shall I add? For example: /add buy tea`);
        if (text.length > MAX_TASK_LENGTH) {
          return ctx.say(
            rich`That is too long: a task may have ${MAX_TASK_LENGTH} characters, this has ${text.length}.`,
          );
        }
        if (tasks.open(chatId).length >= MAX_OPEN_TASKS) {
          return ctx.say(rich`The list is full (${MAX_OPEN_TASKS} tasks). Finish one with /done first.`);
        }
        const task = tasks.add(chatId, text, ctx.correlationId);
        await ctx.say(rich`Added <b>${task.number}</b>: ${task.text}`);
      },
    },
    {
      name: "list",
      summary: "show the open tasks",
      audience: "everyone",
      async run(ctx) {
        const open = tasks.open(ctx.chat?.id ?? 0);
        if (open.length === 0) return ctx.say(rich`Nothing to do. Put something on the list with /add.`);
        await ctx.say(rich`${open.map((task) => rich`<b>${task.number}</b> ${task.text}`)}`);
      },
    },
    {
      name: "done",
      usage: "<number>",
      summary: "tick a task off",
      audience: "everyone",
      async run(ctx, argument) {
        if (!/^\d{1,9}$/.test(argument))
          return ctx.say(rich`Which one? For example: /done 2. /list shows the numbers.`);
        const task = tasks.complete(ctx.chat?.id ?? 0, Number(argument));
        await ctx.say(
          task === undefined
            ? rich`There is no task ${argument}. /list shows the numbers.`
            : rich`Done: <s>${task.text}</s>`,
        );
      },
    },
  ];
}
