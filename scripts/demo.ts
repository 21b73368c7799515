/**
 * The story in two minutes, with the stand-in only: people write, a burst of errors, one reference traced, an outage.
 * It is `npm start` as a child in a world of its own: ports and folder come from the environment, nothing else does, so
 * that it never touches a real bot, chat or heartbeat that `.env` names.
 *
 *   npm run demo              goes on until Ctrl-C
 *   npm run demo -- --end     ends after the story
 *   npm run demo -- --fast    without pauses for reading
 */
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { createWorld } from "./demo/world.ts";
import { story } from "./demo/story.ts";

const root = join(import.meta.dirname, "..");
const kept = ["FAKE_TELEGRAM_PORT", "FAKE_TELEGRAM_CONTROL_PORT", "BOT_HTTP_PORT", "CONSOLE_PORT", "OTLP_PORT"];
const envFile = join(root, ".env");
const file = existsSync(envFile) ? parseEnv(readFileSync(envFile, "utf8")) : {};
const given: NodeJS.ProcessEnv = { ...file, ...process.env };
const pick = (names: string[]) => Object.fromEntries(names.map((name) => [name, given[name]?.trim() || undefined]));

const scratch = mkdtempSync(join(tmpdir(), "gramwatch-demo-"));
const logFile = join(scratch, "log");
const disconnectedAfter = process.env["DISCONNECTED_AFTER"]?.trim() || "10s";
const child = spawn(
  process.execPath,
  [`--import=${join(root, "scripts", "end-with-parent.mjs")}`, join(root, "scripts", "start.ts")],
  {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // signals come from here, once, and not from the terminal as well
    env: {
      ...Object.fromEntries(Object.keys(file).map((name) => [name, ""])), // blank is unset, and keeps .env out
      ...pick([...kept, "PATH", "HOME", "TMPDIR", "NODE_V8_COVERAGE", "DISPLAY_TZ"]),
      DATA_DIR: process.env["DATA_DIR"]?.trim() || scratch,
      DISCONNECTED_AFTER: disconnectedAfter,
      LOG_FORMAT: "pretty",
    },
  },
);
const stopping = new AbortController();
let log = "";
let failed = false;
const logStream = createWriteStream(logFile);
for (const stream of [child.stdout, child.stderr])
  stream.on("data", (chunk: Buffer) => {
    log = (log + String(chunk)).slice(-4000);
    logStream.write(chunk);
  });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop);

child.on("close", (code) => {
  if (!stopping.signal.aborted || (code !== 0 && code !== null)) {
    process.stderr.write(`\nIt ended with exit code ${code}. The last it said:\n${log}\n`);
  }
  stopping.abort();
  logStream.end();
  rmSync(scratch, { recursive: true, force: true });
  process.exit(code || (failed ? 1 : 0));
});

const say = (line = ""): void => void process.stdout.write(`${line}\n`);
const world = createWorld(given, stopping.signal);
try {
  await story(world, {
    say,
    disconnectedAfter,
    logFile,
    pauseMs: process.argv.includes("--fast") ? 0 : 5000,
  });
  if (process.argv.includes("--end")) stop();
  else {
    say("\nIt goes on: write to the bot on the chat page, break Telegram there, look around. Ctrl-C ends it.");
    await world.traffic(86_400);
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    failed = true;
    process.stderr.write(`\n${(error as Error).message}. The last that the processes said:\n${log}\n`);
    stop();
  }
}

function stop(): void {
  if (!stopping.signal.aborted) say("\nEnding …");
  stopping.abort();
  child.kill("SIGTERM");
}
