import { Hono, type Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { deleteCookie, setCookie } from "hono/cookie";
import { createAuth } from "../api/auth.ts";
import type { ConsoleDeps, ConsoleOptions } from "../api/deps.ts";
import { guard, headers, sessionOf } from "../api/guard.ts";
import { BadQuery, traceFilterOf } from "../api/query.ts";
import { apiRoutes, openRoutes } from "../api/routes.ts";
import { alertsPage } from "./alerts.ts";
import { readAssets, runbooksDir } from "./assets.ts";
import { errorsPage } from "./errors.ts";
import { html } from "./html.ts";
import { incidentPage, type Acting } from "./incident.ts";
import { bare, layout, type Page } from "./layout.ts";
import { createLive } from "./live.ts";
import { loginForm, safeNext } from "./login.ts";
import { logsPage } from "./logs.ts";
import { nowPage } from "./now.ts";
import { requestPage } from "./request.ts";
import { requestsPage } from "./requests.ts";
import { runbookIndex, runbookPage } from "./runbooks.ts";

const MAX_FORM_BYTES = 16 * 1024;
const HOUR_MS = 3_600_000;

/** Pages, API and health of the sidecar as one Hono app. */
export function createConsole(deps: ConsoleDeps, options: ConsoleOptions): Hono {
  const { store, alerts, wallMs = Date.now } = deps;
  const auth = createAuth(options.token, wallMs);
  const assets = readAssets(options.clientDir);
  const runbooks = options.runbooksDir ?? runbooksDir();
  const app = new Hono();

  const acting = (c: Context): Acting => ({ csrf: auth.csrf(sessionOf(c, auth)), nowMs: wallMs() });
  const shown = (c: Context, page: Page, status: 200 | 400 | 404 | 500 = 200) =>
    c.html(layout(assets, page, auth.required ? acting(c).csrf : undefined), status);
  const orMissing = (c: Context, page: Page | undefined) => (page === undefined ? missing(c) : shown(c, page));
  const missing = (c: Context) => {
    const body = html`<h1>Not here</h1>
      <p>Nothing is stored under <code>${c.req.path}</code>. It may have been too long ago. <a href="/">Now</a></p>`;
    return shown(c, { title: "Not here", section: "", body }, 404);
  };

  app.use(headers());
  app.use(guard(auth, options.url && URL.parse(options.url)?.host));
  app.route("/", openRoutes(deps));
  app.route("/api", apiRoutes(deps, options));
  app.onError((error, c) => {
    if (error instanceof BadQuery) return shown(c, told("That was not understood", error.message), 400);
    deps.onError?.(error);
    return shown(c, told("This page broke", "The sidecar's log says why. Alerts do not depend on it."), 500);
  });
  app.notFound(missing);

  app.get("/assets/:name", (c) => {
    const asset = assets.byUrl(c.req.path);
    if (asset === undefined) return missing(c);
    const cache = "public, max-age=31536000, immutable";
    return c.body(asset.content, 200, { "content-type": asset.type, "cache-control": cache });
  });
  // What is on a page was true when it was asked for; a shared machine must not keep it.
  app.use(async (c, next) => {
    await next();
    c.header("cache-control", "no-store");
  });
  app.get("/events", createLive(store));

  app.get("/", (c) => shown(c, nowPage(deps, options, acting(c))));
  app.get("/requests", (c) =>
    shown(c, requestsPage(deps, { ...traceFilterOf(c.req.query()), requests: c.req.query("show") !== "all" })),
  );
  app.get("/requests/:ref", (c) => orMissing(c, requestPage(deps, options, c.req.param("ref"), wallMs())));
  app.get("/traces/:ref", (c) => c.redirect(`/requests/${encodeURIComponent(c.req.param("ref"))}`, 303));
  app.get("/search", (c) => {
    const q = (c.req.query("q") ?? "").trim();
    if (store.traces.find(q).length > 0) return c.redirect(`/requests/${q.toLowerCase()}`, 303);
    return c.redirect(q === "" ? "/requests" : `/requests?q=${encodeURIComponent(q)}`, 303);
  });
  app.get("/errors", (c) => shown(c, errorsPage(deps, c.req.query("service") || undefined, wallMs())));
  app.get("/logs", (c) => {
    const minSeverity = Number(c.req.query("level")) || undefined;
    const filter = {
      service: c.req.query("service") || undefined,
      q: c.req.query("q")?.trim() || undefined,
      minSeverity,
    };
    return shown(c, logsPage(deps, filter));
  });
  app.get("/alerts", (c) => shown(c, alertsPage(deps, acting(c))));
  app.get("/incidents/:id", (c) => orMissing(c, incidentPage(deps, c.req.param("id"), acting(c))));
  app.get("/runbooks", (c) => shown(c, runbookIndex(runbooks)));
  app.get("/runbooks/:rule", (c) => orMissing(c, runbookPage(runbooks, c.req.param("rule"))));

  app.get("/login", (c) => c.html(bare(assets, "Log in", loginForm(safeNext(c.req.query("next"))))));
  app.post("*", bodyLimit({ maxSize: MAX_FORM_BYTES, onError: (c) => c.text("too large", 413) }));
  app.post("/login", async (c) => {
    const form = await c.req.parseBody();
    const next = safeNext(textOf(form["next"]));
    const result = auth.login(textOf(form["token"]) ?? "");
    if (typeof result === "string") {
      const wrong = result === "wrong";
      const problem = wrong ? "That is not the token." : "Too many attempts: wait a minute.";
      return c.html(bare(assets, "Log in", loginForm(next, problem)), wrong ? 403 : 429);
    }
    const secure = new URL(c.req.url).protocol === "https:" || c.req.header("x-forwarded-proto") === "https";
    const { session, maxAgeSeconds } = result;
    setCookie(c, auth.cookieName, session, {
      httpOnly: true,
      sameSite: "Lax",
      path: "/",
      maxAge: maxAgeSeconds,
      secure,
    });
    return c.redirect(next, 303);
  });

  // Every other form proves that one of our pages sent it.
  app.post("*", async (c, next) => {
    const { csrf } = await c.req.parseBody();
    if (auth.csrfHolds(sessionOf(c, auth), textOf(csrf))) return next();
    return c.text("This form is too old: go back, reload the page, and try again.", 403);
  });
  app.post("/logout", (c) => {
    deleteCookie(c, auth.cookieName, { path: "/" });
    return c.redirect("/login", 303);
  });
  const act = (name: string, run: (id: string) => unknown) =>
    app.post(`/incidents/:id/${name}`, (c) => {
      run(c.req.param("id"));
      return c.redirect(`/incidents/${encodeURIComponent(c.req.param("id"))}`, 303);
    });
  act("ack", (id) => alerts.ack(id, "console"));
  act("silence", (id) => alerts.silence(id, HOUR_MS, "console"));
  act("undo", (id) => alerts.undo(id, "console"));
  app.post("/test-alert", async (c) => shown(c, alertsPage(deps, acting(c), await deps.testAlert())));
  return app;
}

const told = (title: string, text: string): Page => ({
  title,
  section: "",
  body: html`<h1>${title}</h1>
    <p>${text}</p>`,
});

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
