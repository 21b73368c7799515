// Bundles what the images run: dist/bot and dist/sidecar, one ES module each plus the small programs beside it.
// Plain JavaScript, so that the image's build stage needs nothing but esbuild.
import { build } from "esbuild";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const images = {
  bot: { "main.mjs": "bot/main.ts", "health.mjs": "bot/healthcheck.ts" },
  sidecar: { "main.mjs": "sidecar/main.ts", "health.mjs": "sidecar/healthcheck.ts" },
};
/** Files that the sidecar reads at run time, beside main.mjs under the same names. */
const assets = { sidecar: { "sidecar/console/client": "client", "docs/runbooks": "runbooks" } };

for (const [image, programs] of Object.entries(images)) {
  const outdir = join(root, "dist", image);
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  for (const [out, entry] of Object.entries(programs)) {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      outfile: join(outdir, out),
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node26",
      minifySyntax: true,
      minifyWhitespace: true,
      sourcemap: "linked",
      sourcesContent: false,
      legalComments: "none",
      metafile: true,
      // CommonJS packages inside an ES module look for these.
      banner: {
        js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);const __filename=import.meta.filename,__dirname=import.meta.dirname;',
      },
      logLevel: "warning",
    });
    if (process.argv.includes("--meta")) writeFileSync(join(outdir, `${out}.meta.json`), JSON.stringify(metafile));
  }
  for (const [from, to] of Object.entries(assets[image] ?? {}))
    if (existsSync(join(root, from))) cpSync(join(root, from), join(outdir, to), { recursive: true });
}
