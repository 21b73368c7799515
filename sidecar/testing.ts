import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";

/** A program of the repository in a process of its own, with its log. */
export interface Running {
  child: ChildProcess;
  /** Everything that it has said on stdout and stderr. */
  output(): string;
  /** The first log line with this message, parsed. Rejects when it ends first, or after 30 s. */
  said(message: string): Promise<Record<string, unknown>>;
  /** Sends the signal and resolves with the exit code; null: ended by the signal. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts `node <file>` with these variables only, by way of the program and arguments `through` if there are some.
 * Whatever still runs at the end of the test is killed.
 */
export function start(
  t: TestContext,
  file: string,
  env: Record<string, string>,
  args: string[] = [],
  through: string[] = [],
): Running {
  const path = fileURLToPath(new URL(file, import.meta.url));
  // A process that ends by itself counts in the coverage of the test that started it.
  const { NODE_V8_COVERAGE } = process.env;
  const inherited = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };
  const [program = "", ...rest] = [...through, process.execPath, path, ...args];
  const child = spawn(program, rest, {
    env: { ...inherited, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const exited = once(child, "exit").then(([code]) => code as number | null);
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  t.after(() => {
    child.kill("SIGKILL");
    return exited;
  });
  const parsed = () =>
    lines.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));
  return {
    child,
    output: () => lines.join("\n"),
    said: (message) =>
      until(
        `"${message}"`,
        () => {
          const line = parsed().find(({ msg }) => msg === message);
          if (line === undefined && child.exitCode !== null) throw new Error(`it ended first:\n${lines.join("\n")}`);
          return line;
        },
        { otherwise: () => lines.join("\n") },
      ),
    end(signal) {
      if (signal !== undefined) child.kill(signal);
      return exited;
    },
  };
}

/** Asks until there is an answer: what another process does can only be looked at from outside. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  { withinMs = 30_000, otherwise = () => "" }: { withinMs?: number; otherwise?: () => string } = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${what} did not come within ${withinMs} ms\n${otherwise()}`);
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
