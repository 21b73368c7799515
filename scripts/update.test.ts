import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { buildImages, type Engine, findEngine, type Ran, root } from "./images/engine.ts";
import { eventually, freePorts } from "./images/scene.ts";

const found = await findEngine();
const skip = typeof found === "string" ? found : false;
const engine = found as Engine;
if (!skip) await buildImages(engine);

/** What is next is built in no time; without the services that have no image here. */
const OVERRIDE = `
services:
  bot:
    environment: &quiet { OTEL_SDK_DISABLED: "true" }
    build:
      target: !reset null
      dockerfile_inline: |
        FROM gramwatch/bot:test
        \${BREAK-}
  sidecar:
    environment: *quiet
    build:
      target: !reset null
      dockerfile_inline: FROM gramwatch/sidecar:test
  prometheus: !reset null
  grafana: !reset null
`;

/** A checkout with a running small deployment: no Telegram, so healthy and not ready. */
async function deploy(t: TestContext, { env = "", override = "" } = {}) {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch update-"));
  const project = `gramwatch-update-${process.pid}`;
  for (const file of ["docker-compose.prod.yml", "docker-compose.lite.yml", "scripts/update.sh"])
    cpSync(join(root, file), join(dir, file));
  mkdirSync(join(dir, "secrets"));
  mkdirSync(join(dir, "otel", "collector"), { recursive: true });
  mkdirSync(join(dir, "grafana", "provisioning"), { recursive: true });
  writeFileSync(join(dir, "otel", "collector", "tempo.yaml"), "old");
  for (const name of ["bot_token", "alert_bot_token", "api_token", "grafana_password"])
    writeFileSync(join(dir, "secrets", name), `1:${"x".repeat(35)}`);
  writeFileSync(join(dir, "override.yml"), OVERRIDE + override);
  const [consolePort] = await freePorts(1);
  const settings = `COMPOSE_FILE=docker-compose.prod.yml:docker-compose.lite.yml:override.yml
COMPOSE_PROJECT_NAME=${project}
TELEGRAM_API_ROOT=http://127.0.0.1:2
CONSOLE_PORT=${consolePort}
GRAMWATCH_VERSION=${project}`;
  const configure = (more: string): void => writeFileSync(join(dir, ".env"), `${settings}\n${more}`);
  let updating: ChildProcess | undefined;
  const run = async (command: string, args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ran> => {
    const child = spawn(command, args, { cwd: dir, env: { ...engine.env, ...more } });
    if (command.endsWith("update.sh")) updating = child;
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (part: Buffer) => (stdout += part.toString()));
    child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
    const [code] = (await once(child, "close")) as [number];
    return { code, stdout, stderr };
  };
  const compose = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run("docker", ["compose", ...args]);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  t.after(async () => {
    configure("");
    await compose("down", "--volumes", "--remove-orphans", "--timeout", "5");
    const images = await engine.docker(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]);
    for (const image of images.split("\n").filter((name) => name.includes(`:${project}`)))
      await engine.docker(["image", "rm", image]);
    rmSync(dir, { recursive: true });
  });
  configure("");
  await compose("build", "--quiet");
  configure(env);
  await compose("up", "--detach", "--no-build", "--wait", "bot", "sidecar");
  await compose("up", "--detach", "--no-build");
  return {
    project,
    configure,
    compose,
    dir,
    env: () => readFileSync(join(dir, ".env"), "utf8"),
    update: (args: string[] = [], more: NodeJS.ProcessEnv = {}) =>
      run(join(dir, "scripts", "update.sh"), args, { UPDATE_TIMEOUT_SECONDS: "30", ...more }),
    interrupt: () => updating?.kill("SIGTERM"),
    image: async (service = "bot") => {
      const container = await compose("ps", "--all", "--quiet", service);
      return engine.docker(["inspect", "--format", "{{.Config.Image}} {{.Image}}", container]);
    },
  };
}

test(
  "the .env is read as compose reads it, and written so that its last line stays",
  { skip, timeout: 90_000 },
  async (t) => {
    const registry = 'GRAMWATCH_REGISTRY=""\r\n';
    const { update, compose, project, image, env, dir } = await deploy(t, { env: `${registry}BOT_ADMINS=4242` });
    renameSync(join(dir, ".env"), join(dir, "settings"));
    symlinkSync("settings", join(dir, ".env"));
    const { code, stderr } = await update([`${project}-2`]);
    assert.equal(code, 0, stderr);
    assert.deepEqual((await compose("ps", "--services")).split("\n").toSorted(), ["bot", "sidecar"]);
    assert.match(await image(), new RegExp(`^gramwatch/bot:${project}-2 `), "built, and not asked for at Docker Hub");
    assert.equal(readlinkSync(join(dir, ".env")), "settings");
    assert.match(env(), new RegExp(`^BOT_ADMINS=4242\nGRAMWATCH_VERSION=${project}-2\n$`, "m"));
  },
);

