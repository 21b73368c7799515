import { clockTime, h } from "./dom.js";
import { richText } from "./text.js";

/** @typedef {import("./api.js").Message} Message */
/** @typedef {{ message: Message, own: boolean, named: boolean, reaction: string | undefined }} Shown */

/** @param {Message} message */
function media(message) {
  if (message.voice) return h("audio", { controls: true, preload: "none", src: `/files/${message.voice.file_id}` });
  const photo = message.photo?.at(-1);
  if (photo) return h("img", { class: "photo", alt: "Photo", src: `/files/${photo.file_id}` });
  if (message.document) return h("p", { class: "document" }, message.document.file_name ?? "Document");
  return undefined;
}

/** @param {Message} message */
export function summary(message) {
  const text = message.text ?? message.caption;
  if (text) return text;
  return message.voice ? "Voice message" : message.photo ? "Photo" : message.document ? "Document" : "Message";
}

/** @param {Message | undefined} message */
function quoted(message) {
  if (!message) return undefined;
  return h("div", { class: "reply" }, h("b", {}, message.from?.first_name ?? ""), h("span", {}, summary(message)));
}

/**
 * @param {Message} message
 * @param {(data: string, message: number) => void} onPress
 */
function keyboard(message, onPress) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows) return undefined;
  const buttons = rows.map((row) =>
    h(
      "div",
      { class: "keys" },
      ...row.map((button) => {
        if ("url" in button)
          return h("a", { href: button.url, target: "_blank", rel: "noopener noreferrer" }, `${button.text} ↗`);
        const data = "callback_data" in button ? button.callback_data : "";
        return h("button", { type: "button", onclick: () => onPress(data, message.message_id) }, button.text);
      }),
    ),
  );
  return h("div", { class: "keyboard" }, ...buttons);
}

/**
 * @param {Shown} shown
 * @param {{ command: (text: string) => void, press: (data: string, message: number) => void }} on
 */
export function bubble({ message, own, named, reaction }, on) {
  const text = message.text ?? message.caption ?? "";
  const entities = message.entities ?? message.caption_entities ?? [];
  const from = message.from;
  return h(
    "article",
    { class: own ? "message own" : "message" },
    h(
      "div",
      { class: "bubble" },
      named && from ? h("b", { class: `name tint-${from.id % 6}` }, from.first_name) : undefined,
      quoted(/** @type {Message | undefined} */ (message.reply_to_message)),
      media(message),
      text ? h("div", { class: "text" }, richText(text, entities, on.command)) : undefined,
      h(
        "footer",
        {},
        reaction ? h("span", { class: "reaction" }, reaction) : undefined,
        h("time", {}, `${message.edit_date ? "edited " : ""}${clockTime(message.date)}`),
      ),
    ),
    keyboard(message, on.press),
  );
}
