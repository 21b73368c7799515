import { html, nothing, type Html } from "./html.ts";

/** A deep link of this console, or its first page: never an address elsewhere. */
export const safeNext = (given: string | undefined): string =>
  given !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(given) ? given : "/";

export function loginForm(next: string, problem = ""): Html {
  return html`<section class="card">
    <h1>Gramwatch</h1>
    <form method="post" action="/login">
      <input type="hidden" name="next" value="${next}" />
      <label
        >SIDECAR_API_TOKEN <input type="password" name="token" autocomplete="current-password" required autofocus
      /></label>
      ${problem === "" ? nothing : html`<p class="bad" role="alert">${problem}</p>`}
      <button>Log in</button>
    </form>
  </section>`;
}
