/**
 * The container's probe (bundled as health.mjs): the event loop turns, memory is left, the disk takes a write. Not the
 * bot and not Telegram: what the sidecar watches may be down, which is when it is needed.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";

const TIMEOUT_MS = 2500;
const MEMORY_RATIO = 0.97;

function statusOf(host: string, port: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ host, port, path, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", reject);
  });
}

/** Resident bytes of the container's main process; undefined where there is no /proc. */
function mainProcessBytes(): number | undefined {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync("/proc/1/status", "utf8")) ?? [];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
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

interface Memory {
  /** Bytes; 0 or absurdly large: no limit. */
  limit: number;
  used: number | undefined;
}

/** Why the container is not well; undefined: it is. */
export async function findTrouble(
  env: Record<string, string | undefined>,
  memory: Memory = { limit: process.constrainedMemory(), used: mainProcessBytes() },
): Promise<string | undefined> {
  try {
    const given = env["CONSOLE_HOST"] || "127.0.0.1";
    const host = given === "0.0.0.0" || given === "::" ? "127.0.0.1" : given;
    const status = await statusOf(host, env["CONSOLE_PORT"] || "8090", "/livez");
    if (status !== 200) return `/livez answers ${status}`;
    if (memory.limit > 0 && memory.used !== undefined && memory.used > memory.limit * MEMORY_RATIO)
      return "memory: at its limit";
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
