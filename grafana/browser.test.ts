import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import type { Browser, Locator, Page, Response } from "playwright-core";
import { emptyIsGood, readDashboards } from "./runner/model.ts";
import type { Dashboard, Panel } from "./runner/model.ts";

const grafana = process.env["GRAFANA_URL"]?.replace(/\/$/, "");
const skip = grafana ? false : "user side: set GRAFANA_URL to a Grafana with our provisioning and a bot behind it";
/** Chromium of the system; elsewhere the one that `npx playwright-core install chromium` brought. */
const executablePath = [process.env["CHROMIUM"], "/usr/bin/chromium"].find((path) => path && existsSync(path));
/** Where pictures go; none without it. */
const pictures = process.env["GRAFANA_PICTURES"];

/** Grafana's own marks of panels. */
const panelBox = (title: string): string => `[data-testid="data-testid Panel header ${title}"]`;
const ANY_PANEL = '[data-testid^="data-testid Panel header "]';
const FAILED = '[data-testid="data-testid Panel status error"]';

describe("real Grafana in Chromium", { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch(executablePath ? { executablePath } : {});
  });
  after(() => browser?.close());

  /** A page of Grafana, with what went wrong on it. */
  async function openPage(path: string, width = 1600): Promise<{ page: Page; wrong: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 1000 }, extraHTTPHeaders: login() });
    const wrong: string[] = [];
    page.on("console", (message) => {
      // What failed to load is told with its request below.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        wrong.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => wrong.push(`page: ${error.message}`));
    page.on("response", async (response) => {
      if (!response.url().includes("/api/ds/query")) return;
      if (response.status() !== 200) wrong.push(`query: ${response.status()} ${response.request().postData()}`);
      else await readAnswer(response, wrong);
    });
    await page.goto(`${grafana}${path}`, { waitUntil: "networkidle" });
    return { page, wrong };
  }

  for (const dashboard of readDashboards())
    for (const { look, width } of [
      { look: "light", width: 1600 },
      { look: "dark", width: 1600 },
      { look: "dark", width: 420 },
    ])
      test(`${dashboard.uid} in ${look}, ${width} wide: no panel fails, none is empty but those that say why`, async (t) => {
        const { page, wrong } = await openPage(`/d/${dashboard.uid}?from=now-15m&to=now&refresh=&theme=${look}`, width);
        t.after(() => page.close());
        for (const panel of contentOf(dashboard)) {
          const box = await reveal(page, panel.title);
          assert.equal(await box.locator(FAILED).count(), 0, panel.title);
          if (emptyIsGood(panel)) continue;
          // A panel shows its text for no data while its first query is on the way, too.
          const nothing = panel.fieldConfig?.defaults.noValue ?? "No data";
          await expectGone(box, [nothing, "No data"], panel.title);
        }
        if (pictures) {
          mkdirSync(pictures, { recursive: true });
          // The page scrolls inside itself: only a window as high as all of it shows all of it.
          await page.setViewportSize({ width, height: 200 + Math.max(...(await bottoms(page))) });
          await page.waitForLoadState("networkidle");
          await page.screenshot({ path: join(pictures, `${dashboard.uid}-${look}-${width}.png`), fullPage: true });
        }
        assert.deepEqual(wrong, []);
      });

  const last15 = "from=now-15m&to=now&refresh=";

  test("metric → trace: a handler in the table of metrics leads to its requests, a request to its trace", async (t) => {
    const { page, wrong } = await openPage(`/d/gramwatch-overview?${last15}`);
    t.after(() => page.close());
    await follow(page, (await reveal(page, "Handlers")).locator('a[href*="var-handler="]'), /var-handler=\w+/);
    await chooseTrace(page);
    for (const title of ["The trace chosen above", "The trace as a graph", "Its log lines", "Its Telegram calls"])
      await expectGone(await reveal(page, title), ["Choose a trace", "No data"], title);
    await page.getByText("Service & Operation").first().waitFor();
    assert.equal(await page.locator(FAILED).count(), 0);
    assert.deepEqual(wrong, []);
  });

  test("trace → logs: a span's menu leads to the log lines of its trace", async (t) => {
    const { page, wrong } = await openPage(`/d/gramwatch-trace?${last15}`);
    t.after(() => page.close());
    await chooseTrace(page);
    const menu = page.locator('[data-testid="SpanLinksMenu"] button').first();
    await menu.waitFor();
    await menu.click();
    await follow(page, page.locator('[role="menu"] a[href*="gramwatch-loki"]'), /\/explore/);
    await page
      .getByText(/update (handled|failed)/)
      .first()
      .waitFor();
    assert.deepEqual(wrong, []);
  });

  test("log → trace: a line's field opens the trace it belongs to", async (t) => {
    const { page, wrong } = await openPage(`/d/gramwatch-logs?${last15}&var-search=update`);
    t.after(() => page.close());
    const lines = await reveal(page, "Log lines");
    await lines.locator("tr").first().click();
    await follow(page, lines.locator('a[href*="gramwatch-tempo"]'), /\/explore/);
    await page.getByText("Service & Operation").first().waitFor();
    assert.deepEqual(wrong, []);
  });

  test("alert → dashboard → trace: an alert's links open the bot's overview, one of its traces, and one from there", async (t) => {
    const { page, wrong } = await openPage("/d/gramwatch-overview?var-service=bot");
    t.after(() => page.close());
    assert.equal(new URL(page.url()).searchParams.get("var-service"), "bot");
    await expectGone(await reveal(page, "What is wrong, since when"), ["No data"], "What is wrong, since when");
    const slow = await reveal(page, "Slow updates, newest first");
    await follow(page, slow.locator('a[href*="var-traceId="]'), TRACE_CHOSEN);
    await page.getByText("Service & Operation").first().waitFor();
    const traceId = new URL(page.url()).searchParams.get("var-traceId");
    await page.goto(`${grafana}/d/gramwatch-trace?var-traceId=${traceId}`, { waitUntil: "networkidle" });
    await page.getByText("Service & Operation").first().waitFor();
    assert.equal(await page.locator(FAILED).count(), 0);
    assert.deepEqual(wrong, []);
  });

  test("another service and another time are asked for, and shown", async (t) => {
    const { page, wrong } = await openPage(`/d/gramwatch-runtime?${last15}&var-service=bot`);
    t.after(() => page.close());
    const memory = await reveal(page, "Resident memory");
    await memory.getByText(/^bot /).first().waitFor();
    assert.equal(await memory.getByText(/^sidecar /).count(), 0);
    await page.goto(`${grafana}/d/gramwatch-runtime?from=now-5m&to=now&refresh=&var-service=sidecar`);
    const after = await reveal(page, "Resident memory");
    await after
      .getByText(/^sidecar /)
      .first()
      .waitFor();
    assert.equal(await after.getByText(/^bot /).count(), 0);
    assert.deepEqual(wrong, []);
  });
});

