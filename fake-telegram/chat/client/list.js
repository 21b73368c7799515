import { summary } from "./bubble.js";
import { avatar, clockTime, h, reconcile } from "./dom.js";

/** @typedef {import("./api.js").State} State */
/** @typedef {{ key: string, chat: number, bot: string | undefined, title: string, as: string, tint: number, last: string, time: number, section: string }} Place */

/** The person who sits before the page. */
export const me = 4242;
const maxPlaces = 40;

/**
 * Every place where something can be written: you with each bot, groups, and other people's private chats.
 * @param {State} state
 * @returns {Place[]}
 */
export function places({ bots, people, chats }) {
  const last = new Map(chats.map(({ chat, bot, last }) => [`${chat.id}/${bot ?? ""}`, last]));
  /** @param {string} key */
  const lastOf = (key) => {
    const message = last.get(key);
    return { last: message ? summary(message) : "", time: message?.date ?? 0 };
  };
  const mine = bots.map((bot) => {
    const key = `${me}/${bot.name}`;
    return {
      key,
      chat: me,
      bot: bot.name,
      title: bot.name,
      as: "",
      tint: bot.id,
      section: "Your bots",
      ...lastOf(key),
    };
  });
  const groups = chats
    .filter(({ chat }) => chat.id < 0)
    .map(({ chat }) => {
      const key = `${chat.id}/`;
      const title = chat.title ?? String(chat.id);
      return { key, chat: chat.id, bot: undefined, title, as: "", tint: chat.id, section: "Groups", ...lastOf(key) };
    });
  const others = chats.flatMap(({ chat, bot }) => {
    if (chat.id < 0 || chat.id === me || !bot) return [];
    const key = `${chat.id}/${bot}`;
    const as = people.find(({ id }) => id === chat.id)?.first_name ?? String(chat.id);
    return [{ key, chat: chat.id, bot, title: as, as: bot, tint: chat.id, section: "Other people", ...lastOf(key) }];
  });
  others.sort((a, b) => b.time - a.time);
  return [...mine, ...groups, ...others].slice(0, maxPlaces);
}

/**
 * @param {Element} parent
 * @param {Place[]} all
 * @param {string} selected key
 */
export function showList(parent, all, selected) {
  const sections = ["Your bots", "Groups", "Other people"].flatMap((title) => {
    const inside = all.filter(({ section }) => section === title);
    return inside.length > 0 ? [{ title, inside, selected: inside.find(({ key }) => key === selected)?.key }] : [];
  });
  reconcile(
    parent,
    sections,
    ({ title }) => title,
    ({ title, inside, selected }) =>
      h("section", {}, h("h2", {}, title), ...inside.map((place) => item(place, place.key === selected))),
  );
}

/** @param {Place} place @param {boolean} current */
function item({ key, title, as, tint, last, time }, current) {
  return h(
    "a",
    { class: "place", href: `#${key}`, "aria-current": current ? "true" : undefined },
    avatar(title, tint),
    h(
      "span",
      { class: "about" },
      h(
        "span",
        { class: "top" },
        h("b", {}, title),
        as ? h("i", {}, as) : undefined,
        time ? h("time", {}, clockTime(time)) : undefined,
      ),
      h("span", { class: "last" }, last || "Nothing said yet"),
    ),
  );
}
