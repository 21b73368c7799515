/** Text that is already HTML as the Bot API understands it (parse_mode HTML). */
export interface Html {
  readonly html: string;
}

/** Telegram's limit counts characters after parsing; ours counts the source, which is never shorter. */
export const MESSAGE_LIMIT = 4096;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Text as HTML: the three characters that matter escaped, what the server would refuse replaced or dropped. */
export const escapeHtml = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[&<>]/g, (character) => ENTITIES[character] ?? character)
    .replace(/[\u0000-\u0008\u000B-\u001F\u007F]/g, "");

/** Not called `html`, because formatters rewrite what they take for a page. ``rich`<b>${text}</b>` ``: values are escaped unless they are `Html` themselves; arrays are joined line by line. */
export function rich(strings: TemplateStringsArray, ...values: (string | number | Html | readonly Html[])[]): Html {
  const parts = values.map((value) => {
    if (Array.isArray(value)) return value.map((line: Html) => line.html).join("\n");
    return typeof value === "object" ? (value as Html).html : escapeHtml(String(value));
  });
  return { html: String.raw({ raw: strings }, ...parts) };
}

/**
 * Cuts a message into pieces of at most `limit` UTF-16 units: between lines, else between words, else anywhere but inside
 * a character, an entity or a tag. A tag must not span lines, and a line with tags must not be longer than a piece.
 */
export function splitMessage({ html: text }: Html, limit = MESSAGE_LIMIT): string[] {
  const pieces: string[] = [];
  let rest = text.trim();
  while (rest.length > limit) {
    const end = cutBefore(rest, limit);
    pieces.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return [...pieces, rest].filter((piece) => piece !== "");
}

function cutBefore(text: string, limit: number): number {
  const head = text.slice(0, limit + 1);
  for (const separator of ["\n", " "]) {
    const at = head.lastIndexOf(separator);
    // A cut in the first half would make many small messages of one.
    if (at > limit / 2) return at;
  }
  const open = /(?:[\uD800-\uDBFF]|&#?\w{0,8}|<[^<>]*)$/.exec(head.slice(0, limit));
  return open === null || open.index === 0 ? limit : open.index;
}
