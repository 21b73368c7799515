// What pages do beyond being pages: local times, "/" for the search box, live parts. Everything works without it.

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const FORMS = {
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  exact: { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" },
  date: { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};

/** @param {number} ms @returns {string} the same words as the server's */
function agoText(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** @param {Element} root */
function tellTimes(root) {
  for (const element of root.querySelectorAll("time[data-form]")) {
    if (!(element instanceof HTMLTimeElement)) continue;
    const at = new Date(element.dateTime);
    const form = element.dataset["form"] ?? "time";
    const text =
      form === "ago"
        ? agoText(Date.now() - at.getTime())
        : at.toLocaleString(form === "date" ? "sv-SE" : "en-GB", FORMS[form]);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** Fetches this page again and replaces its live parts, where they differ and nobody is at work in them. */
async function refresh() {
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok || response.redirected) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next === null || next.innerHTML === untold.get(part) || isBusy(part)) continue;
    const open = new Set([...part.querySelectorAll("details[open][id]")].map((details) => details.id));
    untold.set(part, next.innerHTML);
    part.replaceChildren(...next.childNodes);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    tellTimes(part);
  }
  document.title = fresh.title;
}

/** What the server sent for a part, before its times were rewritten. @type {WeakMap<Element, string>} */
const untold = new WeakMap();

/** @param {Element} part */
function isBusy(part) {
  const selection = getSelection();
  return (
    (document.activeElement !== null && part.contains(document.activeElement)) ||
    (selection !== null && !selection.isCollapsed && part.contains(selection.anchorNode))
  );
}

function follow() {
  let changed = false;
  let running = false;
  const look = async () => {
    if (!changed || running || document.hidden || document.body.dataset["paused"] !== undefined) return;
    changed = false;
    running = true;
    try {
      await refresh();
    } catch {
      changed = true; // the sidecar restarts; the event source comes back by itself
    } finally {
      running = false;
    }
  };
  const listen = () => {
    const source = new EventSource("/events");
    source.addEventListener("changed", () => {
      changed = true;
      void look();
    });
    source.addEventListener("open", () => {
      changed = true;
    });
    // It comes back by itself from a broken connection, but not from an answer that is no stream: a proxy's 502 while
    // the sidecar restarts, or our 503.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 10_000);
    });
  };
  listen();
  document.addEventListener("visibilitychange", () => void look());
  setInterval(() => void look(), 2000);
}

for (const part of document.querySelectorAll("[data-live]")) untold.set(part, part.innerHTML);
tellTimes(document.body);
setInterval(() => tellTimes(document.body), 10_000);
if (document.querySelector("[data-live]") !== null) follow();

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select") !== null;
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const box = document.querySelector("header input[type=search]");
  if (!(box instanceof HTMLInputElement)) return;
  event.preventDefault();
  box.focus();
  box.select();
});

for (const button of document.querySelectorAll("button[data-pause]")) {
  button.addEventListener("click", () => {
    const paused = document.body.toggleAttribute("data-paused");
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Paused" : "Live";
  });
}
