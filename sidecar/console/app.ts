import { Hono } from "hono";
import { createAuth } from "../api/auth.ts";
import type { ConsoleDeps, ConsoleOptions } from "../api/deps.ts";
import { guard, headers, sessionOf } from "../api/guard.ts";
import { traceFilterOf } from "../api/query.ts";
import { apiRoutes, openRoutes } from "../api/routes.ts";
import { readAssets } from "./assets.ts";
import { html } from "./html.ts";
import { layout, type Page } from "./layout.ts";
import { requestPage } from "./request.ts";
import { requestsPage } from "./requests.ts";

/** Pages, API and health of the sidecar as one Hono app. */
export function createConsole(deps: ConsoleDeps, options: ConsoleOptions): Hono {
  const wallMs = deps.wallMs ?? Date.now;
  const auth = createAuth(options.token, wallMs);
  const assets = readAssets(options.clientDir);
  const app = new Hono();
  app.use(headers());
  app.use(guard(auth, options.url && URL.parse(options.url)?.host));
  app.route("/", openRoutes(deps));
  app.route("/api", apiRoutes(deps, options));

  const shown = (page: Page): ReturnType<typeof layout> => layout(assets, page);
  app.get("/assets/:name", (c) => {
    const asset = assets.byUrl(c.req.path);
    if (asset === undefined) return c.notFound();
    return c.body(asset.content, 200, {
      "content-type": asset.type,
      "cache-control": "public, max-age=31536000, immutable",
    });
  });
  app.get("/requests", (c) => c.html(shown(requestsPage(deps, traceFilterOf(c.req.query())))));
  app.get("/requests/:ref", (c) => {
    const page = requestPage(deps, options, c.req.param("ref"), wallMs());
    return page === undefined ? c.notFound() : c.html(shown(page));
  });
  app.get("/search", (c) => {
    const q = (c.req.query("q") ?? "").trim();
    if (deps.store.traces.find(q).length > 0) return c.redirect(`/requests/${q.toLowerCase()}`, 303);
    return c.redirect(`/requests?q=${encodeURIComponent(q)}`, 303);
  });
  app.get("/", (c) => c.html(shown({ title: "Now", section: "Now", body: html`<h1>Now</h1>` })));
  void sessionOf;
  return app;
}
