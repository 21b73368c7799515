import type { MessageEntity } from "@grammyjs/types";
import type { FormattedText } from "./html.ts";
import { checkedLink } from "./links.ts";

const patterns: { type: "url" | "bot_command" | "mention" | "hashtag"; pattern: RegExp }[] = [
  { type: "url", pattern: /(?<![\w/])https?:\/\/[^\s<>"'`]*[^\s<>"'`.,:;!?)\]}]/gi },
  { type: "bot_command", pattern: /(?<![\w/<>@#])\/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>@#])/g },
  { type: "mention", pattern: /(?<![\w@/.])@[A-Za-z][A-Za-z0-9_]{3,31}(?!\w)/g },
  { type: "hashtag", pattern: /(?<![\w#@/])#(?=\w*\p{L})[\w\p{L}]{1,256}/gu },
];

const touches = (a: MessageEntity, b: MessageEntity): boolean =>
  a.offset < b.offset + b.length && b.offset < a.offset + a.length;
/** Where text is code or already a link, nothing is found in it. */
const solid = new Set<string>(["code", "pre", "text_link", "text_mention", "url", "bot_command", "mention", "hashtag"]);

/** find_entities: what Telegram marks by itself. Without `bot_command` no handler for a command matches. */
export function findEntities({ text, entities }: FormattedText): MessageEntity[] {
  const all = [...entities];
  for (const { type, pattern } of patterns) {
    for (const match of text.matchAll(pattern)) {
      const entity: MessageEntity = { type, offset: match.index, length: match[0].length };
      if (type === "url" && checkedLink(match[0]) === undefined) continue;
      if (!all.some((other) => solid.has(other.type) && touches(other, entity))) all.push(entity);
    }
  }
  return all.sort((a, b) => a.offset - b.offset || b.length - a.length);
}

/**
 * fix_formatted_text: trailing blanks go, leading ones up to the first entity; an entity that covers only blanks goes
 * with them.
 */
export function trimFormatted({ text, entities }: FormattedText): FormattedText {
  const visible = entities.filter(({ offset, length }) => text.slice(offset, offset + length).trim() !== "");
  const firstEntity = Math.min(text.length, ...visible.map(({ offset }) => offset));
  const skipped = Math.min(firstEntity, /^[ \n]*/.exec(text)![0].length);
  const end = text.trimEnd().length;
  const trimmed = text.slice(skipped, end);
  const moved = visible.map((entity) => ({
    ...entity,
    offset: entity.offset - skipped,
    length: Math.min(end, entity.offset + entity.length) - entity.offset,
  }));
  return { text: trimmed, entities: moved };
}
