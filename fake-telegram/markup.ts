import type { InlineKeyboardButton, InlineKeyboardMarkup } from "@grammyjs/types";
import { checkButtonLink } from "./links.ts";
import type { Params } from "./params.ts";
import { badRequest, notServed } from "./refusals.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Client::get_reply_markup. Other keyboards than inline ones are checked by shape and not echoed: undefined. */
export function readMarkup(params: Params): InlineKeyboardMarkup | undefined {
  if (!params.has("reply_markup")) return undefined;
  let value: unknown;
  try {
    value = params.json("reply_markup");
  } catch {
    throw badRequest("can't parse reply keyboard markup JSON object");
  }
  if (!isObject(value)) throw badRequest("object expected as reply markup");
  const rows = value.inline_keyboard;
  if (rows === undefined) return undefined;
  if (!Array.isArray(rows)) throw badRequest('field "inline_keyboard" must be of type Array');
  if (!rows.every(Array.isArray)) {
    throw badRequest('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays');
  }
  const keyboard = (rows as unknown[][]).map((row) => row.map(readButton)).filter((row) => row.length > 0);
  return keyboard.length > 0 ? { inline_keyboard: keyboard } : undefined;
}

function readButton(value: unknown): InlineKeyboardButton {
  const fail = (reason: string): Error => badRequest(`can't parse inline keyboard button: ${reason}`);
  if (!isObject(value)) throw fail("InlineKeyboardButton must be an Object");
  const { text, url, callback_data } = value;
  if (typeof text !== "string") throw fail(`Can't find field "text"`);
  if (typeof url === "string" && url !== "") return { text, url };
  if (typeof callback_data === "string" && callback_data !== "") return { text, callback_data };
  const other = Object.keys(value).find((name) => name !== "text" && name !== "url" && name !== "callback_data");
  if (other) throw notServed(`an inline keyboard button with ${other}`);
  throw fail("Text buttons are unallowed in the inline keyboard");
}

/** What is looked at only once the chat is known to be open: ReplyMarkup.cpp, then the back end. */
export function checkMarkup(markup: InlineKeyboardMarkup | undefined): InlineKeyboardMarkup | undefined {
  for (const button of markup?.inline_keyboard.flat() ?? []) {
    if ("url" in button) button.url = checkButtonLink(button.url);
    if ("callback_data" in button && Buffer.byteLength(button.callback_data) > 64)
      throw badRequest("BUTTON_DATA_INVALID");
  }
  return markup;
}
