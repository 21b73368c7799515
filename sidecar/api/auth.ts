import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

const SESSION_MS = 7 * 86_400_000;
const MAX_FAILURES = 10;
const FAILURES_MS = 60_000;

export interface Auth {
  /** False without `SIDECAR_API_TOKEN`: nobody is asked who they are. */
  required: boolean;
  /** Its name holds a mark of the key: cookies ignore ports, and two sidecars on one host must not log each other out. */
  cookieName: string;
  /** `Authorization: Bearer …`. */
  bearer(header: string | undefined): boolean;
  /** A login: the session for the cookie, or why not. */
  login(token: string): { session: string; maxAgeSeconds: number } | "wrong" | "wait";
  session(value: string | undefined): boolean;
  /** Goes into every form; a page of another origin cannot read it. */
  csrf(session: string | undefined): string;
  csrfHolds(session: string | undefined, given: string | undefined): boolean;
}

/** Sessions are signed, not stored: they survive a restart and end with the token that signed them. */
export function createAuth(token: string | undefined, wallMs: () => number): Auth {
  const key =
    token === undefined ? randomBytes(32) : createHash("sha256").update(`gramwatch console\n${token}`).digest();
  const sign = (text: string): string => createHmac("sha256", key).update(text).digest("base64url");
  let failures: number[] = [];

  return {
    required: token !== undefined,
    cookieName: `gramwatch_${sign("name").slice(0, 8)}`,
    bearer(header) {
      const [, given] = /^Bearer +(\S+)$/i.exec(header ?? "") ?? [];
      return token !== undefined && given !== undefined && same(given, token);
    },
    login(given) {
      const nowMs = wallMs();
      failures = failures.filter((atMs) => atMs > nowMs - FAILURES_MS);
      if (failures.length >= MAX_FAILURES) return "wait";
      if (token === undefined || !same(given, token)) {
        failures.push(nowMs);
        return "wrong";
      }
      const body = `${nowMs + SESSION_MS}.${randomBytes(12).toString("base64url")}`;
      return { session: `${body}.${sign(`session ${body}`)}`, maxAgeSeconds: SESSION_MS / 1000 };
    },
    session(value) {
      const [expiresMs = "", nonce = "", mac = ""] = (value ?? "").split(".");
      return same(mac, sign(`session ${expiresMs}.${nonce}`)) && Number(expiresMs) > wallMs();
    },
    csrf: (session) => sign(`csrf ${session ?? ""}`),
    csrfHolds: (session, given) => same(given ?? "", sign(`csrf ${session ?? ""}`)),
  };
}

/** In constant time whatever the lengths are. */
function same(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
