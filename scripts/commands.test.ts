import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { type FakeTelegram, startFakeTelegram } from "../fake-telegram/mod.ts";
import { commands, read, root } from "./docs/pages.ts";
import { freePorts, until } from "./product/product.ts";

// Every command in README and docs is marked: ☐ is the reader's to run, ✓ is run by a test. What needs this machine alone
// is run here, as it is typed; what needs an engine, or minutes, by the test that is named, which holds this text.
const ELSEWHERE: Record<string, [test: string, text: string]> = {
  "npm test": [".ci/run", "\nnpm test\n"],
  "npm run demo": ["scripts/demo.test.ts", '"demo.ts"'],
  "node otel/build.mjs && npm pack ./otel/dist": ["otel/package.test.ts", '["pack", join(here, "dist")'],
  "BOT_TOKEN=… node bot.ts": ["examples/bring-your-own-bot/bot.test.ts", "spawn(process.execPath, [file]"],
  "kubectl kustomize k8s/overlays/single-node": ["scripts/k8s.test.ts", '["kustomize", join(root, "k8s", folder)]'],
  "docker run --detach --name gramwatch --network host --env-file .env --env CONSOLE_HOST=127.0.0.1 --env OTLP_HOST=127.0.0.1 --volume gramwatch:/data --pull never gramwatch/sidecar":
    ["scripts/images.test.ts", "run --detach --name ${id}-${target} --network host"],
  'docker run --rm -it --pull never -v "$PWD:/out" -u "$(id -u)" gramwatch/bot:1.0.0 /app/init.mjs --dir /out': [
    "scripts/images.test.ts",
    "gramwatch/bot:test /app/init.mjs --dir /out",
  ],
  "docker exec gramwatch /nodejs/bin/node /app/doctor.mjs --send": [
    "scripts/compose.test.ts",
    'doctor("sidecar", "--send")',
  ],
  "docker compose exec sidecar /nodejs/bin/node /app/doctor.mjs --send": [
    "scripts/compose.test.ts",
    'doctor("sidecar", "--send")',
  ],
  "docker compose exec sidecar /nodejs/bin/node /app/doctor.mjs": ["scripts/compose.test.ts", "/app/doctor.mjs"],
  "docker compose -f docker-compose.prod.yml up -d --wait": [
    "scripts/compose.test.ts",
    'compose("up", "--detach", "--wait"',
  ],
  "docker compose up --detach --wait": ["scripts/compose.test.ts", 'compose("up", "--detach", "--wait"'],
  "docker compose -f docker-compose.prod.yml -f docker-compose.lite.yml up -d --wait": [
    "scripts/compose.test.ts",
    'stack.lite("up", "--detach", "--wait"',
  ],
  "docker compose exec bot /nodejs/bin/node /app/backup.mjs": [
    "scripts/update.sh", // which scripts/compose.test.ts runs
    "/nodejs/bin/node /app/backup.mjs",
  ],
  "docker compose exec bot /nodejs/bin/node /app/backup.mjs && docker compose exec sidecar /nodejs/bin/node /app/backup.mjs":
    ["scripts/compose.test.ts", "state\\.db: backed up to"],
  "docker compose stop bot && docker compose run --rm bot /app/restore.mjs && docker compose start bot": [
    "scripts/compose.test.ts",
    '"/app/restore.mjs"]',
  ],
  "scripts/update.sh 1.2.0": ["scripts/compose.test.ts", 'stack.update("next")'],
};

const marked = new Set(commands.filter(({ mark }) => mark === "✓").map(({ text }) => text));

test("every command in README and docs says whether it is run here or the reader's to run", () => {
  assert.ok(commands.length > 50, String(commands.length));
  assert.deepEqual(
    commands.filter(({ mark }) => mark === undefined),
    [],
  );
});

test("the tests that are named for a command hold it, and none is named for nothing", () => {
  for (const [command, [file, text]] of Object.entries(ELSEWHERE)) {
    assert.ok(marked.has(command), `no page shows ${command}`);
    // Or one of the files beside it that it uses.
    const used = [...read(file).matchAll(/from "\.\/([^"]+)"/g)].map(([, path = ""]) => join(dirname(file), path));
    assert.ok(
      [file, ...used].some((one) => read(one).includes(text)),
      `${file} no longer holds ${text}`,
    );
  }
});

