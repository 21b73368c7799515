import type { BotTarget } from "./config.ts";
import { createIdentity, type Identity } from "./probes/identity.ts";
import type { State } from "./state/state.ts";

/**
 * An identity for each configured bot. Learnt names are kept in the state, so that a bot that is dead when the sidecar
 * starts still has the name that its open incidents have.
 */
export function createNames(bots: BotTarget[], state: Pick<State, "get" | "commit">): Identity[] {
  const known = new Map(Object.entries((state.get("memory", "names") ?? {}) as Record<string, string>));
  return bots.map((bot) => {
    const key = keyOf(bot);
    const others = bots.filter((other) => other !== bot);
    // A configured name is its bot's also before that bot was read; a bot that is no longer configured holds none.
    const taken = (name: string) => others.some((other) => other.name === name || known.get(keyOf(other)) === name);
    const learnt = known.get(key);
    return createIdentity({
      ...(bot.name !== undefined && { configuredName: bot.name }),
      ...(learnt !== undefined && !taken(learnt) && { known: learnt }),
      taken,
      remember(name) {
        known.set(key, name);
        state.commit([{ table: "memory", key: "names", value: Object.fromEntries(known) }]);
      },
    });
  });
}

const keyOf = (bot: BotTarget): string => bot.name ?? bot.url ?? `token ${bot.token?.split(":")[0]}`;
