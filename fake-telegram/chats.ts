import type { Chat, Message, User } from "@grammyjs/types";
import type { Bot, Bots } from "./bots.ts";
import { badRequest, forbidden } from "./refusals.ts";

export interface PersonSpec {
  id: number;
  first_name?: string;
  last_name?: string;
  username?: string;
  language_code?: string;
}

export interface GroupSpec {
  /** Negative; default: made up. */
  id?: number;
  title?: string;
  type?: "group" | "supergroup" | "channel";
  username?: string;
  /** Thread ids of its topics; given: a forum. */
  topics?: number[];
  /** Names of the bots in it; default: all. */
  bots?: string[];
}

/** Why a chat refuses. `null`: it does not any more. */
export type Trouble =
  | "blocked"
  | "deactivated"
  | "kicked"
  | "left"
  | "deleted"
  | "restricted"
  | { migratedTo: number }
  | { closedTopic: number };

/** One chat as one bot sees it: a private chat is between one person and one bot. */
export interface Conversation {
  readonly chat: Chat;
  /** Of a private chat. */
  readonly bot?: Bot;
  readonly topics?: Set<number>;
  readonly members: Set<Bot>;
  readonly messages: Message[];
  /** The bot's reaction by message id. */
  readonly reactions: Map<number, string>;
  /** `sendChatAction`, for 5 s; Unix milliseconds. */
  action?: { bot: Bot; name: string; atMs: number };
}

/** Client::AccessRights. */
export type Rights = "read" | "edit" | "write";

const keptMessages = 2_000;

