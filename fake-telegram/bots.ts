import type { BotCommand, UserFromGetMe } from "@grammyjs/types";
import type { Clock } from "./clock.ts";
import { Refusal } from "./refusals.ts";
import { createUpdateQueue, type UpdateQueue, type UpdateQueueOptions } from "./updates.ts";

export interface BotSpec {
  /** How tests, faults and the chat page call it. */
  name: string;
  /** `<id>:<35 characters>`; default: made from the name. */
  token?: string;
  /** What getMe says; default: the digits before the token's colon. Another one is the cause `wrong_token`. */
  id?: number;
  username?: string;
}

/** Deliveries are not served: with a webhook set the updates wait, and getUpdates is refused. */
export interface WebhookState {
  /** Empty: none. */
  url: string;
  /** Unix milliseconds from which the next setWebhook is served. */
  nextSetMs: number;
}

export interface Bot {
  readonly name: string;
  readonly id: number;
  readonly token: string;
  readonly me: UserFromGetMe;
  readonly updates: UpdateQueue;
  readonly webhook: WebhookState;
  /** By scope and language. */
  readonly commands: Map<string, BotCommand[]>;
  /** Ids of people it has seen: anybody else is `chat not found`. */
  readonly knows: Set<number>;
  /** Ids of people who wrote to it or pressed Start. */
  readonly startedBy: Set<number>;
  revoked: boolean;
}

export interface BotRegistryOptions extends UpdateQueueOptions {
  bots?: readonly (string | BotSpec)[];
  /** Any well-formed token makes its bot on first use; default: only when no bots are given. */
  openDoor?: boolean;
  /** What a malformed token gets: the open server says 401; the public front end was seen to say 404. */
  malformedToken?: 401 | 404;
}

const wellFormed = /^[1-9]\d*:[A-Za-z0-9_-]{35}$/;

export function createBots(clock: Clock, options: BotRegistryOptions) {
  const byToken = new Map<string, Bot>();
  const openDoor = options.openDoor ?? !options.bots?.length;

  function add(spec: BotSpec): Bot {
    const token =
      spec.token ?? `${1_000_001 + byToken.size}:${`made-up-token-of-${spec.name}-`.padEnd(35, "x").slice(0, 35)}`;
    const id = spec.id ?? Number(token.split(":")[0]);
    const bot: Bot = {
      name: spec.name,
      id,
      token,
      me: {
        id,
        is_bot: true,
        first_name: spec.name,
        username: spec.username ?? `${spec.name.replaceAll(/\W/g, "_")}_bot`,
        can_join_groups: true,
        can_read_all_group_messages: false,
        supports_inline_queries: false,
        can_connect_to_business: false,
        has_main_web_app: false,
        has_topics_enabled: false,
        allows_users_to_create_topics: false,
        can_manage_bots: false,
        supports_join_request_queries: false,
      },
      updates: createUpdateQueue(clock, options),
      webhook: { url: "", nextSetMs: 0 },
      commands: new Map(),
      knows: new Set(),
      startedBy: new Set(),
      revoked: false,
    };
    byToken.set(token, bot);
    return bot;
  }

  for (const spec of options.bots ?? []) add(typeof spec === "string" ? { name: spec } : spec);

  return {
    add,
    all: (): Bot[] => [...byToken.values()],

    /** By name or id; undefined: the first one, which must be there. */
    named(name?: string | number): Bot {
      const bots = [...byToken.values()];
      const bot = name === undefined ? bots[0] : bots.find((bot) => bot.name === name || bot.id === Number(name));
      if (!bot)
        throw new Error(`no bot ${name ?? "yet"}; there are: ${bots.map((bot) => bot.name).join(", ") || "none"}`);
      return bot;
    },

    /** ClientManager::send: who is calling, or the 401. */
    authorized(token: string): Bot {
      const id = Number(/^\d+(?=:)/.exec(token)?.[0] ?? 0);
      if (token.startsWith("0") || token.length > 80 || id <= 0 || id >= 2 ** 54) {
        if (options.malformedToken === 404) throw new Refusal(404, "Not Found");
        throw new Refusal(401, "Unauthorized: invalid token specified");
      }
      const bot =
        byToken.get(token) ?? (openDoor && wellFormed.test(token) ? add({ name: `bot${id}`, token }) : undefined);
      if (!bot || bot.revoked) throw new Refusal(401, "Unauthorized");
      return bot;
    },
  };
}

export type Bots = ReturnType<typeof createBots>;
