import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { html } from "./html.ts";
import type { Page } from "./layout.ts";
import { markdown } from "./markdown.ts";
import { kebab } from "./words.ts";

/** `/runbooks/<rule>`, by the rule's name or by its file's; undefined: there is none. */
export function runbookPage(dir: string, rule: string): Page | undefined {
  // The name is matched against what is there, so no name ever becomes a path.
  const name = namesIn(dir).find((one) => one === rule || one === kebab(rule));
  if (name === undefined) return undefined;
  const source = readFileSync(join(dir, `${name}.md`), "utf8");
  const title = /^#\s+(.*)$/m.exec(source)?.[1] ?? name;
  return { title, section: "Alerts", body: html`<article class="card prose">${markdown(source)}</article>` };
}

export function runbookIndex(dir: string): Page {
  const names = namesIn(dir);
  return {
    title: "Runbooks",
    section: "Alerts",
    body: html`<h1>Runbooks</h1>
      <ul class="card plain">
        ${names.map((name) => html`<li><a href="/runbooks/${name}">${name}</a></li>`)}
      </ul>`,
  };
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((file) => /^[a-z0-9-]+\.md$/.test(file))
      .map((file) => file.slice(0, -3))
      .sort();
  } catch {
    return [];
  }
}
