// Brings what is missing (the pinned Node, the locked dependencies), then runs a script of ours with it.
// Plain JavaScript of 2023: this file is the only one that an old Node has to read.
//
//   node scripts/run.mjs SCRIPT [ARGUMENT …]
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const runtime = join(root, "scripts", "runtime");
const node = join(runtime, "node_modules", "node", "bin", "node");
/** npm under the pinned Node: packages that need a newer Node than the system's would otherwise be left out silently. */
const path = `${dirname(node)}:${process.env.PATH ?? ""}`;

// The package `node` links the binary in an install script; nothing else may run one (.npmrc).
bring("Node", runtime, ["--ignore-scripts=false"]);
bring("the locked packages", root, ["--include=dev"]);

const [script, ...rest] = process.argv.slice(2);
if (script === undefined) fail("run.mjs: which script?");
// A group of its own: the terminal's Ctrl-C reaches only this process, which passes it on once.
const child = spawn(node, [`--import=${join(root, "scripts", "end-with-parent.mjs")}`, join(root, script), ...rest], {
  stdio: "inherit",
  detached: true,
  env: { ...process.env, PATH: path },
});
let last = 0;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    // npm repeats to its child what the terminal or the group has already sent: within 100 ms it is the same signal.
    const now = performance.now();
    if (now - last > 100) child.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
    last = now;
  });
child.on("error", (error) => fail(`cannot start ${node}: ${error.message}`));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGKILL" ? 137 : 1)));

/** Runs `npm ci` in `folder` unless what is there matches its lockfile. */
function bring(what, folder, options) {
  const wanted = createHash("sha256")
    .update(readFileSync(join(folder, "package-lock.json")))
    .digest("hex");
  const stamp = join(folder, "node_modules", ".locked");
  const there = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && existsSync(node);
  if (there()) return;
  const lock = join(folder, ".installing");
  while (!take(lock)) spawnSync("sleep", ["0.2"]);
  try {
    if (there()) return;
    process.stderr.write(`Bringing ${what} from the npm registry (once) …\n`);
    const npm = spawnSync("npm", ["ci", ...options, "--no-audit", "--no-fund", "--fetch-retries=1"], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, PATH: path },
    });
    if (npm.status !== 0 || !existsSync(node)) {
      const said = `${npm.error?.message ?? ""}${npm.stderr ?? ""}`.trim().split("\n").slice(-12).join("\n  ");
      rmSync(lock, { force: true });
      fail(
        `Could not bring ${what}. The first start needs npm and a network that reaches the npm registry; ` +
          `later starts need neither.\n  npm said:\n  ${said}`,
      );
    }
    writeFileSync(stamp, wanted);
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Two first starts side by side must not install into one folder; the lock of a process that is gone is taken over. */
function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    try {
      process.kill(Number(readFileSync(lock, "utf8")), 0);
    } catch (error) {
      if (error.code === "ESRCH") rmSync(lock, { force: true });
    }
    return false;
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
