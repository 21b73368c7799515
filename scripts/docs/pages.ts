import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");
export const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Every page that people read. */
export const pages: string[] = globSync(["*.md", "docs/**/*.md", "{otel,fake-telegram}/README.md", "examples/*/*.md"], {
  cwd: root,
  exclude: ["**/node_modules/**", "**/dist/**"],
}).toSorted();

/** What stands in a fenced block is not prose: neither links nor headings. */
const prose = (text: string): string => text.replaceAll(/^( *)```[^]*?^\1```$/gm, "");

/** Relative targets of links and pictures, as `path#anchor`. */
export const linksOf = (page: string): string[] =>
  [...prose(read(page)).matchAll(/\]\((?!https?:)([^)\s]+)\)|(?:href|src)="(?!https?:)([^"]+)"/g)].map(
    ([, markdown, html]) => markdown ?? html ?? "",
  );

/** The anchors that GitHub gives to the headings of a page. */
export const anchorsOf = (page: string): string[] =>
  [...prose(read(page)).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

/** Fenced blocks with the language that they name. */
export const blocksOf = (page: string): { language: string; text: string }[] =>
  [...read(page).matchAll(/^( *)```(.*)\n([^]*?)^\1```$/gm)].map(([, , language = "", text = ""]) => ({
    language,
    text,
  }));

export interface Command {
  page: string;
  /** As one types it: without the mark, continued lines as one. */
  text: string;
  mark: "✓" | "☐" | undefined;
}

/** Runbooks are read in the night and in the console: their commands stand without marks and have a test of their own. */
export const commands: Command[] = pages
  .filter((page) => !page.startsWith("docs/runbooks/"))
  .flatMap((page) =>
    blocksOf(page)
      .filter(({ language }) => language === "sh")
      .flatMap(({ text }) => text.replaceAll(/ *\\\n */g, " ").split("\n"))
      .filter((line) => line.trim() !== "")
      .map((line) => {
        const [, command = line, mark] = /^(.*?) +# ([✓☐])(?: |$)/.exec(line) ?? [];
        return { page, text: command.trim(), mark: mark as Command["mark"] };
      }),
  );