test("what crashes again and again is backed up and updated all the same", { skip, timeout: 90_000 }, async (t) => {
  const { update, configure, compose } = await deploy(t);
  await compose("run", "--no-deps", "--no-TTY", "bot", "-e", "0"); // leaves its container behind
  configure("BOT_ADMINS=nobody\n");
  await compose("up", "--detach", "--no-build");
  await eventually("a crash", async () => /Restarting/.test(await compose("ps", "--all", "bot")) || undefined);
  configure("");
  const { code, stdout, stderr } = await update();
  assert.equal(code, 0, stderr);
  assert.match(stdout, /bot\.db: backed up[^]*state\.db: backed up[^]*Updated\./);
});

test("another service that does not run takes no update back", { skip, timeout: 90_000 }, async (t) => {
  const image = `image: gramwatch/bot:test\n    command: ["-e", "process.exit(3)"]`;
  const { update } = await deploy(t, { override: `  tempo:\n    restart: unless-stopped\n    ${image}\n` });
  const { code, stderr } = await update();
  assert.equal(code, 0, stderr);
});

test("the way back leads to the old image, also from a registry's names", { skip, timeout: 90_000 }, async (t) => {
  const { update, configure, image } = await deploy(t);
  const [, before] = (await image()).split(" ");
  configure("GRAMWATCH_REGISTRY=example.test/\n");
  const { code, stderr } = await update([], { BREAK: 'CMD ["-e", "process.exit(3)"]' });
  assert.equal(code, 1);
  assert.doesNotMatch(stderr, /The old version is not healthy/);
  assert.equal((await image()).split(" ")[1], before);
});

test("of two updates at once the second one ends", { skip, timeout: 90_000 }, async (t) => {
  const { update } = await deploy(t);
  const ran = await Promise.all([update(), update()]);
  assert.deepEqual(
    ran.map(({ code }) => code).toSorted((a, b) => a - b),
    [0, 1],
    ran.map(({ stderr }) => stderr).join("\n"),
  );
  assert.match(ran.find(({ code }) => code === 1)?.stderr ?? "", /Another update is running/);
});

test("a file of the stack that has changed is read by its service", { skip, timeout: 90_000 }, async (t) => {
  const command = ["-e", "setInterval(() => {}, 1e6); process.on('SIGTERM', () => process.exit())"];
  const mounted = `volumes: ["./otel/collector/tempo.yaml:/read.yaml:ro"]`;
  const tempo = `  tempo:\n    image: gramwatch/bot:test\n    command: ${JSON.stringify(command)}\n    ${mounted}\n`;
  const { update, compose, dir } = await deploy(t, { override: tempo });
  const read = () => compose("exec", "-T", "tempo", "/nodejs/bin/node", "-p", "fs.readFileSync('/read.yaml', 'utf8')");
  const startedAt = async () =>
    engine.docker(["inspect", "--format", "{{.State.StartedAt}}", await compose("ps", "--quiet", "tempo")]);
  assert.equal(await read(), "old");
  // As git does it: another file of that name, so that the mount goes on showing the one before.
  writeFileSync(join(dir, "otel", "collector", "new"), "new");
  renameSync(join(dir, "otel", "collector", "new"), join(dir, "otel", "collector", "tempo.yaml"));
  const { code, stderr } = await update();
  assert.equal(code, 0, stderr);
  assert.equal(await read(), "new");
  const before = await startedAt();
  assert.equal((await update()).code, 0);
  assert.equal(await startedAt(), before, "nothing has changed since");
});

test("an update that is interrupted goes back", { skip, timeout: 90_000 }, async (t) => {
  const { update, interrupt, image } = await deploy(t);
  const before = await image();
  const silent = "setInterval(() => {}, 1e6); process.on('SIGTERM', () => process.exit())";
  const going = update([], { BREAK: `CMD ["-e", "${silent}"]`, UPDATE_TIMEOUT_SECONDS: "6" });
  await eventually("the new version", async () => (await image()) !== before || undefined);
  interrupt();
  const { code, stderr } = await going;
  assert.equal(code, 1);
  assert.match(stderr, /Going back to the old one/);
  assert.equal(await image(), before);
});
