import type { MessageEntity } from "@grammyjs/types";
import { checkedLink } from "./links.ts";
import { badRequest } from "./refusals.ts";

export interface FormattedText {
  text: string;
  /** Offsets and lengths in UTF-16 units, as in JavaScript. */
  entities: MessageEntity[];
}

const simple: Record<string, "bold" | "italic" | "strikethrough" | "underline" | "spoiler"> = {
  b: "bold",
  strong: "bold",
  i: "italic",
  em: "italic",
  s: "strikethrough",
  strike: "strikethrough",
  del: "strikethrough",
  u: "underline",
  ins: "underline",
  "tg-spoiler": "spoiler",
  span: "spoiler",
};
const supported = new Set([...Object.keys(simple), "a", "tg-emoji", "tg-time", "pre", "code", "blockquote"]);
const literals: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"' };

const isSpace = (char: string | undefined): boolean => char !== undefined && " \t\n\r\0\v".includes(char);

/** decode_html_entity: four names and numbers, the semicolon optional; undefined: stays as written. */
function decodeEntity(source: string, at: number): { char: string; end: number } | undefined {
  const found = /&(?:#x([0-9a-fA-F]*)|#(\d*)|([A-Za-z]*))/y;
  found.lastIndex = at;
  const match = found.exec(source);
  if (!match) return undefined;
  const [whole, hex, decimal, name] = match;
  const end = at + whole.length + (source[at + whole.length] === ";" ? 1 : 0);
  if (name !== undefined) {
    const char = literals[name];
    return char === undefined ? undefined : { char, end };
  }
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex || "0", 16);
  if (code === 0 || code >= 0x10ffff || whole.length >= 10) return undefined;
  return { char: String.fromCodePoint(code), end };
}

interface OpenTag {
  name: string;
  argument: string;
  date: number;
  offset: number;
}

