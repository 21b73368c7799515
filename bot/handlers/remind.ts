import { rich } from "../html.ts";
import type { Outbound } from "../outbound/outbound.ts";
import type { Command } from "./command.ts";
import { MAX_TASK_LENGTH } from "./tasks.ts";

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 366 * 86_400_000;
const MAX_REMINDERS = 100;

/** `20m tea`, `1h30m call Ann` → when and what; undefined: not understood. */
export function parseReminder(argument: string): { afterMs: number; text: string } | undefined {
  const [, spec = "", text = ""] = /^((?:\d{1,6}[smhd])+)\s+(.+)$/s.exec(argument) ?? [];
  const parts = spec.matchAll(/(\d+)([smhd])/g);
  const afterMs = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ""] ?? 0), 0);
  return afterMs > 0 && afterMs <= LONGEST_MS ? { afterMs, text } : undefined;
}

export interface ReminderDeps {
  outbound: Outbound;
  /** A message is there that may be due before all others. */
  wake: () => void;
  /** Wall clock, Unix milliseconds: a reminder outlives the process. */
  now: () => number;
}

/** /remind, /reminders. */
export function reminderCommands({ outbound, wake, now }: ReminderDeps): Command[] {
  return [
    {
      name: "remind",
      usage: "<time> <text>",
      summary: "remind me later, e.g. /remind 20m tea",
      audience: "everyone",
      async run(ctx, argument) {
        const chatId = ctx.chat?.id;
        if (chatId === undefined) return;
        const reminder = parseReminder(argument);
        if (reminder === undefined) {
          return ctx.say(
            rich`When and what? For example: /remind 20m tea, /remind 1h30m call Ann, /remind 2d pay rent`,
          );
        }
        if (reminder.text.length > MAX_TASK_LENGTH) {
          return ctx.say(rich`That is too long: a reminder may have ${MAX_TASK_LENGTH} characters.`);
        }
        if (outbound.reminders(chatId).length >= MAX_REMINDERS) {
          return ctx.say(rich`You have ${MAX_REMINDERS} reminders already; that is all I keep.`);
        }
        const dueAt = now() + reminder.afterMs;
        const isNew = outbound.put({
          kind: "reminder",
          chatId,
          threadId: ctx.msg?.is_topic_message ? ctx.msg.message_thread_id : undefined,
          text: rich`⏰ ${reminder.text}`.html,
          dueAt,
          correlationId: ctx.correlationId,
          origin: ctx.correlationId,
        });
        wake();
        // A replayed update finds the one that it set the first time.
        const first = isNew
          ? undefined
          : outbound.reminders(chatId).find((one) => one.correlationId === ctx.correlationId);
        await ctx.say(rich`I will remind you at ${utc(first?.dueAt ?? dueAt)}: ${reminder.text}`);
      },
    },
    {
      name: "reminders",
      summary: "show what I will remind you of",
      audience: "everyone",
      async run(ctx) {
        const waiting = outbound.reminders(ctx.chat?.id ?? 0);
        if (waiting.length === 0) return ctx.say(rich`No reminders. Set one: /remind 20m tea`);
        await ctx.say(rich`${waiting.map((one) => rich`${utc(one.dueAt)} ${{ html: one.text }}`)}`);
      },
    },
  ];
}

const utc = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
