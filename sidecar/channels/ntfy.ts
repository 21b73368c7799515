import type { Channel, Message } from "./channel.ts";
import { createPost } from "./post.ts";

/** A push to a phone by ntfy: one PUT to the topic, everything else in headers (https://docs.ntfy.sh/publish). */
export function createNtfyChannel(url: string): Channel {
  const { post, close } = createPost();
  return {
    name: "ntfy",
    dialect: "http",
    edits: false,
    digests: true,
    pace: { everyMs: 0, perMinute: 60 },
    send: (message, _, signal) =>
      post(url, { method: "PUT", headers: headersOf(message), body: clipBytes(message.plain), signal }),
    close,
  };
}

function headersOf(message: Message): Record<string, string> {
  const over = message.status === "resolved";
  const ways = Object.entries(message.links).flatMap(([name, link]) =>
    link === null || /[,;]/.test(link) ? [] : [`view, ${name}, ${link}`],
  );
  return {
    "content-type": "text/plain; charset=utf-8",
    title: encodedWord(message.title),
    priority: message.silent ? "low" : message.severity === "critical" && !over ? "urgent" : "default",
    tags: over ? "white_check_mark" : message.severity === "critical" ? "rotating_light" : "warning",
    ...(ways.length > 0 && { actions: ways.slice(0, 3).join("; ") }), // ntfy takes three
  };
}

const MAX_BYTES = 4096; // a longer body becomes a file beside the notification, or is refused where files are off

function clipBytes(text: string): string {
  if (Buffer.byteLength(text) <= MAX_BYTES) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_BYTES - 3));
  return `${text.slice(0, read)}…`;
}

/** Headers are ASCII; ntfy decodes RFC 2047. */
const encodedWord = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString("base64")}?=`;
