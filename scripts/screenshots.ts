/**
 * Makes the pictures in docs/images from the running product: the alert chat, the console, one request.
 * Needs Debian's chromium and, for the emoji of the alerts, fonts-noto-color-emoji.
 *
 *   npm run screenshots
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openBrowser, skip } from "./product/browser.ts";
import { ALERTS, startProduct, until } from "./product/product.ts";

if (skip) throw new Error(`No pictures: ${skip}`);
const folder = join(import.meta.dirname, "..", "docs", "images");
mkdirSync(folder, { recursive: true });

// With an address that a phone could reach the ways out of an alert are buttons, as in production.
const product = await startProduct({ DISCONNECTED_AFTER: "10s", CONSOLE_URL: "https://gramwatch.example.org" });
const browser = await openBrowser();
const told = (what: RegExp) => async () => (await product.messages(ALERTS, "alerts")).some((text) => what.test(text));
const live = (seconds: number) => product.post("/load", { perSecond: 3, seconds, seed: 7 });
const pass = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
try {
  for (const said of ["/start", "/add buy milk", "/add water the plants", "/list", "/done 1"]) await product.say(said);
  await live(20);
  await pass(20);
  await product.post("/faults", { bot: "shop", fault: { kind: "html" } });
  await product.say("/ping"); // ends the poll that is waiting; the next one meets the fault
  await until("the disconnect", told(/disconnected/));
  const page = await browser.newPage({ viewport: { width: 1200, height: 480 }, deviceScaleFactor: 2 });
  await page.goto(product.chatPage);
  await page.getByText("Alerts", { exact: true }).first().click();
  await page.getByRole("button", { name: "Ack" }).waitFor();
  const chat = await page.locator("main").boundingBox();
  await page.screenshot({ path: join(folder, "alert.png"), ...(chat && { clip: chat }) });
  await product.clearFaults();
  await until("the recovery", told(/connected again/));

  await live(300);
  await pass(300); // the charts want some life
  for (let n = 0; n < 11; n++) await product.say("/boom");
  await until("the alert", told(/too many errors/));
  await pass(10); // the failing request arrives some seconds after it is counted
  await page.setViewportSize({ width: 1200, height: 760 });
  await page.goto(product.consolePage);
  await page.getByText("too many errors").first().waitFor();
  await page.screenshot({ path: join(folder, "console.png") });
  await page.getByRole("link", { name: "Failing request" }).click();
  await page.getByText("boom: failed on purpose").first().waitFor();
  await page.screenshot({ path: join(folder, "request.png"), clip: { x: 0, y: 0, width: 1200, height: 560 } });
  process.stdout.write(`docs/images: alert.png, console.png, request.png\n`);
} finally {
  await browser.close();
  await product.stop();
}
