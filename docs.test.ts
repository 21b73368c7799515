import assert from "node:assert/strict";
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { startTestBot } from "./bot/testing.ts";
import manifest from "./package.json" with { type: "json" };
import { anchorsOf, blocksOf, linksOf, pages, read, root } from "./scripts/docs/pages.ts";
import { botCommandTables, dashboardTable, figureTables, ruleTable, settingTables } from "./scripts/docs/tables.ts";
import { readConfigFile } from "./sidecar/config-file.ts";

/** Compares what stands between `<!-- name -->` and `<!-- /name -->`; `UPDATE=1 node --test docs.test.ts` writes it anew. */
function assertFilled(page: string, blocks: Record<string, string>): void {
  for (const [name, content] of Object.entries(blocks)) {
    const text = read(page);
    const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
    const from = text.indexOf(begin) + begin.length;
    const to = text.indexOf(end);
    assert.ok(text.includes(begin) && to >= from, `${page} has ${begin.trim()} … ${end}`);
    const wanted = `\n${content}\n\n`;
    if (process.env["UPDATE"]) writeFileSync(join(root, page), text.slice(0, from) + wanted + text.slice(to));
    else assert.equal(text.slice(from, to), wanted, `${page}: ${name}`);
  }
}

test("the tables of settings are what the programs read", () => {
  assertFilled("docs/configuration.md", settingTables);
});

test("the table of rules is what the sidecar judges by, and what the runbooks say", () => {
  assertFilled("docs/alerts.md", { rules: ruleTable() });
});

test("the page of the bot's commands lists exactly what the bot answers to /help", async (t) => {
  const bot = await startTestBot(t, { env: { BOT_ADMINS: "4242" } });
  const [everyone, admins] = [await bot.ask("/help", { user: 7 }), await bot.ask("/help")];
  assertFilled("docs/bot-commands.md", botCommandTables(everyone, admins));
});

test("the table of dashboards is that of the files", () => {
  assertFilled("docs/dashboards.md", { dashboards: dashboardTable() });
});

test("every figure in the pages is the one in bench/results", () => {
  for (const [page, blocks] of Object.entries(figureTables())) assertFilled(page, blocks);
});

test("the README counts rules and megabytes as the code does", () => {
  const readme = read("README.md");
  assert.match(readme, /Nineteen rules/);
  assert.equal(ruleTable().split("\n").length - 2, 19);
  const limits = [...read("scripts/images.test.ts").matchAll(/compressed: (\d+)/g)].map(([, megabytes]) => megabytes);
  assert.ok(readme.includes(`below ${limits[0]} MB (bot) and ${limits[1]} MB (sidecar)`), String(limits));
});

