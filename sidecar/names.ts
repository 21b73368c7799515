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
    const key = bot.name ?? bot.url ?? `token ${bot.token?.split(":")[0]}`;
    const learnt = known.get(key);
    return createIdentity({
      ...(bot.name !== undefined && { configuredName: bot.name }),
      ...(learnt !== undefined && { known: learnt }),
      taken: (name) => [...known].some(([other, its]) => other !== key && its === name),
      remember(name) {
        known.set(key, name);
        state.commit([{ table: "memory", key: "names", value: Object.fromEntries(known) }]);
      },
    });
  });
}
