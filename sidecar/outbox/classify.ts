import type { Answer } from "../channels/channel.ts";

/** What an answer means for the row, the chat and the token. `description`: the other side's words. */
export type Verdict =
  | { class: "sent"; messageId: number | null; description: string }
  | { class: "flood"; retryAfterSeconds: number; description: string }
  | { class: "moved"; chatId: number; description: string }
  | { class: "render" | "topic" | "edit" | "address" | "token" | "not_sent" | "ambiguous"; description: string };

export function classify(answer: Answer, dialect: "telegram" | "http"): Verdict {
  if (!answer.answered) return { class: answer.written ? "ambiguous" : "not_sent", description: answer.code };
  return dialect === "telegram" ? ofTelegram(answer) : ofHttp(answer);
}

type Answered = Extract<Answer, { answered: true }>;
interface Body {
  ok: boolean;
  error_code?: number;
  description?: string;
  result?: { message_id?: number } | true;
  parameters?: { retry_after?: number; migrate_to_chat_id?: number };
}

/** Telegram's words are the only sign for many kinds of 400; each is compared whole, after the `Bad Request: `. */
const TOPIC = /^(?:message thread not found|TOPIC_CLOSED|TOPIC_DELETED)$/;
const EDIT = /^(?:message to edit not found|message can't be edited)$/;
const ADDRESS = /^(?:chat not found|not enough rights to send text messages to the chat|CHAT_WRITE_FORBIDDEN)$/;

function ofTelegram(answer: Answered): Verdict {
  const body = parsed(answer.text);
  // A page instead of JSON comes from something in front of the Bot API; what it did with the call nobody knows.
  if (body === undefined) {
    const empty = answer.text === "" && (answer.status === 413 || answer.status === 431);
    return { class: empty ? "render" : "ambiguous", description: `${answer.status}, not JSON` };
  }
  if (body.ok) {
    const messageId = typeof body.result === "object" ? (body.result.message_id ?? null) : null;
    return { class: "sent", messageId, description: "ok" };
  }
  const description = body.description ?? "";
  const code = body.error_code ?? answer.status;
  const words = description.replace(/^(?:Bad Request|Forbidden): /, "");
  if (code === 429)
    return { class: "flood", retryAfterSeconds: body.parameters?.retry_after ?? seconds(answer), description };
  if (code === 401 || code === 404) return { class: "token", description };
  if (code === 403) return { class: "address", description };
  if (code >= 500) return { class: "not_sent", description };
  const movedTo = body.parameters?.migrate_to_chat_id;
  if (movedTo !== undefined) return { class: "moved", chatId: movedTo, description };
  if (words.startsWith("message is not modified")) return { class: "sent", messageId: null, description };
  if (TOPIC.test(words)) return { class: "topic", description };
  if (EDIT.test(words)) return { class: "edit", description };
  return { class: ADDRESS.test(words) ? "address" : "render", description };
}

/** Receivers that take a message by its key or time: sending again does no harm. */
function ofHttp(answer: Answered): Verdict {
  const { status } = answer;
  const description = status < 300 ? "ok" : `${status} ${answer.text.slice(0, 200)}`.trim();
  if (status < 300) return { class: "sent", messageId: null, description };
  if (status === 429) return { class: "flood", retryAfterSeconds: seconds(answer), description };
  if (status === 401 || status === 403 || status === 404 || status === 410) return { class: "address", description };
  return { class: status === 408 || status >= 500 ? "not_sent" : "render", description };
}

const seconds = ({ retryAfter }: Answered): number => {
  const given = Number(retryAfter);
  return retryAfter !== null && Number.isFinite(given) && given >= 0 ? given : 5;
};

function parsed(text: string): Body | undefined {
  try {
    const body = JSON.parse(text) as Body;
    return typeof body === "object" && body !== null && typeof body.ok === "boolean" ? body : undefined;
  } catch {
    return undefined;
  }
}
