/**
 * The container's probe (bundled as health.mjs): the event loop turns, the disk takes a write, memory is left. Not
 * Telegram: restarting the bot does not bring Telegram back, and it would destroy the evidence.
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";

const TIMEOUT_MS = 2500;
const MEMORY_RATIO = 0.97;

interface Memory {
  rss_bytes: number;
  heap_used_bytes: number;
  heap_limit_bytes: number;
  limit_bytes: number | null;
}

/** @throws when nothing answers within the deadline */
function fetchText(host: string, port: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text })).on("error", reject);
    });
    request.on("error", reject);
  });
}

function writeProbe(dir: string): void {
  const path = join(dir, `.probe-${process.pid}`);
  try {
    const file = openSync(path, "w", 0o600);
    writeSync(file, "ok");
    fsyncSync(file);
    closeSync(file);
  } finally {
    rmSync(path, { force: true });
  }
}

/** Why the container is not well; undefined: it is. */
export async function findTrouble(env: Record<string, string | undefined>): Promise<string | undefined> {
  const port = env["BOT_HTTP_PORT"] || "8080";
  const given = env["BOT_HTTP_HOST"] || "127.0.0.1";
  const host = given === "0.0.0.0" || given === "::" ? "127.0.0.1" : given;
  try {
    const live = await fetchText(host, port, "/livez");
    if (live.status !== 200) return `/livez answers ${live.status}`;
    const { memory } = JSON.parse((await fetchText(host, port, "/health")).text) as { memory: Memory };
    if (memory.limit_bytes !== null && memory.rss_bytes > memory.limit_bytes * MEMORY_RATIO)
      return "memory: at its limit";
    if (memory.heap_used_bytes > memory.heap_limit_bytes * MEMORY_RATIO) return "memory: heap at its limit";
    writeProbe(env["DATA_DIR"] || "./data");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

if (import.meta.main) {
  const trouble = await findTrouble(process.env);
  if (trouble !== undefined) {
    console.error(trouble);
    process.exit(1);
  }
}
