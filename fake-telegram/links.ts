import { badRequest } from "./refusals.ts";

const allowedInHost = /^(?:[A-Za-z0-9.\-_!$,~*'();&+=]|[^\0-\x7F]|%[0-9A-Fa-f]{2})*$/;
const hostless = /^(tg|ton|tonsite):(?:\/\/)?/i;

/** parse_url of HttpUrl.cpp. Throws a plain `Error` with TDLib's reason. */
export function parseUrl(link: string, byDefault: "http" | "https") {
  const [, protocolText, authority = "", rest = ""] = /^(?:([^:/?#@[\]]*):\/\/)?([^/?#]*)(.*)$/su.exec(link) ?? [];
  const protocol = (protocolText ?? byDefault).toLowerCase();
  if (protocol !== "http" && protocol !== "https") throw new Error("Unsupported URL protocol");
  const [, userinfo = "", hostText = "", portText] = /^(?:(.*)@)?(\[.*\]|.*?)(?::([^:\]@]*))?$/s.exec(authority) ?? [];
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port <= 65_535)) {
    throw new Error("Wrong port number specified in the URL");
  }
  const host = hostText.toLowerCase();
  if (host === "") throw new Error("URL host is empty");
  if (host === ".") throw new Error("Host is invalid");
  const isIpv6 = /^\[[0-9a-f:.]+\]$/.test(host);
  if (!isIpv6 && !allowedInHost.test(host)) throw new Error("Disallowed character in URL host");
  const query = rest.trimEnd().replaceAll(/[\0-\x20]/g, percentEncoded);
  return { protocol, userinfo, host, isIpv6, port, path: query.startsWith("/") ? query : `/${query}` };
}

const percentEncoded = (char: string): string => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/**
 * LinkManager::check_link_impl: the link as the server writes it back. A host without a dot is refused; 127.0.0.1 has
 * dots and passes. Throws as {@link parseUrl}.
 */
export function checkLink(link: string): string {
  const scheme = hostless.exec(link)?.[1]?.toLowerCase();
  if (scheme) {
    const rest = link.replace(hostless, "");
    const host = /^[^/?#]*/.exec(rest)?.[0] ?? "";
    if (!host) throw new Error("URL host is empty");
    if (!/^[A-Za-z0-9\-_.]+$/.test(host)) throw new Error("Unallowed characters in URL host");
    return `${scheme}://${rest}`;
  }
  const url = parseUrl(link, "http");
  if (!url.isIpv6 && !url.host.includes(".")) throw new Error("Wrong HTTP URL");
  const port = url.port === undefined ? "" : `:${url.port}`;
  return `${url.protocol}://${url.userinfo && `${url.userinfo}@`}${url.host}${port}${url.path}`;
}

/** LinkManager::get_checked_link: undefined where {@link checkLink} throws. */
export function checkedLink(link: string): string | undefined {
  try {
    return checkLink(link);
  } catch {
    return undefined;
  }
}

/** ReplyMarkup.cpp, get_inline_keyboard_button: the whole message is refused for one such button. */
export function checkButtonLink(url: string): string {
  try {
    return checkLink(url);
  } catch (error) {
    throw badRequest(`inline keyboard button URL '${url}' is invalid: ${(error as Error).message}`);
  }
}
