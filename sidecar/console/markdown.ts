import { html, type Html } from "./html.ts";

/**
 * The part of Markdown that runbooks use: headings, paragraphs, lists, fenced code, tables, and inline code, bold,
 * emphasis and links. Everything else is text; nothing of it is ever HTML.
 */
export function markdown(source: string): Html {
  const lines = source.replaceAll("\r\n", "\n").split("\n");
  const blocks: Html[] = [];
  while (lines.length > 0) blocks.push(...block(lines));
  return html`${blocks}`;
}

const ITEM = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/;
const ENDS = /^(?:#{1,6}\s|```|\s*(?:[-*]|\d+\.)\s|\|)/;

/** Takes the lines of one block away. */
function block(lines: string[]): Html[] {
  const line = lines.shift() as string;
  if (line.trim() === "") return [];
  const [, marks, title = ""] = /^(#{1,6})\s+(.*)$/.exec(line) ?? [];
  if (marks !== undefined) {
    const content = inline(title);
    return [
      marks.length === 1
        ? html`<h1>${content}</h1>`
        : marks.length === 2
          ? html`<h2>${content}</h2>`
          : html`<h3>${content}</h3>`,
    ];
  }
  if (line.startsWith("```")) {
    const end = lines.findIndex((other) => other.startsWith("```"));
    const code = lines.splice(0, end === -1 ? lines.length : end);
    lines.shift();
    return [html`<pre tabindex="0"><code>${code.join("\n")}</code></pre>`];
  }
  if (line.startsWith("|")) return [table([line, ...takeWhile(lines, (other) => other.startsWith("|"))])];
  const item = ITEM.exec(line);
  if (item !== null) return [list(item, lines)];
  const rest = takeWhile(lines, (other) => other.trim() !== "" && !ENDS.test(other));
  return [html`<p>${inline([line, ...rest].join(" "))}</p>`];
}

function takeWhile(lines: string[], holds: (line: string) => boolean): string[] {
  const end = lines.findIndex((line) => !holds(line));
  return lines.splice(0, end === -1 ? lines.length : end);
}

function list(first: RegExpExecArray, lines: string[]): Html {
  const items: string[] = [first[2] ?? ""];
  for (;;) {
    const next = lines[0] === undefined ? null : ITEM.exec(lines[0]);
    if (next !== null) items.push(next[2] ?? "");
    else if (/^\s+\S/.test(lines[0] ?? "")) items.push(`${items.pop() ?? ""} ${(lines[0] ?? "").trim()}`);
    else break;
    lines.shift();
  }
  const body = items.map((item) => html`<li>${inline(item)}</li>`);
  return first[1] === undefined
    ? html`<ul>
        ${body}
      </ul>`
    : html`<ol start="${Number(first[1])}">
        ${body}
      </ol>`;
}

function table(rows: string[]): Html {
  const cells = (row: string): Html[] =>
    row
      .replaceAll(/^\||\|\s*$/g, "")
      .split("|")
      .map((cell) => inline(cell.trim()));
  const [head = "", ...body] = rows.filter((row) => !/^\|[\s:|-]+\|?\s*$/.test(row));
  return html`<table>
    <thead>
      <tr>
        ${cells(head).map((cell) => html`<th>${cell}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${body.map(
        (row) =>
          html`<tr>
            ${cells(row).map((cell) => html`<td>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;

function inline(text: string): Html {
  const pieces: (string | Html)[] = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, bold, stressed, words, target] = match;
    pieces.push(text.slice(from, match.index));
    if (code !== undefined) pieces.push(html`<code>${code}</code>`);
    else if (bold !== undefined) pieces.push(html`<strong>${bold}</strong>`);
    else if (stressed !== undefined) pieces.push(html`<em>${stressed}</em>`);
    else pieces.push(link(words ?? "", target ?? ""));
    from = match.index + whole.length;
  }
  return html`${[...pieces, text.slice(from)]}`;
}

/** Only to the web and within the console; a neighbouring runbook is a page here. */
function link(words: string, target: string): Html {
  if (/^https?:\/\//.test(target)) return html`<a href="${target}" rel="noreferrer">${words}</a>`;
  const [, name] = /^(?:\.\/)?([a-z0-9-]+)\.md$/.exec(target) ?? [];
  if (name !== undefined) return html`<a href="/runbooks/${name}">${words}</a>`;
  return /^\/(?!\/)/.test(target) ? html`<a href="${target}">${words}</a>` : html`${words}`;
}
