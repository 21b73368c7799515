import { api } from "./api.js";
import { byId, h, reconcile } from "./dom.js";

/** @typedef {import("./api.js").State} State */
/** @typedef {import("./api.js").Fault} Fault */
/** @typedef {import("./api.js").Call} Call */
/** @typedef {{ title: string, about: string, rule: { method?: string, when?: string, fault: { kind: string } & Record<string, unknown> } }} Switch */

/** @type {Switch[]} */
const switches = [
  { title: "Outage", about: "Nobody answers on the port, for any bot", rule: { fault: { kind: "refuse" } } },
  {
    title: "Polls hang",
    about: "getUpdates is taken and never answered",
    rule: { method: "getUpdates", fault: { kind: "hang" } },
  },
  { title: "Slow", about: "Every answer comes 3 s late", rule: { fault: { kind: "slow", delayMs: 3000 } } },
  { title: "Bad gateway", about: "502 with an HTML page", rule: { fault: { kind: "html" } } },
  {
    title: "Flood",
    about: "sendMessage: 429, try again in 10 s",
    rule: { method: "sendMessage", fault: { kind: "flood", retryAfterSeconds: 10 } },
  },
  {
    title: "Answers lost",
    about: "Messages are sent, then the connection breaks",
    rule: { method: "sendMessage", when: "after", fault: { kind: "reset" } },
  },
];

const scope = /** @type {HTMLSelectElement} */ (byId("scope"));
const polls = /** @type {HTMLInputElement} */ (byId("polls"));

/** @param {Switch} one @param {Fault[]} faults */
function activeOf({ rule }, faults) {
  return faults.find(
    ({ fault, method, bot }) =>
      fault.kind === rule.fault.kind &&
      method === rule.method &&
      (rule.fault.kind === "refuse" || (bot ?? "") === scope.value),
  );
}

/**
 * @param {string} title
 * @param {string} about
 * @param {boolean} on
 * @param {() => Promise<unknown>} flip
 */
function toggle(title, about, on, flip) {
  return h(
    "button",
    { type: "button", class: "switch", role: "switch", "aria-checked": String(on), onclick: flip },
    h("span", { class: "about" }, h("b", {}, title), h("span", {}, about)),
    h("span", { class: "knob", "aria-hidden": "true" }),
  );
}

/**
 * @param {State} state
 * @param {(work: Promise<unknown>) => Promise<unknown>} act shows what went wrong and refreshes
 */
export function showFaults({ bots, faults }, act) {
  reconcile(
    scope,
    [{ name: "", text: "all bots" }, ...bots.map(({ name }) => ({ name, text: name }))],
    ({ name }) => name,
    ({ name, text }) => h("option", { value: name }, text),
  );
  const rows = [
    ...switches.map((one) => ({ ...one, active: activeOf(one, faults)?.id, revoked: false, scope: scope.value })),
    ...bots.map(({ name, revoked }) => ({
      title: `Revoke ${name}`,
      about: `The token is refused: 401`,
      rule: undefined,
      active: undefined,
      revoked,
      scope: name,
    })),
  ];
  reconcile(
    byId("faults"),
    rows,
    ({ title }) => title,
    ({ title, about, rule, active, revoked, scope: bot }) => {
      if (!rule) return toggle(title, about, revoked, () => act(api.post(revoked ? "/restore" : "/revoke", { bot })));
      const whose = bot && rule.fault.kind !== "refuse" ? { bot } : {};
      return toggle(title, about, active !== undefined, () =>
        act(active === undefined ? api.post("/faults", { ...rule, ...whose }) : api.remove(`/faults/${active}`)),
      );
    },
  );
  const count = faults.length + bots.filter(({ revoked }) => revoked).length;
  byId("fault-count").textContent = String(count);
  byId("fault-count").hidden = byId("heal").hidden = count === 0;
  byId("heal").onclick = () => {
    const revoked = bots.filter((bot) => bot.revoked).map(({ name }) => api.post("/restore", { bot: name }));
    void act(Promise.all([api.remove("/faults"), ...revoked]));
  };
}

const maxCalls = 300;
/** What goes on all the time while all is well. */
const routine = new Set(["getUpdates", "getMe", "getWebhookInfo"]);
/** @type {Map<number, Call>} */
const known = new Map();

/** @param {Call[]} calls new and changed ones */
export function addCalls(calls) {
  for (const call of calls) known.set(call.id, call);
  for (const id of [...known.keys()].sort((a, b) => a - b).slice(0, -maxCalls)) known.delete(id);
  showCalls();
}

export function showCalls() {
  const shown = [...known.values()]
    .filter(({ method, status, fault }) => polls.checked || !routine.has(method) || fault || (status ?? 200) >= 400)
    .sort((a, b) => b.id - a.id);
  reconcile(byId("calls"), shown, ({ id }) => String(id), row);
}

/** @param {Call} call */
function row({ atMs, bot, method, params, state, status, description, fault, durationMs }) {
  const good = status === 200 && !fault;
  const outcome = status === undefined || state === "broken" || state === "hung" ? state : String(status);
  const mood = good ? "good" : state === "waiting" || state === "open" ? "waits" : "bad";
  const time = new Date(atMs).toLocaleTimeString([], { hourCycle: "h23" });
  const details = [fault && `fault: ${fault}`, description, JSON.stringify(params, undefined, 1)]
    .filter(Boolean)
    .join("\n");
  return h(
    "li",
    {},
    h(
      "details",
      {},
      h(
        "summary",
        {},
        h("time", {}, time),
        h("span", { class: "method" }, h("b", {}, method), ` ${bot ?? "?"}`),
        h("span", { class: `outcome ${mood}` }, outcome),
        h("span", { class: "ms" }, durationMs === undefined ? "" : `${durationMs} ms`),
      ),
      h("pre", {}, details),
    ),
  );
}

polls.addEventListener("change", showCalls);
