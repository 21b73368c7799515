import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { secureHeaders } from "hono/secure-headers";
import type { Auth } from "./auth.ts";
import { refuse } from "./refuse.ts";

/** What answers without a token: orchestrators and scrapers, and what the login page itself needs. */
const OPEN = /^\/(livez|readyz|metrics|login|assets\/.*)$/;

/** Nothing inline, nothing from outside, no frames. */
export const headers = (): MiddlewareHandler =>
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    xFrameOptions: "DENY",
    // Not "no-referrer": browsers then send "Origin: null" with our own forms.
    referrerPolicy: "same-origin",
    // Plain HTTP on loopback is the default; whoever puts TLS in front sets it there.
    strictTransportSecurity: false,
  });

export const sessionOf = (c: Context, auth: Auth): string | undefined => getCookie(c, auth.cookieName);

/**
 * Who may come in. With a token: `Bearer` everywhere, the login's cookie for pages and for reading the API. Without
 * one only this machine is asked for: a name that is not ours in `Host` is a web page that rebinds its DNS name, and
 * a request from another site is one that a web page sends.
 */
export function guard(auth: Auth, ownHost: string | undefined): MiddlewareHandler {
  return async function guard(c, next) {
    const { path, method } = c.req;
    if (OPEN.test(path)) return next();
    const reading = method === "GET" || method === "HEAD";
    const api = path.startsWith("/api/");
    if (!auth.required) {
      if (!isOurs(c.req.header("host"), ownHost))
        return refuse(c, 403, "host", "this name is not ours: set CONSOLE_URL");
      if (!reading && isForeign(c)) return refuse(c, 403, "cross_site", "sent by another site");
      return next();
    }
    if (auth.bearer(c.req.header("authorization"))) return next();
    if ((reading || !api) && auth.session(sessionOf(c, auth))) return next();
    if (api || path === "/events") {
      c.header("WWW-Authenticate", "Bearer");
      return refuse(c, 401, "unauthorized", "send SIDECAR_API_TOKEN as Authorization: Bearer");
    }
    const { pathname, search } = new URL(c.req.url);
    return c.redirect(`/login?next=${encodeURIComponent(reading ? pathname + search : "/")}`, 303);
  };
}

function isOurs(host: string | undefined, ownHost: string | undefined): boolean {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(name) || (ownHost !== undefined && host === ownHost);
}

function isForeign(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  const origin = c.req.header("origin");
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return origin !== undefined && URL.parse(origin)?.host !== c.req.header("host");
}
