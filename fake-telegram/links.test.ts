import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLink } from "./links.ts";

// LinkManager::check_link_impl and parse_url of HttpUrl.cpp.
const taken: [link: string, written: string][] = [
  ["example.org", "http://example.org/"],
  ["HTTPS://Example.ORG/Path?q#f", "https://example.org/Path?q#f"],
  ["http://example.org?q", "http://example.org/?q"],
  ["http://user:pw@example.org:8080/x y", "http://user:pw@example.org:8080/x%20y"],
  ["http://127.0.0.1:8090/trace/ab", "http://127.0.0.1:8090/trace/ab"],
  ["http://[::1]:8090/x", "http://[::1]:8090/x"],
  ["http://münchen.example/", "http://münchen.example/"],
  ["tg://resolve?domain=x", "tg://resolve?domain=x"],
  ["tg:resolve", "tg://resolve"],
];
for (const [link, written] of taken)
  test(`${link} is written ${written}`, () => assert.equal(checkLink(link), written));

const refused: [link: string, reason: string][] = [
  ["http://localhost:3000/d", "Wrong HTTP URL"],
  ["grafana", "Wrong HTTP URL"],
  ["ftp://example.org", "Unsupported URL protocol"],
  ["http://", "URL host is empty"],
  ["tg://", "URL host is empty"],
  ["tg://a!b", "Unallowed characters in URL host"],
  ["http://.", "Host is invalid"],
  ["http://a b.c", "Disallowed character in URL host"],
  ["http://a.b:0/", "Wrong port number specified in the URL"],
  ["http://a.b:65536/", "Wrong port number specified in the URL"],
  ["http://a.b:x/", "Wrong port number specified in the URL"],
  ["http://[::x]/", "Disallowed character in URL host"],
];
for (const [link, reason] of refused) {
  test(`${link} is refused: ${reason}`, () => assert.throws(() => checkLink(link), { message: reason }));
}
