// Bundles what the images run: dist/bot and dist/sidecar, ES modules with what they share in chunks beside them.
// Plain JavaScript, so that the image's build stage needs nothing but esbuild.
//
//   node scripts/bundle.mjs [bot|sidecar …] [--to=DIR] [--meta]     --meta: also esbuild's account of every byte
import { build } from "esbuild";
import { builtinModules } from "node:module";
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { ownPlaces } from "./own-map.mjs";

const root = join(import.meta.dirname, "..");
const tools = {
  doctor: "scripts/doctor.ts",
  init: "scripts/init.ts",
  backup: "scripts/backup.ts",
  restore: "scripts/restore.ts",
};
const images = {
  bot: {
    programs: { main: process.env.BOT_ENTRY ?? "bot/main.ts", health: "bot/healthcheck.ts", ...tools },
    assets: {},
  },
  sidecar: {
    programs: { main: "sidecar/main.ts", health: "sidecar/healthcheck.ts", ...tools },
    // Read at run time, beside main.mjs under these names.
    assets: { "sidecar/console/client": "client", "docs/runbooks": "runbooks" },
  },
};

/**
 * grammY asks for these two although it gets our own fetch; node-fetch 2 brings a deprecation warning. Asked for only when
 * called: to name `Headers` loads Node's own undici, too.
 */
const native = {
  "node-fetch": "export default (...given) => fetch(...given);",
  "abort-controller": "module.exports = globalThis;",
};
/**
 * Imported and never used: OTLP goes over HTTP, resources are ours, and an instrumentation other than these two and http cannot
 * patch a package that is inside the bundle. Who switches one on reads why not; OpenTelemetry catches the error.
 */
const unused = /^@opentelemetry\/(exporter-.+-grpc|otlp-grpc-exporter-base|resource-detector-.+|instrumentation-.+)$/;
/** HTTP/2 of undici, which our agents do not offer. */
const unusedFile = /^\.\/client-h2\.js$/;
const kept = /\/instrumentation-(undici|runtime-node)$/;

/**
 * An import of a built-in module reads all that it exports, getters too: `import "node:http"` loads Node's own undici and
 * with it half of Node, 16 MB (measured). As CommonJS each name is read when it is used. `import()` needs names: all but
 * the getters.
 */
const builtin = new RegExp(`^(node:.+|${builtinModules.join("|")})$`);
const namesOf = (path) => {
  const all = Object.entries(Object.getOwnPropertyDescriptors(process.getBuiltinModule(path)));
  return all.filter(([name, { get }]) => get === undefined && name !== "default").map(([name]) => name);
};

const lean = {
  name: "lean",
  setup({ onResolve, onLoad, resolve }) {
    // Its ES module hides a require from the bundler (createRequire; fixed in 0.301), its CommonJS one does not.
    onResolve({ filter: /^@opentelemetry\/instrumentation-http$/ }, ({ path, resolveDir, kind }) =>
      kind === "require-call" ? undefined : resolve(path, { resolveDir, kind: "require-call" }),
    );
    onResolve({ filter: /^(node-fetch|abort-controller)$/ }, ({ path }) => ({ path, namespace: "native" }));
    onResolve({ filter: builtin }, ({ path, kind }) =>
      kind === "require-call"
        ? undefined
        : { path, namespace: kind === "dynamic-import" ? "builtin later" : "builtin" },
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("${path}");`,
    }));
    onLoad({ filter: /.*/, namespace: "builtin later" }, ({ path }) => ({
      contents: `export const { ${namesOf(path).join(", ")} } = process.getBuiltinModule("${path}");`,
    }));
    onResolve({ filter: /^undici$/ }, () => ({ path: join(import.meta.dirname, "images/undici.cjs") }));
    onResolve({ filter: unusedFile }, ({ path }) => ({ path, namespace: "unused" }));
    onResolve({ filter: unused }, ({ path }) => (kept.test(path) ? undefined : { path, namespace: "unused" }));
    onLoad({ filter: /.*/, namespace: "native" }, ({ path }) => ({ contents: native[path] }));
    onLoad({ filter: /.*/, namespace: "unused" }, ({ path }) => ({
      // As a prototype, because esbuild copies own names only: any name that is asked for is a class that refuses.
      contents: `const refuse = class { constructor() { throw new Error("${path} is not in the image"); } };
        module.exports = Object.create(new Proxy({}, { get: () => refuse }));`,
    }));
  },
};

const to = process.argv.find((argument) => argument.startsWith("--to="))?.slice(5) ?? join(root, "dist");
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
for (const [image, { programs, assets }] of Object.entries(images)) {
  if (chosen.length > 0 && !chosen.includes(image)) continue;
  const outdir = join(to, image);
  rmSync(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.entries(programs).map(([out, entry]) => ({ in: entry, out })),
    outdir,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunk-[hash]",
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node26",
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "external",
    sourcesContent: false,
    inject: ["scripts/images/stacks.ts"], // first in every program
    define: { esbuildDetection: "true" }, // what undici asks for when Node itself bundles it: without its second parser
    legalComments: "none",
    metafile: true,
    plugins: [lean],
    // CommonJS packages inside an ES module look for these.
    banner: {
      js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);const __filename=import.meta.filename,__dirname=import.meta.dirname;',
    },
    logLevel: "warning",
  });
  for (const name of readdirSync(outdir).filter((file) => file.endsWith(".map"))) {
    const path = join(outdir, name);
    const places = ownPlaces(JSON.parse(readFileSync(path, "utf8")));
    const sources = places.sources.map((source) => relative(root, resolve(outdir, source)));
    if (sources.length > 0) writeFileSync(path.replace(/map$/, "places"), JSON.stringify({ ...places, sources }));
    rmSync(path);
  }
  for (const [from, to] of Object.entries(assets))
    cpSync(join(root, from), join(outdir, to), {
      recursive: true,
      filter: (path) => basename(path) !== "tsconfig.json",
    });
  if (process.argv.includes("--meta")) writeFileSync(join(outdir, "meta.json"), JSON.stringify(metafile));
  const sizes = readdirSync(outdir).map((name) => [name, statSync(join(outdir, name)).size]);
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  console.log(`dist/${image}: ${(total / 1e6).toFixed(2)} MB`);
  for (const [name, bytes] of sizes) if (bytes > 20_000) console.log(`  ${(bytes / 1e6).toFixed(2)} ${name}`);
}
