import type { Figure } from "./figure.ts";

type Limits = Pick<Figure, "goal" | "must">;
const TO_PULL: Record<string, Limits> = { bot: { goal: 46, must: 57 }, sidecar: { goal: 47, must: 58 } };

/** What the tests of the images and of the compose file say beside passing, as figures; TAP as node:test writes it. */
export function figuresIn(tap: string): Figure[] {
  const all = (pattern: RegExp): RegExpMatchArray[] => [...tap.matchAll(pattern)];
  return [
    ...all(/# (bot|sidecar): \S+ MB unpacked, (\S+) MB compressed/g).map(([, part = "", megabytes]) => ({
      figure: `image of the ${part}, to pull`,
      unit: "MB",
      ours: Number(megabytes),
      ...TO_PULL[part],
    })),
    ...all(/# (bot|sidecar): (\d+) MB resident/g).map(([, part, megabytes]) => ({
      figure: `memory of the ${part} in its container, after some use`,
      unit: "MB",
      ours: Number(megabytes),
    })),
    ...all(/# while the bot was restarted nobody polled for (\d+) ms/g).map(([, ms]) => ({
      figure: "nobody polls while the bot is restarted",
      unit: "s",
      ours: Number(ms) / 1000,
    })),
    ...all(/# during the update nobody polled for (\d+) ms/g).map(([, ms]) => ({
      figure: "nobody polls during scripts/update.sh",
      unit: "s",
      ours: Number(ms) / 1000,
    })),
  ];
}
