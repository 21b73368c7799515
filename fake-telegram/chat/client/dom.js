/**
 * An element with properties and children. Text goes in as text nodes only: no string here is ever markup.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | undefined | ((event: never) => unknown)>} [props] `class`, `on<event>`, `data-…`, `aria-…`, else properties.
 * @param {...(Node | string | undefined)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "string" && name === "class") element.className = value;
    else if (typeof value === "string" && name.includes("-")) element.setAttribute(name, value);
    else Reflect.set(element, name, value);
  }
  for (const child of children) if (child !== undefined) element.append(child);
  return element;
}

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no #${id}`);
  return element;
}

/**
 * Brings the children of `parent` to those that `items` describe. What has not changed stays the same element, so
 * scroll, focus and an open spoiler survive.
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} render
 */
export function reconcile(parent, items, keyOf, render) {
  const old = new Map(Array.from(parent.children, (child) => [child.getAttribute("data-key"), child]));
  /** @type {Element | null} */
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const version = JSON.stringify(item);
    let element = old.get(key);
    old.delete(key);
    if (!element || Reflect.get(element, "version") !== version) {
      const fresh = render(item);
      fresh.setAttribute("data-key", key);
      Reflect.set(fresh, "version", version);
      if (element === next) next = next?.nextElementSibling ?? null;
      element?.remove();
      element = fresh;
    }
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
  for (const gone of old.values()) gone.remove();
}

/** @param {number} seconds Unix time */
export function clockTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** @param {string} name @param {number} id */
export function avatar(name, id) {
  const initials = name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => Array.from(word)[0]?.toUpperCase() ?? "")
    .join("");
  return h("span", { class: `avatar tint-${Math.abs(id) % 6}`, "aria-hidden": "true" }, initials);
}
