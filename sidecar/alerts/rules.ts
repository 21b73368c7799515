import type { Rule } from "./rule.ts";
import { botRules } from "./rules-bot.ts";
import { hostRules } from "./rules-host.ts";
import { telegramRules } from "./rules-telegram.ts";

/** Every rule; the runbook of each is `docs/runbooks/<kebab-name>.md`. */
export const RULES: Rule[] = [...telegramRules, ...botRules, ...hostRules];

/** `TelegramBotDown` → `telegram-bot-down`: the file name of the runbook and its path in the console. */
export const kebab = (rule: string): string => rule.replace(/(?<=.)([A-Z])/g, "-$1").toLowerCase();