test("the page of the HTTP interface has every route of the API, and /health as a bot answers it", async (t) => {
  const routes = read("sidecar/api/routes.ts").split("function openRoutes")[0] ?? "";
  const served = [...routes.matchAll(/app\.(get|post)\("([^"]+)"/g)].map(
    ([, method = "", path]) => `${method.toUpperCase()} /api${path}`,
  );
  const told = [...read("docs/api.md").matchAll(/^\| `((?:GET|POST) \/api[^`]+)`/gm)].map(([, route]) => route);
  assert.deepEqual(new Set(told), new Set(served));

  const bot = await startTestBot(t);
  const health: Record<string, unknown> = { ...bot.app.health.snapshot() };
  const [block] = blocksOf("docs/api.md").filter(({ language }) => language === "json");
  const shown = JSON.parse(block?.text ?? "") as Record<string, unknown>;
  const keys = (value: unknown) => new Set(Object.keys(value ?? {}));
  assert.deepEqual(keys(shown), keys(health));
  for (const part of ["telegram", "updates", "event_loop", "memory", "telemetry"])
    assert.deepEqual(keys(shown[part]), keys(health[part]), part);
});

test("the memory limits in the guide are those of the compose files", () => {
  const limits = (file: string): Record<string, number> => {
    const { services } = parse(read(file), { merge: true, logLevel: "error" }) as {
      services: Record<string, { deploy?: { resources: { limits: { memory: string } } } } | null>;
    };
    return Object.fromEntries(
      Object.entries(services).map(([name, service]) => [
        name,
        parseInt(service?.deploy?.resources.limits.memory ?? ""),
      ]),
    );
  };
  const guide = read("docs/guide/README.md");
  const full = limits("docker-compose.prod.yml");
  const rows = [...guide.matchAll(/^\| (Collector|Prometheus|Loki|Tempo|Grafana) \|.*\| (\d+) \|$/gm)];
  assert.equal(rows.length, 5);
  for (const [, name = "", limit] of rows) assert.equal(Number(limit), full[name.toLowerCase()], name);
  const over = Object.entries(limits("docker-compose.lite.yml")).filter(([, limit]) => limit > 0);
  const small = { ...full, ...Object.fromEntries(over), collector: 0, loki: 0, tempo: 0 };
  const sum = (of: Record<string, number>) => Object.values(of).reduce((a, b) => a + b, 0);
  assert.ok(guide.includes(`add up to ${sum(full)} MB`), String(sum(full)));
  assert.ok(guide.includes(`without Collector, Loki and Tempo, ${sum(small)} MB`), String(sum(small)));
});

test("every link leads to a file that is there, and to a heading in it", () => {
  const broken = pages.flatMap((page) =>
    linksOf(page).filter((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : normalize(join(dirname(page), path));
      if (!existsSync(join(root, target))) return true;
      return anchor !== undefined && !anchorsOf(target).includes(anchor);
    }),
  );
  assert.deepEqual(broken, []);
});

test("every page of docs/ is one step from docs/README.md, and that one step from the README", () => {
  const from = (page: string): string[] => linksOf(page).map((link) => join(dirname(page), link.split("#")[0] ?? ""));
  assert.ok(from("README.md").includes("docs/README.md"));
  const reached = [...from("docs/README.md"), ...from("docs/guide/README.md"), "docs/README.md"];
  const own = pages.filter((page) => page.startsWith("docs/") && !page.startsWith("docs/runbooks/"));
  assert.deepEqual(
    own.filter((page) => !reached.includes(page)),
    [],
  );
});

test("every npm command, program, file and setting that a page names is there", () => {
  const sources = globSync(
    ["{otel,bot,sidecar,fake-telegram,grafana,scripts,bench,k8s}/**/*.{ts,mjs,yaml,sh}", "*.yml"],
    {
      cwd: root,
      exclude: ["**/node_modules/**", "**/dist/**"],
    },
  ).map(read);
  const known = new Set(
    [...sources, read("Dockerfile"), read(".env.production.example")].flatMap((text) => text.match(/[A-Z][A-Z\d_]+/g)),
  );
  for (const page of pages) {
    const text = read(page);
    for (const [, name = ""] of text.matchAll(/npm run ([\w:-]+)/g))
      assert.ok(name in manifest.scripts, `${page}: npm run ${name}`);
    for (const [, name = ""] of text.matchAll(/\/app\/(\w+)\.mjs/g))
      assert.ok(existsSync(join(root, "scripts", `${name}.ts`)), `${page}: ${name}.mjs`);
    for (const [path] of text.matchAll(/\b(scripts\/[\w./-]+\.(sh|ts|mjs)|docker-compose\.\w+\.yml|k8s\/[\w/-]+)/g))
      assert.ok(existsSync(join(root, path)), `${page}: ${path}`);
    for (const [, name = ""] of text.matchAll(/`([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)[`=]/g))
      assert.ok(known.has(name) || known.has(name.replace(/_FILE$/, "")), `${page}: ${name}`);
  }
});

test("the YAML that a page shows is what the sidecar takes", () => {
  const shown = blocksOf("docs/configuration.md").filter(({ language }) => language === "yaml");
  assert.equal(shown.length, 1);
  for (const { text } of shown) assert.deepEqual(readConfigFile("gramwatch.yaml", () => text).problems, []);
});

test("every fenced block names its language, so that no command hides in one without", () => {
  const languages = new Set(["sh", "ts", "text", "json", "yaml", "toml"]);
  for (const page of pages)
    for (const { language, text } of blocksOf(page))
      assert.ok(languages.has(language), `${page}: ${language}\n${text}`);
});

test("the map in CONTRIBUTING.md has every folder", () => {
  const [map] = blocksOf("CONTRIBUTING.md").filter(({ text }) => /^otel\/ /m.test(text));
  const mapped = [...(map?.text ?? "").matchAll(/^([\w-]+)\/ /gm)].map(([, name]) => name);
  const ignored = readFileSync(join(root, ".gitignore"), "utf8").split("\n");
  const there = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && !ignored.includes(`${entry.name}/`))
    .map(({ name }) => name);
  assert.deepEqual(new Set(mapped), new Set(there));
});
