import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

/** A program that the test started, and ends. */
export interface Child {
  name: string;
  pid: number;
  /** The end of what it said. */
  said(): string;
  /** Exit code after SIGTERM; SIGKILL after the deadline. */
  stop(deadlineMs?: number): Promise<number | null>;
  kill(): Promise<void>;
  exited: Promise<number | null>;
}

export function start(
  name: string,
  [program, ...args]: [string, ...string[]],
  { env, logFile, cwd }: { env: Record<string, string>; logFile: string; cwd: string },
): Child {
  const log = createWriteStream(logFile, { flags: "a" });
  const child: ChildProcess = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const exited = once(child, "close").then(([code]) => code as number | null);
  return {
    name,
    pid: child.pid ?? 0,
    said: () => readFileSync(logFile, "utf8").split("\n").slice(-30).join("\n"),
    async stop(deadlineMs = 10_000) {
      const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
      child.kill("SIGTERM");
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    exited,
  };
}

/** So many ports of 127.0.0.1 that nobody listens on just now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

/** Asks until the answer is not undefined or false; the deadline ends it with the reason of the last failure. */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  { deadlineMs = 30_000, everyMs = 200 }: { deadlineMs?: number; everyMs?: number } = {},
): Promise<T> {
  const end = performance.now() + deadlineMs;
  let reason = "";
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      reason = `: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > end) throw new Error(`not within ${deadlineMs / 1000} s: ${what}${reason}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** True once the address answers 2xx. */
export const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(async (response) => {
    await response.arrayBuffer();
    return response.ok;
  });
