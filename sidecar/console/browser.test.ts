import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { TRACE_ID, logRecord, spanRecord } from "../store/testing.ts";
import { accessibilityProblems, skip, useBrowser } from "./testing-browser.ts";
import { addBusyDay, alert } from "./testing.ts";

if (skip) console.log(`console pages: skipped, ${skip}`);
const open = useBrowser();
const PATHS = ["/", "/requests", "/requests/4bf92f35", "/errors", "/alerts", "/incidents/K7F2", "/logs", "/runbooks"];

/** Evaluated in the page: how much wider it is than the window. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");

for (const colorScheme of ["light", "dark"] as const) {
  test(`every page is accessible in ${colorScheme}, and asks nobody else for anything`, { skip }, async (t) => {
    const { page, go, problems } = await open(t, { fill: addBusyDay, colorScheme });
    for (const path of PATHS) {
      await go(path);
      assert.deepEqual(await accessibilityProblems(page), [], path);
      assert.equal(await page.locator("h1").count(), 1, path);
    }
    assert.deepEqual(problems, []);
  });
}

for (const javaScriptEnabled of [true, false]) {
  test(`nothing is cut off at 360 px ${javaScriptEnabled ? "with" : "without"} scripts`, { skip }, async (t) => {
    const { page, go } = await open(t, { fill: addBusyDay, viewport: { width: 360, height: 740 }, javaScriptEnabled });
    for (const path of [...PATHS, "/nothing"]) {
      await go(path);
      const widest = await page.locator("main").evaluate((main) => main.scrollWidth - main.clientWidth);
      assert.ok(widest <= 0, `${path}: ${widest} px`);
    }
  });
}

test("the walk of a user's reference: from any page, by key, to the request and its story", { skip }, async (t) => {
  const { page, go, base, problems } = await open(t, { fill: addBusyDay });
  await go("/errors");
  await page.keyboard.press("/");
  await page.keyboard.type("4bf92f35");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/requests/4bf92f35`);
  assert.match(await page.locator("h1").innerText(), /✕ failed\s+\/add/);
  const story = await page.locator("main").innerText();
  assert.match(story, /The user was answered with the reference 4bf92f35\. TypeError: cannot read properties/);
  const rows = await page.locator(".waterfall li").allInnerTexts();
  const order = [
    "process message",
    "INSERT tasks",
    "ERROR update failed",
    "sendMessage 429",
    "waited",
    "sendMessage 200",
    "update handled",
  ];
  assert.deepEqual(
    rows.map((row) => order.find((word) => row.includes(word))),
    order,
  );
  assert.ok((await page.locator(".waterfall").innerText()).includes("handleAdd (bot/handlers/tasks.ts:41:9)"));
  await page.getByText("INSERT tasks shopbot").click();
  assert.ok(await page.getByText("db.system.name").isVisible());
  await page.getByRole("link", { name: /Same user/ }).click();
  assert.equal(await page.locator("tbody tr").count(), 13);
  assert.deepEqual(problems, []);
});

test("text in the search box leads to the requests that hold it", { skip }, async (t) => {
  const { page, go, base } = await open(t, { fill: addBusyDay });
  await go("/");
  await page.getByRole("searchbox").fill("cannot read");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/requests?q=cannot%20read`);
  assert.equal(await page.locator("tbody tr").count(), 1);
});

test("a slash typed into a field is a slash", { skip }, async (t) => {
  const { page, go } = await open(t, { fill: addBusyDay });
  await go("/requests");
  const field = page.getByRole("textbox", { name: "Text" });
  await field.press("/");
  assert.equal(await field.inputValue(), "/");
});

test("times are in the viewer's zone, with UTC on hover", { skip }, async (t) => {
  const fill = ({ store }: { store: { addSpans(spans: ReturnType<typeof spanRecord>[]): unknown } }) =>
    void store.addSpans([spanRecord({ atMs: Date.parse("2026-07-01T12:34:56.789Z") })]);
  const { page, go } = await open(t, { fill });
  await go("/requests");
  const time = page.locator("tbody time").first();
  assert.equal(await time.innerText(), "14:34:56");
  assert.equal(await time.getAttribute("title"), "2026-07-01 12:34:56.789 UTC");
});

test("what arrives is there without a reload, and not while it is paused", { skip }, async (t) => {
  const { page, go, store, nowMs, problems } = await open(t, { fill: addBusyDay });
  await go("/requests");
  const add = (at: number, name: string): void => {
    store.addSpans([spanRecord({ traceId: String(at).padStart(32, "e"), atMs: nowMs + at, name })]);
    store.flush();
  };
  add(1, "process poll_answer");
  await page.getByRole("link", { name: "process poll_answer" }).waitFor();
  await page.getByRole("button", { name: "Live" }).click();
  assert.equal(await page.getByRole("button", { name: "Paused" }).getAttribute("aria-pressed"), "true");
  // The page has its own stream: once a second one was told of two changes, the page was told of the first.
  await page.evaluate(`new Promise((opened) => {
    const source = new EventSource("/events");
    globalThis.next = () => new Promise((told) => source.addEventListener("changed", told, { once: true }));
    source.addEventListener("hello", opened);
  })`);
  for (const at of [2, 3]) {
    const told = page.evaluate("next()");
    add(at, "process shipping_query");
    await told;
  }
  assert.equal(await page.getByRole("link", { name: "process shipping_query" }).count(), 0);
  await page.getByRole("button", { name: "Paused" }).click();
  await page.getByRole("link", { name: "process shipping_query" }).first().waitFor();
  assert.deepEqual(problems, []);
});

test("an alert that fires while the page is open is on it without a reload, and in its title", { skip }, async (t) => {
  const { page, go, alerts, store, nowMs } = await open(t, { fill: addBusyDay });
  alerts.length = 0;
  await go("/");
  assert.ok(await page.getByText("Nothing fires.").isVisible());
  alerts.push(alert({}, nowMs));
  store.addPoint({ target: "shopbot", series: "up", atMs: nowMs, value: 0 });
  store.flush();
  await page.getByRole("heading", { name: "shopbot: disconnected from Telegram" }).waitFor();
  assert.match(await page.title(), /^✕ 1 · Now/);
});

test("a page follows again after a proxy had no sidecar behind it", { skip }, async (t) => {
  const { page, go, store, nowMs } = await open(t, { fill: addBusyDay });
  await page.clock.install();
  await page.route("**/events", (route) => route.fulfill({ status: 502 }), { times: 1 });
  const failed = page.waitForEvent("console", (message) => message.text().includes("502"));
  await go("/requests");
  await failed;
  store.addSpans([spanRecord({ traceId: "e".repeat(32), atMs: nowMs, name: "process poll_answer" })]);
  await page.clock.runFor(15_000);
  await page.getByRole("link", { name: "process poll_answer" }).waitFor();
});