export function createChats(bots: Bots) {
  const people = new Map<number, User>();
  const privates = new Map<string, Conversation>();
  const groups = new Map<number, Conversation>();
  const troubles = new Map<string, Trouble>();
  let lastMessageId = 0;
  let lastGroupId = -1000;

  function person(spec: number | PersonSpec): User {
    const wanted = typeof spec === "number" ? { id: spec } : spec;
    const known = people.get(wanted.id);
    if (known && typeof spec === "number") return known;
    const user: User = { is_bot: false, first_name: `Person ${wanted.id}`, language_code: "en", ...known, ...wanted };
    people.set(user.id, user);
    return user;
  }

  function privateChat(bot: Bot, user: User): Conversation {
    const key = `${bot.id}:${user.id}`;
    let conversation = privates.get(key);
    if (!conversation) {
      const { id, first_name, last_name, username } = user;
      const chat: Chat.PrivateChat = { id, type: "private", first_name };
      if (last_name !== undefined) chat.last_name = last_name;
      if (username !== undefined) chat.username = username;
      conversation = { chat, bot, members: new Set([bot]), messages: [], reactions: new Map() };
      privates.set(key, conversation);
    }
    return conversation;
  }

  function group(spec: number | GroupSpec): Conversation {
    const wanted = typeof spec === "number" ? { id: spec } : spec;
    const known = wanted.id === undefined ? undefined : groups.get(wanted.id);
    if (known) return known;
    const { id = --lastGroupId, topics, username } = wanted;
    const title = wanted.title ?? `Group ${-id}`;
    const type = wanted.type ?? (topics || username ? "supergroup" : "group");
    const chat = {
      id,
      type,
      title,
      ...(username === undefined ? {} : { username }),
      ...(topics ? { is_forum: true as const } : {}),
    } as Chat;
    const members = new Set(wanted.bots?.map((name) => bots.named(name)) ?? bots.all());
    const conversation: Conversation = {
      chat,
      members,
      messages: [],
      reactions: new Map(),
      ...(topics ? { topics: new Set(topics) } : {}),
    };
    groups.set(id, conversation);
    return conversation;
  }

  const troubleOf = (chat: number, bot: Bot): Trouble | undefined =>
    troubles.get(`${chat}:${bot.name}`) ?? troubles.get(`${chat}:*`);

  function find(bot: Bot, chatId: string): Conversation {
    if (chatId.startsWith("@")) {
      const named = [...groups.values()].find(({ chat }) => chat.username === chatId.slice(1));
      if (!named) throw badRequest("chat not found");
      return named;
    }
    const id = Number(/^-?\d+/.exec(chatId)?.[0] ?? 0);
    const found = id < 0 ? groups.get(id) : bot.knows.has(id) ? privateChat(bot, person(id)) : undefined;
    if (!found) throw badRequest("chat not found");
    return found;
  }

  return {
    person,
    privateChat,
    group,
    people: () => [...people.values()],
    conversations: () => [...groups.values(), ...privates.values()],
    nextMessageId: () => ++lastMessageId,

    /** undefined: the group or the private chat is not there. */
    conversation(chat: number, bot: Bot): Conversation | undefined {
      return chat < 0 ? groups.get(chat) : privates.get(`${bot.id}:${chat}`);
    },

    /** `bot` undefined: for every bot. */
    setTrouble(chat: number, trouble: Trouble | null, bot?: Bot): void {
      const key = `${chat}:${bot?.name ?? "*"}`;
      if (trouble) troubles.set(key, trouble);
      else troubles.delete(key);
    },
    troubles: () => Object.fromEntries(troubles),
    /** Troubles and messages go. */
    reset(): void {
      troubles.clear();
      for (const { messages, reactions } of [...groups.values(), ...privates.values()]) {
        messages.length = 0;
        reactions.clear();
      }
    },

    store(conversation: Conversation, message: Message): void {
      conversation.messages.push(message);
      // A load of hours must not become a leak.
      if (conversation.messages.length > keptMessages) conversation.messages.splice(0, keptMessages / 2);
    },

    /** Client::check_chat and check_chat_access. */
    access(bot: Bot, chatId: string | undefined, rights: Rights): Conversation {
      if (chatId === undefined) throw badRequest("chat_id is empty");
      const conversation = find(bot, chatId);
      const { chat } = conversation;
      const trouble = troubleOf(chat.id, bot);
      if (chat.type === "private") {
        if (trouble === "deactivated" && rights !== "read") throw forbidden("user is deactivated");
        return conversation;
      }
      if (typeof trouble === "object" && "migratedTo" in trouble && rights === "write") {
        throw badRequest("group chat was upgraded to a supergroup chat", { migrate_to_chat_id: trouble.migratedTo });
      }
      if (trouble === "deleted" && rights === "write") throw forbidden("the group chat was deleted");
      const kind = `${chat.type} chat`;
      // A basic group may still be read by a bot that was thrown out, a supergroup or channel may not.
      const mustBeIn = chat.type !== "group" || rights !== "read";
      if (trouble === "kicked" && mustBeIn) throw forbidden(`bot was kicked from the ${kind}`);
      if ((trouble === "left" || !conversation.members.has(bot)) && mustBeIn) {
        throw forbidden(`bot is not a member of the ${kind}`);
      }
      return conversation;
    },

    /** Client::check_message_topic; then what the back end says of the topic on delivery. */
    topic(bot: Bot, { chat, topics }: Conversation, threadId: number): number | undefined {
      if (threadId === 0 || !topics) return undefined;
      // GENERAL_FORUM_TOPIC_ID is never to be named.
      if (threadId === 1 || !topics.has(threadId)) throw badRequest("message thread not found");
      const trouble = troubleOf(chat.id, bot);
      if (typeof trouble === "object" && "closedTopic" in trouble && trouble.closedTopic === threadId) {
        throw badRequest("TOPIC_CLOSED");
      }
      return threadId;
    },

    /** What only the delivery finds out. */
    deliverable(bot: Bot, { chat }: Conversation): void {
      const trouble = troubleOf(chat.id, bot);
      if (chat.type !== "private") {
        if (trouble === "restricted") throw badRequest("not enough rights to send text messages to the chat");
        return;
      }
      if (trouble === "blocked") throw forbidden("bot was blocked by the user");
      if (!bot.startedBy.has(chat.id)) throw forbidden("bot can't initiate conversation with a user");
    },
  };
}

export type Chats = ReturnType<typeof createChats>;
