import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Asset {
  /** With a hash of the content, so that it may be cached for ever. */
  url: string;
  type: string;
  content: string;
}

export interface Assets {
  style: Asset;
  script: Asset;
  icon: Asset;
  byUrl(url: string): Asset | undefined;
}

/** Reads the browser's files once. `dir` defaults to `client` beside this program: in the sources and in the image. */
export function readAssets(dir = join(import.meta.dirname, "client")): Assets {
  const read = (name: string, type: string): Asset => {
    const content = readFileSync(join(dir, name), "utf8");
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
    return { url: `/assets/${hash}-${name}`, type, content };
  };
  const assets = {
    style: read("console.css", "text/css; charset=utf-8"),
    script: read("console.js", "text/javascript; charset=utf-8"),
    icon: read("icon.svg", "image/svg+xml"),
  };
  const all = new Map(Object.values(assets).map((asset) => [asset.url, asset]));
  return { ...assets, byUrl: (url) => all.get(url) };
}

/** In the image the runbooks lie beside the program, in the sources in `docs/runbooks`. */
export function runbooksDir(): string {
  const beside = join(import.meta.dirname, "runbooks");
  return existsSync(beside) ? beside : join(import.meta.dirname, "../../docs/runbooks");
}
