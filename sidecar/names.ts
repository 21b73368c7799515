import type { Log } from "@gramwatch/otel";
import type { BotTarget } from "./config.ts";
import { createIdentity, type Identity } from "./probes/identity.ts";
import type { State } from "./state/state.ts";

/**
 * An identity for each configured bot. Learnt names are kept in the state, so that a bot that is dead when the sidecar
 * starts still has the name that its open incidents have. Bots that say the same name keep apart here, but not in their
 * telemetry: that is warned of, once for each name.
 */
export function createNames(
  bots: BotTarget[],
  state: Pick<State, "get" | "commit">,
  log: Pick<Log, "warn">,
): Identity[] {
  const warned = new Set<string>();
  const known = new Map(Object.entries((state.get("memory", "names") ?? {}) as Record<string, string>));
  return bots.map((bot) => {
    const key = keyOf(bot);
    const others = bots.filter((other) => other !== bot);
    // A configured name is its bot's also before that bot was read; a bot that is no longer configured holds none.
    const isTaken = (name: string) => others.some((other) => other.name === name || known.get(keyOf(other)) === name);
    const taken = (name: string): boolean => {
      if (!isTaken(name)) return false;
      if (!warned.has(name)) log.warn({ service: name }, SHARED);
      warned.add(name);
      return true;
    };
    const learnt = known.get(key);
    return createIdentity({
      ...(bot.name !== undefined && { configuredName: bot.name }),
      ...(learnt !== undefined && !isTaken(learnt) && { known: learnt }),
      taken,
      remember(name) {
        known.set(key, name);
        state.commit([{ table: "memory", key: "names", value: Object.fromEntries(known) }]);
      },
    });
  });
}

const SHARED =
  "two bots send telemetry under one name, so their errors and traces are one; set OTEL_SERVICE_NAME of each to a name of its own";

const keyOf = (bot: BotTarget): string => bot.name ?? bot.url ?? `token ${bot.token?.split(":")[0]}`;
