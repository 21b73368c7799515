import type { ResponseParameters } from "@grammyjs/types";

/** What goes wrong on the wire; the doc says what a client sees. */
export type Fault =
  /** Any refusal. */
  | { kind: "error"; code: number; description: string; parameters?: ResponseParameters }
  | { kind: "flood"; retryAfterSeconds: number }
  /** The front end's own page; status 502 by default. */
  | { kind: "html"; status?: number }
  /** Never answers; `headers`: sends them and stops. Only an own deadline ends it. */
  | { kind: "hang"; headers?: boolean }
  /** The connection ends before any answer, by RST (default) or FIN. */
  | { kind: "reset"; by?: "rst" | "fin" }
  /** Status 200, half the body, then FIN (default) or RST. */
  | { kind: "truncate"; by?: "rst" | "fin" }
  /** Byte by byte; `before` never ends, `after` ends with the answer. Default pause 50 ms. */
  | { kind: "drip"; pauseMs?: number }
  | { kind: "slow"; delayMs: number }
  /** Listener closed and live sockets destroyed; `family`: on that address only. Not of one bot or method. */
  | { kind: "refuse"; family?: 4 | 6 };

export interface FaultRule {
  /** Name or id. */
  bot?: string | number;
  /** Without regard to case. */
  method?: string;
  chat?: number;
  /** So many matching calls pass first; default 0. */
  skip?: number;
  /** Then so many are spoilt; default: all. */
  times?: number;
  /** `after`: the work is done and then the answer is broken: the message was sent. Default `before`. */
  when?: "before" | "after";
  fault: Fault;
}

export interface ActiveFault extends FaultRule {
  readonly id: number;
  skipped: number;
  spoilt: number;
}

interface Target {
  bot: { name: string; id: number };
  method: string;
  chat: number | undefined;
}

function concerns(rule: FaultRule, { bot, method, chat }: Target): boolean {
  return (
    (rule.bot === undefined || rule.bot === bot.name || Number(rule.bot) === bot.id) &&
    (rule.method === undefined || rule.method.toLowerCase() === method.toLowerCase()) &&
    (rule.chat === undefined || rule.chat === chat)
  );
}

/** `listen` is told which address families refuse, whenever that changes; it settles when they do. */
export function createFaults(listen: (refused: ReadonlySet<4 | 6>) => Promise<void>) {
  let rules: ActiveFault[] = [];
  let lastId = 0;

  function relisten(): Promise<void> {
    const refused = new Set<4 | 6>();
    for (const { fault } of rules) {
      if (fault.kind !== "refuse") continue;
      if (fault.family !== 6) refused.add(4);
      if (fault.family !== 4) refused.add(6);
    }
    return listen(refused);
  }

  async function remove(id: number): Promise<void> {
    const rule = rules.find((rule) => rule.id === id);
    rules = rules.filter((rule) => rule.id !== id);
    if (rule?.fault.kind === "refuse") await relisten();
  }

  return {
    /** In force when it returns. The answer takes it away again, and settles once the port is open anew. */
    add(rule: FaultRule): { id: number; remove: () => Promise<void> } {
      const id = ++lastId;
      rules.push({ ...rule, id, skipped: 0, spoilt: 0 });
      // Closing is done by now; what fails to open again is told to whoever takes the fault away.
      if (rule.fault.kind === "refuse") relisten().catch(() => {});
      return { id, remove: () => remove(id) };
    },
    remove,
    /** Rejects when the port was taken meanwhile; may be tried again. */
    clear(): Promise<void> {
      rules = [];
      return relisten();
    },
    list: (): ActiveFault[] => rules.map((rule) => ({ ...rule })),

    /** The fault for this call, counted; the oldest match wins. */
    take(target: Target): FaultRule | undefined {
      for (const rule of rules) {
        if (rule.fault.kind === "refuse" || !concerns(rule, target)) continue;
        if (rule.skipped < (rule.skip ?? 0)) {
          rule.skipped++;
          continue;
        }
        if (rule.spoilt >= (rule.times ?? Infinity)) continue;
        rule.spoilt++;
        return rule;
      }
      return undefined;
    },
  };
}

export type Faults = ReturnType<typeof createFaults>;
