import { api } from "./api.js";
import { bubble } from "./bubble.js";
import { avatar, byId, h, reconcile } from "./dom.js";
import { me, places, showList } from "./list.js";
import { addCalls, showFaults } from "./wire.js";

/** @typedef {import("./api.js").State} State */
/** @typedef {import("./list.js").Place} Place */

const text = /** @type {HTMLTextAreaElement} */ (byId("text"));
const voice = /** @type {HTMLInputElement} */ (byId("voice"));
const messages = byId("messages");
/** @type {State | undefined} */
let state;
/** @type {Place | undefined} */
let place;
/** Id of the newest answer seen; undefined: what was answered before the page came up is not shown. */
/** @type {number | undefined} */
let lastAnswer;

const selected = () => decodeURIComponent(location.hash.slice(1));

/** Who acts here, for the control API. */
function here() {
  if (!place) return {};
  return place.bot ? { user: place.chat, bot: place.bot } : { user: me, chat: place.chat };
}

/** @param {Promise<unknown>} work */
async function act(work) {
  await work.catch((error) => toast(String(error.message)));
  await refresh();
}

/** @param {string} words */
const say = (words) => act(api.post("/say", { text: words, ...here() }));

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;
/** @param {string} words */
function toast(words) {
  const box = byId("toast");
  box.textContent = words;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.hidden = true), 4000);
}

/** What the bots answered to presses since the last look. @param {import("./api.js").Answer[]} answers */
function showAnswers(answers) {
  const seen = lastAnswer;
  lastAnswer = Number(answers.at(-1)?.id ?? 0);
  for (const { id, text, show_alert } of answers) {
    if (seen === undefined || Number(id) <= seen || !text) continue;
    if (show_alert) {
      byId("alert-text").textContent = text;
      /** @type {HTMLDialogElement} */ (byId("alert")).showModal();
    } else toast(text);
  }
}

/** @param {State} state @param {Place} place */
function showHead(state, place) {
  const bot = state.bots.find(({ name }) => name === place.bot);
  const conversation = state.chats.find(({ chat, bot }) => chat.id === place.chat && bot === place.bot);
  const { action } = conversation ?? {};
  const typing = action && Date.now() - action.atMs < 5000;
  const status = bot?.revoked ? "token revoked" : bot?.polling ? "polling" : "not polling";
  const about = typing
    ? `${action.bot}: ${action.name.replaceAll("_", " ")}…`
    : bot
      ? `@${bot.username} · ${status}${bot.pending ? ` · ${bot.pending} unread` : ""}`
      : `with ${conversation?.members.join(", ") ?? "nobody"}`;
  const trouble = place.bot ? "blocked" : "kicked";
  const troubled = [`${place.chat}:*`, `${place.chat}:${place.bot}`].some((key) => key in state.troubles);
  const label = troubled ? (place.bot ? "Unblock bot" : "Let bots back in") : place.bot ? "Block bot" : "Kick bots";
  const flip = () =>
    act(api.post("/trouble", { chat: place.chat, bot: place.bot, trouble: troubled ? null : trouble }));
  byId("head").replaceChildren(
    avatar(place.title, place.tint),
    h(
      "div",
      { class: "who" },
      h("b", {}, place.as ? `${place.title} with ${place.as}` : place.title),
      h("span", {}, about),
    ),
    h("button", { type: "button", class: "quiet", onclick: flip, "aria-pressed": String(troubled) }, label),
  );
}

