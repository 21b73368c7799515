import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const executablePath = "/usr/bin/chromium";
/** Why there is no browser here; false: there is one. */
export const skip = existsSync(executablePath) ? false : `no browser at ${executablePath}`;

/** Debian's Chromium, asking nobody for anything but the pages. */
export function openBrowser(): Promise<Browser> {
  const quiet = "--no-first-run --disable-background-networking --disable-component-update --disable-sync";
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet.split(" ")],
  });
}