test("an incident is acknowledged and taken back by its buttons", { skip }, async (t) => {
  const { page, go, pressed } = await open(t, { fill: addBusyDay });
  await go("/");
  await page.getByRole("link", { name: "Open incident" }).click();
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText("acknowledged by console").waitFor();
  await page.getByRole("button", { name: "Take back" }).click();
  await page.getByRole("button", { name: "Silence 1 h" }).click();
  await page.getByText(/silenced until/).waitFor();
  assert.deepEqual(pressed, ["ack by console K7F2", "undo by console K7F2", "silence 3600000 by console K7F2"]);
});

test("a test alert shows what each channel said", { skip }, async (t) => {
  const { page, go } = await open(t, { fill: addBusyDay });
  await go("/alerts");
  await page.getByRole("button", { name: "Send a test alert" }).click();
  assert.match(await page.getByRole("status").innerText(), /● telegram\s+sent/);
});

test("the login leads back to the deep link, and out again", { skip }, async (t) => {
  const { page, go, base, problems } = await open(t, { fill: addBusyDay, token: "let-me-in" });
  await go("/requests/4bf92f35");
  assert.deepEqual(await accessibilityProblems(page), []);
  await page.getByLabel("SIDECAR_API_TOKEN").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  assert.equal(await page.getByRole("alert").innerText(), "That is not the token.");
  await page.getByLabel("SIDECAR_API_TOKEN").fill("let-me-in");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${base}/requests/4bf92f35`);
  assert.deepEqual(await page.evaluate("document.cookie"), "");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(`${base}/login`);
  await go("/");
  assert.match(page.url(), /\/login\?next=/);
  assert.deepEqual(
    problems.filter((text) => !text.includes("403")),
    [],
  );
});

const HOSTILE = `<img src=x onerror="document.title='pwned'"><script>document.title='pwned'</script>"' onmouseover="x`;

test("hostile names, messages and attributes stay text on every page", { skip }, async (t) => {
  const fill = (world: Parameters<typeof addBusyDay>[0]): void => {
    addBusyDay(world);
    const { store, nowMs, alerts } = world;
    const attributes = {
      [HOSTILE]: HOSTILE,
      "telegram.handler": HOSTILE,
      "user.hash": HOSTILE,
      "rpc.status_code": HOSTILE,
      "error.type": HOSTILE,
    };
    store.addSpans([
      spanRecord({
        traceId: "a".repeat(32),
        atMs: nowMs,
        name: HOSTILE,
        service: HOSTILE,
        status: 2,
        statusMessage: HOSTILE,
        attributes,
        events: [{ name: "exception", timeNs: 1n, attributes: { "exception.type": HOSTILE } }],
      }),
    ]);
    const exception = {
      "exception.type": HOSTILE,
      "exception.message": HOSTILE,
      "exception.stacktrace": `x\n    at ${HOSTILE} (a.ts:1:1)`,
    };
    store.addLogs([
      logRecord({
        traceId: "a".repeat(32),
        atMs: nowMs,
        severity: 17,
        severityText: HOSTILE.slice(0, 16),
        body: HOSTILE,
        service: HOSTILE,
        attributes: { ...exception, outcome: HOSTILE },
      }),
    ]);
    alerts.push(
      alert(
        {
          id: "EVIL",
          target: HOSTILE,
          summary: `${HOSTILE}. ${HOSTILE}`,
          cause: HOSTILE,
          acked_by: HOSTILE,
          links: { dashboard: "https://grafana.example/", trace: null, runbook: null },
        },
        nowMs,
      ),
    );
  };
  const { page, go, problems } = await open(t, { fill });
  for (const path of [
    ...PATHS,
    `/requests/${"a".repeat(32)}`,
    "/incidents/EVIL",
    `/requests?q=${encodeURIComponent(HOSTILE)}&user=${encodeURIComponent(HOSTILE)}`,
  ]) {
    await go(path);
    assert.equal(await page.locator("img, main script, [onerror], [onmouseover]").count(), 0, path);
    assert.doesNotMatch(await page.title(), /^pwned/);
  }
  assert.deepEqual(problems, []);
});

test("the policy blocks a script that got into a page all the same", { skip }, async (t) => {
  const { page, go, problems } = await open(t, { fill: addBusyDay });
  await go("/");
  await page.evaluate(`document.body.insertAdjacentHTML("beforeend", '<img src="data:," onerror="document.title=1">');
    const script = document.createElement("script"); script.textContent = "document.title = 'pwned'"; document.body.append(script)`);
  assert.match(await page.title(), /Gramwatch/);
  assert.ok(
    problems.some((text) => text.includes("Content Security Policy")),
    problems.join(),
  );
});

test("the skip link and the navigation are reached by the keyboard alone", { skip }, async (t) => {
  const { page, go } = await open(t, { fill: addBusyDay });
  await go("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate("location.hash"), "#main");
});

test("a trace id in full, and the link that alerts carry, open the same page", { skip }, async (t) => {
  const { page, go, base } = await open(t, { fill: addBusyDay });
  await go(`/traces/${TRACE_ID}`);
  assert.equal(page.url(), `${base}/requests/${TRACE_ID}`);
  assert.match(await page.locator("h1").innerText(), /\/add/);
  assert.equal((await overflow(page)) > 0, false);
});
