import type { Figure } from "./figure.ts";

const SAID: [pattern: RegExp, figure: string][] = [
  [/# while the bot was restarted nobody polled for (\d+) ms/, "nobody polls while the bot is restarted"],
  [/# during the update nobody polled for (\d+) ms/, "nobody polls during scripts/update.sh"],
];

/** What the test of the compose file says beside passing, as figures; TAP as node:test writes it. */
export const deafnessIn = (tap: string): Figure[] =>
  SAID.flatMap(([pattern, figure]) => {
    const [, ms] = pattern.exec(tap) ?? [];
    return ms === undefined ? [] : [{ figure, unit: "s", ours: Number(ms) / 1000 }];
  });
