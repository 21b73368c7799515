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

const product = await startProduct({ CONSOLE_PORT: "8090" });
const browser = await openBrowser();
try {
  await product.post("/load", { perSecond: 3, seconds: 60, seed: 7 });
  for (const said of ["/start", "/add buy milk", "/add water the plants", "/list", "/done 1"]) await product.say(said);
  await new Promise((resolve) => setTimeout(resolve, 60_000)); // the charts want a minute of life
  for (let n = 0; n < 11; n++) await product.say("/boom");
  await until("the alert", async () => (await product.messages(ALERTS, "alerts")).length > 0);

  const page = await browser.newPage({ viewport: { width: 1200, height: 760 }, deviceScaleFactor: 2 });
  await page.goto(product.consolePage);
  await page.getByText("too many errors").first().waitFor();
  await page.screenshot({ path: join(folder, "console.png") });

  await page.getByRole("link", { name: "Failing request" }).click();
  await page.getByText("boom: failed on purpose").first().waitFor();
  await page.screenshot({ path: join(folder, "request.png"), clip: { x: 0, y: 0, width: 1200, height: 560 } });

  await page.goto(product.chatPage);
  await page.getByText("Alerts", { exact: true }).first().click();
  await page.getByRole("button", { name: "Ack" }).waitFor();
  await page.screenshot({ path: join(folder, "alert.png") });
  process.stdout.write(`docs/images: console.png, request.png, alert.png\n`);
} finally {
  await browser.close();
  await product.stop();
}