/** @param {import("./api.js").Message[]} list */
function showMessages(list) {
  const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
  const reactions =
    state?.chats.find(({ chat, bot }) => chat.id === place?.chat && bot === place?.bot)?.reactions ?? {};
  const author = place?.bot ? place.chat : me;
  const shown = list.map((message) => ({
    message,
    own: message.from?.id === author,
    named: !place?.bot && message.from?.id !== author,
    reaction: reactions[message.message_id],
  }));
  const on = {
    command: say,
    press: (/** @type {string} */ data, /** @type {number} */ message) =>
      act(api.post("/press", { data, message, ...here() })),
  };
  reconcile(
    messages,
    shown,
    ({ message }) => `${place?.key} ${message.message_id}`,
    (item) => bubble(item, on),
  );
  messages.classList.toggle("empty", shown.length === 0);
  if (atEnd) messages.scrollTop = messages.scrollHeight;
}

function showSuggestions() {
  const bot = state?.bots.find(({ name }) => name === place?.bot);
  const typed = text.value;
  const started = messages.childElementCount > 0;
  const fitting = (bot?.commands ?? []).filter(
    ({ command }) => typed.startsWith("/") && `/${command}`.startsWith(typed),
  );
  const items = !started && place?.bot && !typed ? [{ command: "start", description: "Start" }] : fitting;
  reconcile(
    byId("suggestions"),
    items,
    ({ command }) => command,
    ({ command, description }) =>
      h("button", { type: "button", onclick: () => send(`/${command}`) }, h("b", {}, `/${command}`), ` ${description}`),
  );
}

/** @param {string} words */
function send(words) {
  text.value = "";
  grow();
  messages.scrollTop = messages.scrollHeight;
  void say(words);
}

function grow() {
  text.style.height = "auto";
  text.style.height = `${Math.min(160, text.scrollHeight)}px`;
  showSuggestions();
}

let refreshing = false;
let again = false;
async function refresh() {
  again = refreshing;
  if (refreshing) return;
  refreshing = true;
  try {
    state = await api.state();
    const all = places(state);
    place = all.find(({ key }) => key === selected()) ?? all[0];
    showFaults(state, act);
    if (place) {
      showList(byId("chats"), all, place.key);
      showHead(state, place);
      showMessages(await api.messages(place.chat, place.bot));
      showSuggestions();
    }
    showAnswers(await api.answers());
    byId("offline").hidden = true;
  } catch {
    byId("offline").hidden = false;
  } finally {
    refreshing = false;
    if (again) void refresh();
  }
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let soon;
function refreshSoon() {
  soon ??= setTimeout(() => {
    soon = undefined;
    void refresh();
  }, 120);
}

/** @param {string} pane */
function showPane(pane) {
  document.body.dataset.pane = pane;
  for (const tab of document.querySelectorAll(".tabs button")) {
    tab.setAttribute("aria-pressed", String(tab.getAttribute("data-pane") === pane));
  }
}

text.addEventListener("input", grow);
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (text.value.trim()) send(text.value);
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim()) send(text.value);
});
voice.addEventListener("change", async () => {
  const [file] = voice.files ?? [];
  voice.value = "";
  if (file) await act(api.post("/voice", { base64: new Uint8Array(await file.arrayBuffer()).toBase64(), ...here() }));
});
byId("crowd").addEventListener("click", () => {
  const bot = place?.bot;
  void act(api.post("/load", { perSecond: 2, seconds: 60, people: 8, ...(bot ? { bot } : {}) }));
  toast("Eight people write to the bot for a minute");
});
byId("scope").addEventListener("change", () => refresh());
for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => showPane(tab.getAttribute("data-pane") ?? "chat"));
}
addEventListener("hashchange", async () => {
  showPane("chat");
  await refresh();
  messages.scrollTop = messages.scrollHeight;
});

const events = new EventSource("/events");
events.addEventListener("calls", (event) => {
  addCalls(JSON.parse(event.data));
  refreshSoon();
});
// Only now: what is called between a look at the list and the stream's start would be missed.
events.addEventListener("open", async () => {
  addCalls((await api.calls()).slice(-100));
  refreshSoon();
});
// A bot that is down makes no calls, and "typing…" must end.
setInterval(refreshSoon, 3000);
showPane("chat");
await refresh();
messages.scrollTop = messages.scrollHeight;