/** Tempo drops leading zeros of an id in what a search finds. */
const TRACE_CHOSEN = /var-traceId=[0-9a-f]{16,32}/;

/** The newest request of the trace dashboard, opened. */
const chooseTrace = (page: Page): Promise<void> =>
  follow(page, page.locator(`${panelBox("Updates, newest first")} a[href*="var-traceId="]`), TRACE_CHOSEN);

/** Clicks until the address has changed: Grafana draws a table anew when data arrive, and a click may hit what is gone. */
async function follow(page: Page, link: Locator, to: RegExp): Promise<void> {
  await link.first().waitFor();
  for (let tries = 1; !to.test(page.url()); tries++) {
    await link
      .first()
      .click({ timeout: 5000 })
      .catch(() => undefined);
    await page
      .waitForURL(to, { timeout: 5000, waitUntil: "commit" })
      .catch(() => assert.ok(tries < 5, `${page.url()} does not become ${String(to)}`));
  }
  await page.waitForLoadState("networkidle");
}

/** The panel, scrolled to: those out of sight are not there yet. */
async function reveal(page: Page, title: string): Promise<Locator> {
  const box = page.locator(panelBox(title)).first();
  await page.locator(ANY_PANEL).first().waitFor();
  const isThere = (): Promise<boolean> =>
    box.waitFor({ state: "attached", timeout: 300 }).then(
      () => true,
      () => false,
    );
  for (let scrolls = 0; !(await isThere()); scrolls++) {
    assert.ok(scrolls < 60, `no panel ${title}`);
    // What scrolls is the document, or a box inside it: as the version will have it.
    await page
      .locator(ANY_PANEL)
      .first()
      .evaluate((panel) => {
        for (let around = panel.parentElement; around !== null; around = around.parentElement) around.scrollBy(0, 300);
      });
  }
  await box.scrollIntoViewIfNeeded();
  await page.waitForLoadState("networkidle");
  return box;
}

/** How far down each panel reaches. */
const bottoms = (page: Page): Promise<number[]> =>
  page.locator(ANY_PANEL).evaluateAll((boxes) => {
    const first = Math.min(...boxes.map((box) => box.getBoundingClientRect().top));
    return boxes.map((box) => box.getBoundingClientRect().bottom - Math.min(first, 0));
  });

const contentOf = (dashboard: Dashboard): Panel[] =>
  dashboard.panels.filter(({ type }) => type !== "row" && type !== "text");

/** Waits until none of the texts is in the box; says which panel still has one. */
async function expectGone(box: Locator, texts: string[], title: string): Promise<void> {
  for (const text of texts)
    await box
      .getByText(text)
      .first()
      .waitFor({ state: "hidden", timeout: 10_000 })
      .catch(() => assert.fail(`${title}: ${text}`));
}

/** Adds the errors that a query's answer carries. */
async function readAnswer(response: Response, wrong: string[]): Promise<void> {
  const { results } = (await response.json()) as { results: Record<string, { error?: string }> };
  for (const [refId, { error }] of Object.entries(results)) if (error) wrong.push(`query ${refId}: ${error}`);
}

/** Anonymous, or as `GRAFANA_USER` with `GRAFANA_PASSWORD`. */
function login(): Record<string, string> {
  const { GRAFANA_USER: user, GRAFANA_PASSWORD: password } = process.env;
  return user ? { authorization: `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}` } : {};
}
