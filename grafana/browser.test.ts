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
/** With no trace chosen the dashboard asks for trace 0; that Tempo has none is an error to Grafana, in two panels. */
const UNCHOSEN = '"query":"0"';
const needsTrace = (panel: Panel): boolean => panel.targets?.some(({ query }) => query === "$traceId") ?? false;
/** Where pictures go; none without it. */
const pictures = process.env["GRAFANA_PICTURES"];

/** Grafana's own marks of panels. */
const panelBox = (title: string): string => `[data-testid="data-testid Panel header ${title}"]`;
const FAILED = '[data-testid="data-testid Panel status error"]';

describe("real Grafana in Chromium", { skip }, () => {
  let browser: Browser;
  before(async () => {
    browser = await chromium.launch(executablePath ? { executablePath } : {});
  });
  after(() => browser?.close());

  /** A page of Grafana, with what went wrong on it. */
  async function openPage(path: string, width = 1600): Promise<{ page: Page; wrong: string[] }> {
    const page = await browser.newPage({ viewport: { width, height: 3000 }, extraHTTPHeaders: login() });
    const wrong: string[] = [];
    page.on("console", (message) => {
      // What failed to load is told with its request below.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        wrong.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => wrong.push(`page: ${error.message}`));
    page.on("response", async (response) => {
      if (!response.url().includes("/api/ds/query") || response.request().postData()?.includes(UNCHOSEN)) return;
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
        for (const panel of contentOf(dashboard).filter((one) => !needsTrace(one))) {
          const box = page.locator(panelBox(panel.title)).first();
          await box.scrollIntoViewIfNeeded();
          await page.waitForLoadState("networkidle");
          assert.equal(await box.locator(FAILED).count(), 0, panel.title);
          if (emptyIsGood(panel)) continue;
          // A panel shows its text for no data while its first query is on the way, too.
          const nothing = panel.fieldConfig?.defaults.noValue ?? "No data";
          await expectGone(box, [nothing, "No data"], panel.title);
        }
        if (pictures) {
          mkdirSync(pictures, { recursive: true });
          await page.screenshot({ path: join(pictures, `${dashboard.uid}-${look}-${width}.png`), fullPage: true });
        }
        assert.deepEqual(wrong, []);
      });

  test("a trace id in the search opens the trace with its spans and its log lines", async (t) => {
    const { page, wrong } = await openPage("/d/gramwatch-trace?from=now-15m&to=now&refresh=");
    t.after(() => page.close());
    await page
      .locator(`${panelBox("Updates, newest first")} a[href*="var-traceId="]`)
      .first()
      .click();
    await page.waitForURL(/var-traceId=[0-9a-f]{32}/);
    await page.waitForLoadState("networkidle");
    for (const title of ["The trace", "Its log lines"])
      await expectGone(page.locator(panelBox(title)).first(), ["Choose a trace", "No data"], title);
    assert.deepEqual(wrong, []);
  });

  test("an alert's link opens the overview of that bot at that time", async (t) => {
    const to = Date.now();
    const { page, wrong } = await openPage(`/d/gramwatch-overview?var-service=bot&from=${to - 900_000}&to=${to}`);
    t.after(() => page.close());
    assert.equal(new URL(page.url()).searchParams.get("var-service"), "bot");
    assert.equal(await page.locator(FAILED).count(), 0);
    assert.deepEqual(wrong, []);
  });
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
