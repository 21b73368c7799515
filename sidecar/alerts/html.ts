/** Text that is HTML already: made by `rich` only. */
export interface Html {
  html: string;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** The three characters that Telegram's HTML mode knows; lone surrogates and control characters would be refused. */
const escape = (text: string): string => clean(text).replace(/[&<>]/g, (character) => ENTITIES[character] ?? "");

const clean = (text: string): string => text.toWellFormed().replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");

/** The only way to text with tags (not called `html`: the formatter would reflow it): every value is escaped, unless it is `Html`. */
export function rich(strings: TemplateStringsArray, ...values: (string | number | Html)[]): Html {
  const parts = strings.map((part, at) => {
    const value = values[at];
    if (value === undefined) return part;
    return part + (typeof value === "object" ? value.html : escape(String(value)));
  });
  return { html: parts.join("") };
}

/** Cuts on code points, before templating: what is cut after it is broken HTML and is refused. */
export function clip(text: string, codePoints: number): string {
  if (text.length <= codePoints) return text;
  const points = Array.from(text);
  return points.length <= codePoints ? text : `${points.slice(0, codePoints - 1).join("")}…`;
}

/** Lines until the text would pass `units` UTF-16 units; lines are whole, so the HTML stays whole. */
export function joinLines(lines: Html[], units: number): string {
  let text = "";
  for (const { html } of lines) {
    if (text.length + html.length + 1 > units) break;
    text += text === "" ? html : `\n${html}`;
  }
  return text;
}

/** The same without tags. */
export const plainOf = (text: string): string =>
  text
    .replace(/<a href="([^"]*)">([^<]*)<\/a>/g, "$2: $1")
    .replace(/<[^>]*>/g, "")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
