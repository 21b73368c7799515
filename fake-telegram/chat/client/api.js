/**
 * @typedef {import("@grammyjs/types").Message.CommonMessage & import("@grammyjs/types").Message.TextMessage & import("@grammyjs/types").Message.CaptionableMessage & import("@grammyjs/types").Message} Message
 * @typedef {{ name: string, id: number, username: string, revoked: boolean, pending: number, polling: boolean, commands: { command: string, description: string }[] }} Bot
 * @typedef {{ id: number, first_name: string }} Person
 * @typedef {{ id: number, type: string, title?: string, first_name?: string }} Chat
 * @typedef {{ chat: Chat, bot?: string, members: string[], last?: Message, reactions: Record<string, string>, action?: { bot: string, name: string, atMs: number } }} Conversation
 * @typedef {{ id: number, bot?: string, method?: string, when?: string, fault: { kind: string } }} Fault
 * @typedef {{ bots: Bot[], people: Person[], chats: Conversation[], faults: Fault[], troubles: Record<string, unknown> }} State
 * @typedef {{ id: number, atMs: number, bot?: string, method: string, params: Record<string, unknown>, state: string, status?: number, description?: string, fault?: string, durationMs?: number }} Call
 * @typedef {{ id: string, bot: string, user: number, text?: string, show_alert: boolean }} Answer
 */

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>} rejects with what the control API says
 */
async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    ...(body ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
  });
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error);
  return json;
}

export const api = {
  /** @returns {Promise<State>} */
  state: () => ask("GET", "/state"),
  /** @param {number} chat @param {string | undefined} bot @returns {Promise<Message[]>} */
  messages: (chat, bot) => ask("GET", `/messages?last=300&chat=${chat}${bot ? `&bot=${encodeURIComponent(bot)}` : ""}`),
  /** @returns {Promise<Call[]>} */
  calls: () => ask("GET", "/calls"),
  /** @returns {Promise<Answer[]>} */
  answers: () => ask("GET", "/answers"),
  /** @param {string} path @param {object} body */
  post: (path, body) => ask("POST", path, body),
  /** @param {string} path */
  remove: (path) => ask("DELETE", path),
};