test("every other command that is marked as run here, as it is typed, in a copy", { timeout: 170_000 }, async (t) => {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  t.after(() => telegram.close());
  const { typed, type, typeAndStay, withoutEnvFile } = await house(t, telegram);

  const init = type("npm run init", [
    ["Token of the bot", telegram.bot("shop").token],
    ["Token of the alert bot", telegram.bot("alerts").token],
    ["Alerts go there", "y"],
  ]);
  await telegram.called("getUpdates", { bot: "alerts", timeoutMs: 30_000 });
  telegram.say("/start", { bot: "alerts" });
  assert.match(await init, /Written: .*\.env, .*secrets/);
  assert.match(await type("npm run sidecar -- --check"), /configuration ok/);
  assert.match(await type("npm run doctor"), /✓ ALERT_CHAT_ID +You \(4242\)[^]*All is well\./);

  const polls = telegram.called("getUpdates", { bot: "shop", timeoutMs: 60_000 });
  const end = await typeAndStay("npm start", "Gramwatch is ready");
  await polls;
  assert.match(await type("npm run doctor -- --send"), /✓ test alert +telegram: sent/);
  for (const [command, answer] of [
    ["curl -s http://127.0.0.1:8080/health", /"service":"bot"/],
    ["curl -s 'http://127.0.0.1:8090/api/alerts?state=firing'", /^\{"alerts":\[/],
    ["curl -s -X POST http://127.0.0.1:8090/api/test-alert", /"channel":"telegram","ok":true/],
  ] as const)
    assert.match(await type(command), answer);
  assert.match(await type("npm run backup"), /bot\.db: backed up[^]*state\.db: backed up/);
  await end();
  assert.match(await type("npm run restore -- --list"), /bot-\d{8}T\d{6}Z\.db\nstate-\d{8}T\d{6}Z\.db/);
  assert.match(await type("npm run restore"), /bot\.db is now bot-.*\nstate\.db is now state-/);

  await withoutEnvFile(async () => {
    await (
      await typeAndStay("DISCONNECTED_AFTER=10s npm start", "write /start to the bot")
    )();
    await (
      await typeAndStay("npm run fake-telegram", "chat page http")
    )();
  });
  const others = [...marked].filter((command) => !(command in ELSEWHERE));
  assert.deepEqual(typed.toSorted(), others.toSorted());
});

/** A copy of the checkout with what is installed in it, and hands that type there. */
async function house(t: TestContext, telegram: FakeTelegram) {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-typed-"));
  const left = new Set(["node_modules", ".git", ".env", "secrets", "data", "dist"]);
  cpSync(root, dir, { recursive: true, filter: (path) => path === root || !left.has(basename(path)) });
  for (const folder of ["node_modules", "scripts/runtime/node_modules"])
    symlinkSync(join(root, folder), join(dir, folder));
  const names = ["FAKE_TELEGRAM_PORT", "FAKE_TELEGRAM_CONTROL_PORT", "BOT_HTTP_PORT", "CONSOLE_PORT", "OTLP_PORT"];
  const ports = await freePorts(names.length);
  const env = {
    ...Object.fromEntries(names.map((name, at) => [name, String(ports[at])])),
    PATH: process.env["PATH"],
    HOME: dir,
  };
  const running = new Set<number>();
  t.after(() => {
    for (const pid of running) process.kill(-pid, "SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  });

  const typed: string[] = [];
  function run(command: string, more: Record<string, string>) {
    if (!typed.includes(command)) typed.push(command);
    // On ports of this test: those of the pages may be in use.
    const here = command.replace(":8080", `:${ports[2]}`).replace(":8090", `:${ports[3]}`);
    const child = spawn("bash", ["-c", here], { cwd: dir, env: { ...env, ...more }, detached: true });
    const pid = child.pid ?? 0;
    running.add(pid);
    // Not before everybody who has inherited the pipes is gone.
    const closed = once(child, "close").then(([code, signal]) => {
      running.delete(pid);
      return (code ?? signal) as number | string;
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (said += String(part)));
    return { child, pid, closed, said: () => said };
  }
  /** init keeps the API root in the file; until then it is the environment's. */
  let api: Record<string, string> = { TELEGRAM_API_ROOT: telegram.url };

  return {
    typed,
    /** Resolves with what the command said, when it has ended with 0; answers what it asks. */
    type: async (command: string, answers: [question: string, answer: string][] = []): Promise<string> => {
      const { child, closed, said } = run(command, api);
      for (const [question, answer] of answers) {
        await until(`${command}: ${question}`, () => said().includes(question));
        child.stdin.write(`${answer}\n`);
      }
      child.stdin.end();
      assert.equal(await closed, 0, `${command}\n${said()}`);
      return said();
    },
    /** Resolves when a command that goes on has said `text`, with what a Ctrl-C does to it. */
    typeAndStay: async (command: string, text: string): Promise<() => Promise<void>> => {
      const { child, pid, closed, said } = run(command, api);
      await until(`${command}: ${text}`, () => {
        assert.equal(child.exitCode, null, said());
        return said().includes(text);
      });
      return async () => {
        process.kill(-pid, "SIGINT");
        assert.ok([0, "SIGINT"].includes(await closed), `${command}\n${said()}`); // npm ends by the signal itself
      };
    },
    /** As in a clone that nobody has set up. */
    withoutEnvFile: async (work: () => Promise<void>): Promise<void> => {
      renameSync(join(dir, ".env"), join(dir, "aside"));
      api = {};
      await work();
    },
  };
}
