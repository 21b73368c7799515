import type { BotSpec } from "./bots.ts";
import type { Conversation, GroupSpec, PersonSpec, Trouble } from "./chats.ts";
import type { FaultRule } from "./faults.ts";
import type { LatencyProfile } from "./latency.ts";
import type { LoadOptions } from "./load.ts";
import type { FakeTelegram } from "./fake-telegram.ts";
import type { Where } from "./people.ts";

/** `given`: the JSON body, or the query of a GET. The answer is JSON; undefined: `{"ok":true}`. */
type Route = (given: never, id: string | undefined) => unknown;

type Of = { bot?: string };

/** The control API, one to one with the object of `startFakeTelegram`. */
export function controlRoutes(telegram: FakeTelegram): Record<string, Route> {
  return {
    "GET /state": () => state(telegram),
    "GET /calls": ({ after, method }: { after?: string; method?: string }) =>
      telegram
        .calls()
        .filter((call) => call.id > Number(after ?? 0) && (method === undefined || call.method === method)),
    "GET /called": ({ method, skip, bot, timeoutMs }: { method: string; skip?: string; timeoutMs?: string } & Of) =>
      telegram.called(method, {
        skip: Number(skip ?? 0),
        ...(bot === undefined ? {} : { bot }),
        timeoutMs: Math.min(60_000, Number(timeoutMs ?? 5_000)),
      }),
    "GET /messages": ({ chat, bot, last }: { chat: string; last?: string } & Of) =>
      telegram.messages(Number(chat), bot).slice(-Number(last ?? 0)),
    "GET /answers": () => telegram.callbackAnswers(),

    "POST /say": ({ text, ...where }: Where & { text: string }) => {
      if (typeof text !== "string" || text === "") throw new Error("text is missing");
      return telegram.say(text, where);
    },
    "POST /voice": ({ base64, ...where }: Where & { base64: string }) =>
      telegram.voice(Buffer.from(base64, "base64"), where),
    "POST /photo": ({ base64, ...where }: Where & { base64: string }) =>
      telegram.photo(Buffer.from(base64, "base64"), where),
    "POST /press": ({ data, ...where }: Where & { data: string; message?: number }) => telegram.press(data, where),
    "POST /trouble": ({ chat, trouble, bot }: { chat: number; trouble: Trouble | null } & Of) =>
      telegram.trouble(chat, trouble, bot),

    "GET /faults": () => telegram.faults.list(),
    "POST /faults": (rule: FaultRule) => {
      if (typeof rule.fault?.kind !== "string") throw new Error("fault.kind is missing");
      return { id: telegram.faults.add(rule).id };
    },
    "DELETE /faults": (_given: unknown, id) => (id ? telegram.faults.remove(Number(id)) : telegram.faults.clear()),
    "PUT /latency": (profile: Partial<LatencyProfile>) =>
      telegram.latency(profile.medianMs === undefined ? undefined : { ...profile, medianMs: profile.medianMs }),
    "POST /revoke": ({ bot }: Of) => telegram.revoke(bot),
    "POST /restore": ({ bot }: Of) => telegram.restore(bot),
    "POST /load": (options: LoadOptions) => {
      if (!(options.perSecond > 0 && options.seconds > 0)) throw new Error("perSecond and seconds must be positive");
      void telegram.load(options);
      return undefined;
    },
    "DELETE /load": () => telegram.stopLoad(),

    "POST /bots": (spec: BotSpec) => shown(telegram.addBot(spec)),
    "POST /people": (spec: PersonSpec) => telegram.person(spec),
    "POST /groups": (spec: GroupSpec) => telegram.group(spec),
    "POST /reset": () => telegram.reset(),
  };
}

function shown({ name, id, token, me, revoked, updates, webhook, commands }: ReturnType<FakeTelegram["bot"]>) {
  return {
    name,
    id,
    token,
    username: me.username,
    revoked,
    pending: updates.pending(),
    polling: updates.isPolled(),
    webhook: webhook.url,
    commands: [...commands.values()][0] ?? [],
  };
}

function chatState({ chat, bot, members, messages, reactions, action }: Conversation) {
  return {
    chat,
    bot: bot?.name,
    members: [...members].map(({ name }) => name),
    last: messages.at(-1),
    reactions: Object.fromEntries(reactions),
    action: action && { bot: action.bot.name, name: action.name, atMs: action.atMs },
  };
}

function state(telegram: FakeTelegram) {
  return {
    url: telegram.url,
    bots: telegram.bots().map(shown),
    people: telegram.people(),
    chats: telegram.conversations().map(chatState),
    faults: telegram.faults.list(),
    troubles: telegram.troubles(),
    latency: telegram.latencies(),
  };
}
