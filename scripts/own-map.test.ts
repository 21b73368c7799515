import assert from "node:assert/strict";
import { SourceMap, type SourceMapping } from "node:module";
import { test } from "node:test";
import { build } from "esbuild";
// @ts-expect-error plain JavaScript, so that the image's build stage can run it as it is
import { findPlace, ownPlaces } from "./own-map.mjs";

interface Map3 {
  version: number;
  sources: string[];
  names: string[];
  mappings: string;
}

test("our own lines are found as before, lines of packages not at all, and little is left", async () => {
  const { outputFiles } = await build({
    entryPoints: ["bot/config.ts"],
    bundle: true,
    write: false,
    outdir: "dist/map",
    platform: "node",
    format: "esm",
    minifyWhitespace: true,
    sourcemap: "linked",
    sourcesContent: false,
    external: ["@opentelemetry/*", "undici", "pino", "grammy"],
  });
  const [map, code] = outputFiles.map(({ text }) => text);
  const whole = JSON.parse(map ?? "") as Map3;
  const own = ownPlaces(whole) as { sources: string[]; lines: number[][] };
  assert.ok(own.sources.includes("../../bot/config.ts") && own.sources.every((source) => !/node_modules/.test(source)));

  const before = new SourceMap(whole as never);
  const lines = (code ?? "").split("\n").slice(0, own.lines.length); // then comes the name of the map
  let ours = 0;
  for (const [line, text] of lines.entries())
    for (let column = 0; column < text.length; column += 7) {
      const was = before.findEntry(line, column) as Partial<SourceMapping>;
      const found = findPlace(own, line, column) as object | undefined;
      const kept = was.originalSource !== undefined && !was.originalSource.includes("node_modules");
      const wanted = { source: was.originalSource, line: was.originalLine, column: was.originalColumn };
      assert.deepEqual(found, kept ? wanted : undefined);
      if (kept) ours++;
    }
  assert.ok(ours > 1000, `${ours} places of ours`);
});