/** parse_html of MessageEntity.cpp. Offsets in its errors count UTF-8 bytes of the source, from 0. */
export function parseHtml(source: string): FormattedText {
  const entities: MessageEntity[] = [];
  const open: OpenTag[] = [];
  let text = "";
  let at = 0;

  const fail = (reason: string): Error => badRequest(`can't parse entities: ${reason}`);
  const atByte = (index: number): string => `at byte offset ${Buffer.byteLength(source.slice(0, index))}`;
  const skipSpace = (): void => {
    while (at < source.length && isSpace(source[at])) at++;
  };

  function attribute(tag: OpenTag, begin: number): void {
    const nameBegin = at;
    while (at < source.length && !isSpace(source[at]) && !"=>/\"'".includes(source[at]!)) at++;
    const name = source.slice(nameBegin, at);
    if (name === "") throw fail(`Empty attribute name in the tag "${tag.name}" ${atByte(begin)}`);
    skipSpace();
    if (source[at] !== "=") {
      if (at >= source.length) throw fail(`Unclosed start tag "${tag.name}" ${atByte(begin)}`);
      if (tag.name === "blockquote" && name === "expandable") tag.argument = "1";
      return;
    }
    at++;
    skipSpace();
    if (at >= source.length) throw fail(`Unclosed start tag "${tag.name}" ${atByte(begin)}`);
    const value = source[at] === "'" || source[at] === '"' ? quoted() : nameToken();
    if (at >= source.length) throw fail(`Unclosed start tag ${atByte(begin)}`);
    if (tag.name === "a" && name === "href") tag.argument = value;
    else if (tag.name === "code" && name === "class" && value.startsWith("language-")) tag.argument = value.slice(9);
    else if (tag.name === "span" && name === "class" && value.startsWith("tg-")) tag.argument = value.slice(3);
    else if (tag.name === "tg-emoji" && name === "emoji-id") tag.argument = value;
    else if (tag.name === "blockquote" && name === "expandable") tag.argument = "1";
    else if (tag.name === "tg-time" && name === "unix") tag.date = Number.parseInt(value, 10) || 0;
    else if (tag.name === "tg-time" && name === "format") tag.argument = value;
  }

  function nameToken(): string {
    const begin = at;
    while (at < source.length && /[A-Za-z0-9.-]/.test(source[at]!)) at++;
    if (at < source.length && !isSpace(source[at]) && source[at] !== ">") {
      throw fail(`Unexpected end of name token ${atByte(begin)}`);
    }
    return source.slice(begin, at).toLowerCase();
  }

  function quoted(): string {
    const quote = source[at++];
    let value = "";
    while (at < source.length && source[at] !== quote) {
      const decoded = source[at] === "&" ? decodeEntity(source, at) : undefined;
      value += decoded ? decoded.char : source[at];
      at = decoded ? decoded.end : at + 1;
    }
    at++;
    return value;
  }

  function startTag(begin: number): void {
    while (at < source.length && !isSpace(source[at]) && source[at] !== ">") at++;
    if (at >= source.length) throw fail(`Unclosed start tag ${atByte(begin)}`);
    const name = source.slice(begin + 1, at).toLowerCase();
    if (!supported.has(name)) throw fail(`Unsupported start tag "${name}" ${atByte(begin)}`);
    const tag: OpenTag = { name, argument: "", date: 0, offset: text.length };
    while (source[at] !== ">") {
      skipSpace();
      if (source[at] === ">") break;
      attribute(tag, begin);
    }
    if (name === "span" && tag.argument !== "spoiler") {
      throw fail(`Tag "span" must have class "tg-spoiler" ${atByte(begin)}`);
    }
    open.push(tag);
  }

  function endTag(begin: number): void {
    const tag = open.at(-1);
    if (!tag) throw fail(`Unexpected end tag ${atByte(begin)}`);
    while (at < source.length && !isSpace(source[at]) && source[at] !== ">") at++;
    const name = source.slice(begin + 2, at).toLowerCase();
    skipSpace();
    if (source[at] !== ">") throw fail(`Unclosed end tag ${atByte(begin)}`);
    if (name !== "" && name !== tag.name) {
      throw fail(`Unmatched end tag ${atByte(begin)}, expected "</${tag.name}>", found "</${name}>"`);
    }
    open.pop();
    if (text.length > tag.offset) addEntity(tag, text.length - tag.offset);
  }

  function addEntity({ name, argument, date, offset }: OpenTag, length: number): void {
    const where = { offset, length };
    const last = entities.at(-1);
    const nested = last && last.offset === offset && last.length === length ? last : undefined;
    const style = simple[name];
    if (style) entities.push({ type: style, ...where });
    else if (name === "a") addLink(argument || text.slice(offset), where);
    else if (name === "blockquote")
      entities.push({ type: argument ? "expandable_blockquote" : "blockquote", ...where });
    else if (name === "tg-emoji") {
      if (!/^-?\d+$/.test(argument) || BigInt(argument) === 0n) throw fail("Invalid custom emoji identifier specified");
      entities.push({ type: "custom_emoji", custom_emoji_id: argument, ...where });
    } else if (name === "tg-time") {
      if (!/^(?:r|w?[dD]?[tT]?)$/.test(argument)) throw fail("Invalid date-time format specified");
      const format = argument as MessageEntity.DateTimeMessageEntity["date_time_format"];
      if (date > 0) entities.push({ type: "date_time", unix_time: date, date_time_format: format, ...where });
    } else if (name === "pre" && nested?.type === "code" && languages.get(nested)) {
      entities.splice(-1, 1, { type: "pre", language: languages.get(nested)!, ...where });
    } else if (name === "code" && nested?.type === "pre" && argument) {
      entities.splice(-1, 1, { type: "pre", language: argument, ...where });
    } else {
      const entity: MessageEntity = { type: name as "pre" | "code", ...where };
      if (argument) languages.set(entity, argument);
      entities.push(entity);
    }
  }

  // A `code` keeps its language only until it turns out whether a `pre` is around it.
  const languages = new Map<MessageEntity, string>();

  function addLink(url: string, where: { offset: number; length: number }): void {
    const user = /^tg:(?:\/\/)?user\?id=(\d+)$/i.exec(url)?.[1];
    const checked = checkedLink(url);
    if (user) {
      entities.push({ type: "text_mention", user: { id: Number(user), is_bot: false, first_name: "" }, ...where });
    } else if (checked !== undefined) entities.push({ type: "text_link", url: checked, ...where });
  }

  while (at < source.length) {
    const char = source[at]!;
    const decoded = char === "&" ? decodeEntity(source, at) : undefined;
    if (char !== "<") {
      text += decoded ? decoded.char : char;
      at = decoded ? decoded.end : at + 1;
      continue;
    }
    const begin = at++;
    if (source[at] === "/") endTag(begin);
    else startTag(begin);
    at++;
  }
  const unclosed = open.at(-1);
  if (unclosed) throw fail(`Can't find end tag corresponding to start tag "${unclosed.name}"`);
  if (!text.isWellFormed()) {
    throw fail(
      "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units",
    );
  }
  return { text, entities: entities.sort((a, b) => a.offset - b.offset || b.length - a.length) };
}
