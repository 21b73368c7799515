import { existsSync } from "node:fs";
import { after, before, type TestContext } from "node:test";
import axe from "axe-core";
import { chromium, type Browser, type Page } from "playwright-core";
import { createConsole } from "./app.ts";
import { serveConsole } from "./serve.ts";
import { createWorld, type World } from "./testing.ts";

const executablePath = "/usr/bin/chromium";
/** Why walks in a browser cannot run here; false: they can. */
export const skip = existsSync(executablePath) ? false : `no browser at ${executablePath}`;
const quiet = "--no-first-run --disable-background-networking --disable-component-update --disable-sync";
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet.split(" ")];

/** One browser for the tests of a file; `open` gives a console of its own and a page that reports its problems. */
export function useBrowser() {
  let browser: Browser;
  before(async () => {
    if (!skip) browser = await chromium.launch({ executablePath, args });
  });
  after(() => browser?.close());

  return async function open(
    t: TestContext,
    {
      fill = () => {},
      token,
      ...options
    }: { fill?: (world: World) => void; token?: string } & Parameters<Browser["newPage"]>[0] = {},
  ) {
    const world = createWorld({ token });
    fill(world);
    const served = await serveConsole({ app: createConsole(world.deps, world.options), host: "127.0.0.1", port: 0 });
    const base = `http://127.0.0.1:${served.port}`;
    const page = await browser.newPage({ timezoneId: "Europe/Berlin", ...options });
    page.setDefaultTimeout(10_000);
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(base)) problems.push(`asked ${request.url()}`);
    });
    t.after(async () => {
      await page.close();
      await served.close();
      world.store.close();
    });
    return { ...world, page, base, problems, go: (path: string) => page.goto(base + path) };
  };
}

/** What axe-core finds wrong on the page, as `rule: first element`. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // The page's policy forbids inline scripts, so axe is handed over through the debugger's door.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""} ${nodes[0]?.failureSummary ?? ""}`);
  });
}
