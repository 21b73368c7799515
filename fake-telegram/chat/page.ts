import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";

const scripts = ["api.js", "bubble.js", "chat.js", "dom.js", "list.js", "text.js", "wire.js"];
const files: Record<string, { file: string; type: string }> = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/chat.css": { file: "chat.css", type: "text/css; charset=utf-8" },
  ...Object.fromEntries(
    scripts.map((name) => [`/${name}`, { file: `client/${name}`, type: "text/javascript; charset=utf-8" }]),
  ),
};
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** False: not one of the page's files. */
export async function servePage(path: string, res: ServerResponse): Promise<boolean> {
  const found = files[path];
  if (!found) return false;
  const body = await readFile(new URL(found.file, import.meta.url));
  res.writeHead(200, {
    "content-type": found.type,
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
  });
  res.end(body);
  return true;
}
