import { h } from "./dom.js";

/** @typedef {import("@grammyjs/types").MessageEntity} Entity */

const tags = /** @type {Record<string, keyof HTMLElementTagNameMap>} */ ({
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
});

const blocks = new Set(["pre", "blockquote", "expandable_blockquote"]);

/**
 * A link opens beside the page; what is not http or https stays text.
 * @param {string} url
 * @param {Node} inside
 */
function link(url, inside) {
  if (!/^https?:\/\//i.test(url)) return inside;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, inside);
}

/**
 * @param {Entity} entity
 * @param {string} text what it covers
 * @param {Node} inside the same, rendered
 * @param {(command: string) => void} onCommand
 * @returns {Node}
 */
function wrap(entity, text, inside, onCommand) {
  if (entity.type === "url") return link(text, inside);
  if (entity.type === "text_link") return link(entity.url, inside);
  if (entity.type === "bot_command") {
    return h("button", { type: "button", class: "inline", onclick: () => onCommand(text) }, inside);
  }
  if (entity.type === "spoiler") {
    return h(
      "button",
      { type: "button", class: "spoiler", "aria-label": "Show the hidden text", onclick: reveal },
      inside,
    );
  }
  const tag = tags[entity.type];
  return tag ? h(tag, { class: entity.type }, inside) : h("span", { class: "mark" }, inside);
}

/** @param {MouseEvent} event */
function reveal(event) {
  const { currentTarget } = event;
  if (!(currentTarget instanceof HTMLElement)) return;
  currentTarget.classList.add("shown");
  currentTarget.removeAttribute("aria-label");
}

/** Telegram leaves a host without a dot as text; here it is a link, so that a console on this machine can be opened. */
const bareUrl = /https?:\/\/[^\s<>"'`]*[^\s<>"'`.,:;!?)\]}]/gi;

/** @param {string} text */
function plain(text) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(bareUrl)) {
    fragment.append(text.slice(at, match.index), link(match[0], document.createTextNode(match[0])));
    at = match.index + match[0].length;
  }
  fragment.append(text.slice(at));
  return fragment;
}

/**
 * A text with its entities, which may lie in one another.
 * @param {string} text
 * @param {readonly Entity[]} entities sorted by offset, the longer first
 * @param {(command: string) => void} onCommand
 */
export function richText(text, entities, onCommand) {
  let next = 0;

  /** @param {number} begin @param {number} end @param {boolean} linked */
  function render(begin, end, linked) {
    const fragment = document.createDocumentFragment();
    let at = begin;
    /** @param {number} until */
    const upTo = (until) => {
      const part = text.slice(at, until);
      fragment.append(linked ? part : plain(part));
      at = until;
    };
    for (let entity = entities[next]; entity && entity.offset < end; entity = entities[next]) {
      next++;
      upTo(Math.max(at, entity.offset));
      const stop = Math.min(end, entity.offset + entity.length);
      const solid = linked || ["url", "text_link", "code", "pre"].includes(entity.type);
      fragment.append(wrap(entity, text.slice(at, stop), render(at, stop, solid), onCommand));
      // A block ends its own line.
      at = blocks.has(entity.type) && text[stop] === "\n" ? stop + 1 : stop;
    }
    upTo(end);
    return fragment;
  }

  return render(0, text.length, false);
}
