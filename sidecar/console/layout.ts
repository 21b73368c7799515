import type { Assets } from "./assets.ts";
import { html, nothing, type Html } from "./html.ts";

export interface Page {
  title: string;
  /** Which entry of the navigation is current; empty: none. */
  section: string;
  body: Html;
  /** Shown in the search box. */
  query?: string;
  /** In red in the tab's title: something fires. */
  firing?: number;
}

const SECTIONS = [
  ["Now", "/"],
  ["Requests", "/requests"],
  ["Errors", "/errors"],
  ["Alerts", "/alerts"],
  ["Logs", "/logs"],
] as const;

/** The frame of every page. `logout`: the form's CSRF token, where there is a session to end. */
export function layout(assets: Assets, { title, section, body, query = "", firing = 0 }: Page, logout?: string): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${firing > 0 ? `✕ ${firing} · ` : ""}${title} · Gramwatch</title>
        <link rel="icon" href="${assets.icon.url}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assets.style.url}" />
        <script src="${assets.script.url}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <header>
          <a class="brand" href="/">Gramwatch</a>
          <nav aria-label="Main">
            ${SECTIONS.map(
              ([name, href]) =>
                html`<a href="${href}" ${name === section ? html` aria-current="page"` : nothing}>${name}</a>`,
            )}
          </nav>
          <form class="search" role="search" action="/search">
            <input
              type="search"
              name="q"
              value="${query}"
              placeholder="Reference, trace id or text   /"
              aria-label="Search by reference, trace id or text"
              aria-keyshortcuts="/"
              autocomplete="off"
              spellcheck="false"
            />
          </form>
          ${logout === undefined ? nothing : html`<form class="logout" method="post" action="/logout"><input type="hidden" name="csrf" value="${logout}" /><button>Log out</button></form>`}
        </header>
        <main id="main" tabindex="-1">${body}</main>
      </body>
    </html>`;
}

/** A page without navigation: the login. */
export const bare = (assets: Assets, title: string, body: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Gramwatch</title>
        <link rel="icon" href="${assets.icon.url}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assets.style.url}" />
      </head>
      <body>
        <main id="main" class="bare">${body}</main>
      </body>
    </html>`;
