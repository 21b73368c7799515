import { createBots, type Bot, type BotRegistryOptions, type BotSpec } from "./bots.ts";
import { createCallbacks } from "./callbacks.ts";
import { createChats, type GroupSpec, type PersonSpec, type Trouble } from "./chats.ts";
import { systemClock, type Clock } from "./clock.ts";
import { createFaults } from "./faults.ts";
import { createFiles } from "./files.ts";
import { createJournal } from "./journal.ts";
import { createListeners } from "./listeners.ts";
import { createLatency, type LatencyProfile } from "./latency.ts";
import { createFaqLimits } from "./limits.ts";
import { createLoad } from "./load.ts";
import { createMethods } from "./methods.ts";
import { createPeople } from "./people.ts";
import { createSending } from "./sending.ts";
import { createBotApi } from "./server.ts";
import { listenTls, type TlsKind, type TlsListener } from "./tls.ts";

export interface FakeTelegramOptions extends BotRegistryOptions {
  /** Default 0: any free one. */
  port?: number;
  /** Listen on `::1` too, on the same port; default false. */
  ipv6?: boolean;
  /** Default: the system's. */
  clock?: Clock;
  /** `faq`: 429 over the published figures; default: no limits. */
  limits?: "faq";
}

/** A Bot API on 127.0.0.1. Tests, benches and the demo act on it through the object, or through `serveControl`. */
export async function startFakeTelegram(options: FakeTelegramOptions = {}) {
  const clock = options.clock ?? systemClock;
  const bots = createBots(clock, options);
  const chats = createChats(bots);
  const files = createFiles();
  const callbacks = createCallbacks();
  const journal = createJournal(clock);
  const latency = createLatency();
  const limits = options.limits === "faq" ? createFaqLimits(clock) : undefined;
  const sending = createSending({ chats, clock, limits });
  const methods = createMethods({ chats, callbacks, clock, files, sending });
  const people = createPeople({ bots, chats, callbacks, clock, files });
  const load = createLoad(clock, people);
  const faults = createFaults((refused) => listeners.refuse(refused));
  const api = createBotApi({ bots, clock, faults, files, journal, latency, methods });
  const listeners = createListeners(api, { 4: "127.0.0.1", 6: options.ipv6 ? "::1" : undefined });
  const tls = new Set<TlsListener>();
  const port = await listeners.start(options.port ?? 0);

  return {
    port,
    /** What to give as TELEGRAM_API_ROOT. */
    url: `http://127.0.0.1:${port}`,

    ...people,
    faults,
    /** In order of arrival; the newest 5,000 at least. */
    calls: journal.calls,
    called: journal.called,
    onCall: journal.subscribe,
    /** What people saw after pressing buttons. */
    callbackAnswers: callbacks.answers,

    bot: (name?: string | number): Bot => bots.named(name),
    bots: bots.all,
    addBot: (spec: BotSpec): Bot => bots.add(spec),
    person: (spec: PersonSpec) => chats.person(spec),
    group: (spec: GroupSpec) => chats.group(spec).chat,
    people: chats.people,
    conversations: chats.conversations,

    /** What the chat shows now: edits in place, deleted ones gone. `bot`: whose private chat; default the first. */
    messages(chat: number, bot?: string | number) {
      return [...(chats.conversation(chat, bots.named(bot))?.messages ?? [])];
    },
    /** What was sent or uploaded, by its `file_id`. */
    file: files.byId,
    /** Updates that the bot has not confirmed. */
    pending: (bot?: string | number): number => bots.named(bot).updates.pending(),

    /** Why the chat refuses from now on; `null`: it does not any more. */
    trouble(chat: number, trouble: Trouble | null, bot?: string | number): void {
      chats.setTrouble(chat, trouble, bot === undefined ? undefined : bots.named(bot));
    },
    troubles: chats.troubles,

    /** An HTTPS listener with the same Bot API behind a certificate that is wrong in one way. Needs openssl. */
    async tls(kind: TlsKind): Promise<TlsListener> {
      const listener = await listenTls(kind, api);
      tls.add(listener);
      return listener;
    },

    /** 401 from now on; a waiting poll ends with []. `restore` takes it back. */
    revoke(bot?: string | number): void {
      bots.named(bot).revoked = true;
      bots.named(bot).updates.endPoll();
    },
    restore(bot?: string | number): void {
      bots.named(bot).revoked = false;
    },

    /** undefined: no latency. */
    latency: (profile?: LatencyProfile): void => latency.set(profile),
    latencies: latency.list,
    /** Resolves with the number of messages when the time is up. */
    load: load.run,
    stopLoad: load.stopAll,

    /** Faults, latency, troubles, load, calls and pending updates go; bots, people and chats stay. */
    async reset(): Promise<void> {
      load.stopAll();
      latency.set(undefined);
      chats.reset();
      journal.clear();
      for (const bot of bots.all()) {
        bot.revoked = false;
        bot.updates.drop();
      }
      await faults.clear();
    },

    /** Leaves no socket and no timer. */
    async close(): Promise<void> {
      load.stopAll();
      for (const bot of bots.all()) bot.updates.endPoll();
      for (const listener of tls) listener.close();
      await listeners.close();
    },
  };
}

export type FakeTelegram = Awaited<ReturnType<typeof startFakeTelegram>>;
