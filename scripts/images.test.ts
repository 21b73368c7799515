import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createGzip } from "node:zlib";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { buildImage, buildImages, type Engine, findEngine, root } from "./images/engine.ts";
import { API_TOKEN, eventually, freePorts, story, writeSecrets } from "./images/scene.ts";

const MEGABYTE = 1e6;
// The libraries of the arm64 base are that much bigger.
const MORE = process.arch === "arm64" ? 9 : 0;
const LIMITS = {
  bot: { unpacked: 150 + MORE, compressed: 57 },
  sidecar: { unpacked: 153 + MORE, compressed: 58 },
};
const targets = ["bot", "sidecar"] as const;
const id = `gramwatch-test-${process.pid}`;

const engine = await findEngine();
const skip = typeof engine === "string" ? engine : false;
const { attempt, docker, healthy, exportTo } = engine as Engine;

test("the images", { skip, timeout: 170_000 }, async (t) => {
  const scratch = mkdtempSync(join(tmpdir(), "gramwatch-images-"));
  t.after(async () => {
    for (const name of [...targets, "look-bot", "look-sidecar"])
      await attempt(["rm", "--force", "--volumes", `${id}-${name}`]);
    for (const name of [...targets, "theirs"]) await attempt(["volume", "rm", "--force", `${id}-${name}`]);
    rmSync(scratch, { recursive: true });
  });

  await t.test("both targets build from the shipped Dockerfile", () => buildImages(engine as Engine));

  for (const target of targets)
    await t.test(
      `${target}: no shell, no package manager, nothing of ours but the bundles; within its size`,
      async (t) => {
        await docker(["create", "--name", `${id}-look-${target}`, `gramwatch/${target}:test`]);
        const tar = join(scratch, `${target}.tar`);
        await exportTo(`${id}-look-${target}`, tar);
        const entries = execFileSync("tar", ["--numeric-owner", "-tvf", tar], { encoding: "utf8", maxBuffer: 64e6 });
        const names = entries.split("\n").map((line) => line.split(/\s+/).slice(5).join(" "));
        const programs = names.filter((name) =>
          /(^|\/)(sh|bash|dash|busybox|npm|npx|corepack|apt|apt-get|dpkg|apk)$/.test(name),
        );
        assert.deepEqual(programs, []);
        const ours = names.filter(
          (name) => name.startsWith("app/") && !/\/$|\.mjs(\.places)?$|\.(md|css|js|svg)$/.test(name),
        );
        assert.deepEqual(ours, []);
        assert.ok(!names.some((name) => /fake-telegram|node_modules|\.test\./.test(name)));
        for (const program of ["main", "health", "doctor", "init", "backup", "restore"])
          assert.ok(names.includes(`app/${program}.mjs`), `/app/${program}.mjs is missing`);
        assert.match(entries, /^drwx------ 65532\/65532 .* data\/$/m);

        // Of the exported root and not of `docker image ls`, whose column changes its meaning with the image store.
        const unpacked = statSync(tar).size / MEGABYTE;
        const compressed = (await gzipped(tar)) / MEGABYTE;
        t.diagnostic(`${target}: ${unpacked.toFixed(1)} MB unpacked, ${compressed.toFixed(1)} MB compressed (gzip -6)`);
        assert.ok(unpacked <= LIMITS[target].unpacked && compressed <= LIMITS[target].compressed);
        const own = execFileSync("tar", ["-xOf", tar, "app"], { maxBuffer: 64e6 }).length / MEGABYTE;
        assert.ok(own <= 4, `ours are ${own} MB`);
      },
    );

  await t.test("the image runs as 65532, with a health check, and its history holds no secret", async () => {
    for (const target of targets) {
      const [image] = JSON.parse(await docker(["image", "inspect", `gramwatch/${target}:test`]));
      assert.equal(image.Config.User, "65532:65532");
      assert.deepEqual(image.Config.Healthcheck.Test, ["CMD", "/nodejs/bin/node", "/app/health.mjs"]);
      assert.equal(image.Config.Labels["org.opencontainers.image.version"], "test");
      assert.doesNotMatch(JSON.stringify(image.Config.Env), /TOKEN|SECRET|PASSWORD/);
      const history = await docker(["history", "--no-trunc", "--format", "{{.CreatedBy}}", `gramwatch/${target}:test`]);
      assert.doesNotMatch(history, /BOT_TOKEN=|_authToken/);
    }
  });

  await t.test("without its secrets each ends with 78 and one message that says what is missing", async () => {
    const bot = await attempt(["run", "--rm", "gramwatch/bot:test"]);
    assert.equal(bot.code, 78);
    assert.match(bot.stderr, /^The configuration has 1 problem:\n {2}BOT_TOKEN: required/);
    const sidecar = await attempt(["run", "--rm", "gramwatch/sidecar:test"]);
    assert.equal(sidecar.code, 78);
    assert.match(sidecar.stderr, /SIDECAR_API_TOKEN: is missing: the console listens on 0\.0\.0\.0/);
  });

  await t.test("hardened, they start, are healthy, answer, keep their secrets and end cleanly", async (t) => {
    const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
    const secrets = writeSecrets(telegram);
    t.after(async () => {
      secrets.remove();
      await telegram.close();
    });
    const [botPort, consolePort, otlpPort] = await freePorts(3);
    const common = {
      TELEGRAM_API_ROOT: telegram.url,
      BOT_TOKEN_FILE: "/run/secrets/bot_token",
      SIDECAR_API_TOKEN_FILE: "/run/secrets/api_token",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpPort}`,
      BOT_ADMINS: "4242",
    };
    const start = (target: string, env: Record<string, unknown>) =>
      docker([
        ...`run --detach --name ${id}-${target} --network host --memory 192m --pids-limit 64`.split(" "),
        ..."--read-only --cap-drop ALL --security-opt no-new-privileges:true".split(" "),
        ...`--tmpfs /tmp:rw,noexec,nosuid,nodev,size=16m --volume ${id}-${target}:/data`.split(" "),
        ...secrets.names.flatMap((name) => ["--volume", `${join(secrets.dir, name)}:/run/secrets/${name}:ro`]),
        ...Object.entries({ ...common, ...env }).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
        `gramwatch/${target}:test`,
      ]);
    await start("sidecar", {
      BOT_URL: `http://127.0.0.1:${botPort}`,
      CONSOLE_PORT: consolePort,
      OTLP_PORT: otlpPort,
      ALERT_BOT_TOKEN_FILE: "/run/secrets/alert_bot_token",
      ALERT_CHAT_ID: "4242",
    });
    await start("bot", { BOT_HTTP_PORT: botPort, SIDECAR_URL: `http://127.0.0.1:${consolePort}` });
    await Promise.all(targets.map((target) => healthy(`${id}-${target}`)));

    assert.match(await story(telegram), /\S/);
    const startedAt = await docker(["inspect", "--format", "{{.State.StartedAt}}", `${id}-bot`]);
    const firstPoll = telegram.calls().find(({ method }) => /^getUpdates$/i.test(method))?.atMs ?? Number.NaN;
    t.diagnostic(`bot: ${firstPoll - Date.parse(startedAt)} ms from the container's start to the first getUpdates`);
    await eventually(
      "a bot that is seen to be connected",
      async () => /"state":"connected"/.test(JSON.stringify(await api(consolePort, "status"))) || undefined,
    );

    for (const target of targets) {
      const look = `
        const fs = require("node:fs"), writable = [];
        for (const dir of ["/", "/app", "/nodejs", "/etc", "/home/nonroot", "/run/secrets", "/tmp", "/data"])
          try { fs.writeFileSync(dir + "/.probe", ""); fs.rmSync(dir + "/.probe"); writable.push(dir); } catch {}
        const status = fs.readFileSync("/proc/1/status", "utf8");
        const word = (name) => status.match(new RegExp("^" + name + ":\\\\s*(\\\\S+)", "m"))[1];
        console.log(JSON.stringify({ writable, capabilities: word("CapEff"), privileges: word("NoNewPrivs"),
          seccomp: word("Seccomp"), kibibytes: ["VmRSS", "RssAnon"].map((name) => Number(word(name))), uid: word("Uid"), environ: fs.readFileSync("/proc/1/environ", "utf8"),
          modes: fs.readdirSync("/data").filter((name) => /db/.test(name)).map((name) => (fs.statSync("/data/" + name).mode & 0o777).toString(8)) }));`;
      const seen = JSON.parse(await docker(["exec", `${id}-${target}`, "/nodejs/bin/node", "-e", look]));
      // The rest is Node's binary, shared between both. How much of it counts depends on the page cache: freshly written
      // it lies there in pages of 2 MiB, of which one touched byte counts whole.
      const [resident, own] = seen.kibibytes.map((kibibytes: number) => Math.round((kibibytes * 1024) / MEGABYTE));
      t.diagnostic(`${target}: ${resident} MB resident, of it ${own} MB its own`);
      assert.deepEqual(seen.writable, ["/tmp", "/data"]);
      assert.equal(Number(`0x${seen.capabilities}`), 0);
      assert.deepEqual([seen.privileges, seen.seccomp, seen.uid], ["1", "2", "65532"]);
      assert.ok(seen.modes.length > 0 && seen.modes.every((mode: string) => mode === "600"), String(seen.modes));
      const inspected = await docker(["inspect", `${id}-${target}`]);
      for (const secret of secrets.values) assert.ok(!(inspected + seen.environ).includes(secret));
    }

    for (const target of targets) {
      const begun = performance.now();
      await docker(["stop", "--time", "30", `${id}-${target}`]);
      t.diagnostic(`${target}: docker stop took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
      assert.equal(await docker(["inspect", "--format", "{{.State.ExitCode}}", `${id}-${target}`]), "0");
      // Ended before the sidecar was: what the bot flushed on its way out is there.
      if (target === "bot")
        assert.match(JSON.stringify(await api(consolePort, "traces?service=bot")), /process message/);
      const { stdout, stderr } = await attempt(["logs", `${id}-${target}`]);
      assert.equal(stderr, "", "stderr is clean");
      assert.ok(stdout.split("\n").length > 2);
      for (const secret of secrets.values) assert.ok(!stdout.includes(secret));
    }
  });

  await t.test("a volume of root: the bot ends with 1 and the remedy, the doctor names the owner", async () => {
    // Not empty: an empty volume takes its owner from the image again.
    const seal = 'const fs = require("node:fs"); fs.writeFileSync("/data/old", ""); fs.chownSync("/data", 0, 0)';
    const volume = ["--volume", `${id}-theirs:/data`];
    await docker(["run", "--rm", "--user", "0", ...volume, "gramwatch/bot:test", "-e", seal]);
    const withToken = ["--env", `BOT_TOKEN=1:${"x".repeat(35)}`, "--env", "TELEGRAM_API_ROOT=http://127.0.0.1:2"];
    const bot = await attempt(["run", "--rm", ...volume, ...withToken, "gramwatch/bot:test"]);
    assert.equal(bot.code, 1);
    assert.match(bot.stderr, /DATA_DIR \/data is not writable \(EACCES\)\. Give it to the user .*uid 65532/);
    const doctor = await attempt(["run", "--rm", ...volume, ...withToken, "gramwatch/bot:test", "/app/doctor.mjs"]);
    assert.equal(doctor.code, 1);
    assert.match(
      doctor.stdout,
      /cannot be written by uid 65532 \(EACCES\), it belongs to uid 0\n.*chown -R 65532:65532/,
    );
    assert.doesNotMatch(doctor.stdout, /sidecar/);
  });
});

test("init in the image writes into a mounted folder", { skip, timeout: 60_000 }, async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  const out = mkdtempSync(join(tmpdir(), "gramwatch-out-"));
  t.after(async () => {
    rmSync(out, { recursive: true });
    await telegram.close();
  });
  telegram.say("/start");
  const mounted = `--volume ${out}:/out --user ${process.getuid?.() ?? 0} --env TELEGRAM_API_ROOT=${telegram.url}`;
  const args = `run --rm --interactive --network host ${mounted} gramwatch/bot:test /app/init.mjs --dir /out`;
  const init = spawn("docker", args.split(" "), { env: (engine as Engine).env, stdio: ["pipe", "ignore", "inherit"] });
  init.stdin.end(`${telegram.bot("shop").token}\n\ny\n`);
  assert.deepEqual(await once(init, "close"), [0, null]);
  assert.match(readFileSync(join(out, ".env"), "utf8"), /^ALERT_CHAT_ID=4242$/m);
  assert.equal(readFileSync(join(out, "secrets", "bot_token"), "utf8"), telegram.bot("shop").token);
});

test("a foreign bot becomes an image like ours with one build argument", { skip, timeout: 120_000 }, async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  const name = `${id}-foreign`;
  t.after(async () => {
    await attempt(["rm", "--force", "--volumes", name]);
    await attempt(["image", "rm", "--force", `${name}:test`]);
    await telegram.close();
  });
  const entry = "BOT_ENTRY=examples/bring-your-own-bot/bot.ts";
  await buildImage(engine as Engine, "bot", `${name}:test`, [entry]);
  const [port] = await freePorts(1);
  const env = { BOT_TOKEN: telegram.bot("shop").token, TELEGRAM_API_ROOT: telegram.url, BOT_HTTP_PORT: port };
  await docker([
    ...`run --detach --name ${name} --network host --read-only --cap-drop ALL --volume /data`.split(" "),
    ...Object.entries({ ...env, OTEL_SDK_DISABLED: "true" }).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    `${name}:test`,
  ]);
  await healthy(name);
  assert.match(await story(telegram, "hello"), /hello/);
  const [image] = JSON.parse(await docker(["image", "inspect", `${name}:test`]));
  assert.equal(image.Config.User, "65532:65532");
  const begun = performance.now();
  await docker(["stop", "--time", "30", name]);
  t.diagnostic(`docker stop took ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  assert.equal(await docker(["inspect", "--format", "{{.State.ExitCode}}", name]), "0");
});

test("the Dockerfile needs no frontend to be pulled, and its health check and entry point need no shell", () => {
  const source = readFileSync(join(root, "Dockerfile"), "utf8");
  assert.doesNotMatch(source, /^#\s*syntax=/m);
  for (const [, form] of source.matchAll(/^(?:ENTRYPOINT|CMD|HEALTHCHECK .*CMD) (.)/gm)) assert.equal(form, "[");
  const external = [...source.matchAll(/^FROM (?:--platform=\S+ )?(\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(
    [...new Set(external)].filter((name) => name !== "base"),
    ["node:26-trixie", "gcr.io/distroless/cc-debian13:nonroot"],
    "scripts/images/engine.ts has a stand-in for each",
  );
});

async function api(port: number | undefined, path: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/api/${path}`, {
    headers: { authorization: `Bearer ${API_TOKEN}` },
    signal: AbortSignal.timeout(5000),
  });
  assert.equal(response.status, 200);
  return response.json();
}

async function gzipped(file: string): Promise<number> {
  let bytes = 0;
  for await (const part of createReadStream(file).pipe(createGzip({ level: 6 })) as AsyncIterable<Buffer>)
    bytes += part.length;
  return bytes;
}
