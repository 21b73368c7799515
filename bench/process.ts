import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** What the images run: `dist/bot/main.mjs`, `dist/sidecar/main.mjs`. The runner bundles once for all benches. */
export function bundle(): void {
  if (process.env["BENCH_BUNDLED"] && existsSync(join(root, "dist/bot/main.mjs"))) return;
  const { status } = spawnSync(process.execPath, [join(root, "scripts/bundle.mjs")], { stdio: "ignore" });
  if (status !== 0) throw new Error("scripts/bundle.mjs failed");
}

/** How the images start Node, by the Dockerfile. */
const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
const words = [...dockerfile.matchAll(/^(?:ENTRYPOINT|CMD) (\[.+\])$/gm)].flatMap(
  ([, list]) => JSON.parse(list ?? "[]") as string[],
);
const flags = [...new Set(words.filter((word) => word.startsWith("--")))];
const malloc = Object.fromEntries(
  [...dockerfile.matchAll(/(MALLOC_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
);

export interface Program {
  process: ChildProcess;
  pid: number;
  /** Exit code, or the signal that ended it. */
  exit: Promise<number | string>;
  /** Everything it printed. */
  output: () => string;
}

/** A program of the repository with this environment and nothing else. `entry`: path from the root. */
export function run(entry: string, env: Record<string, string>): Program {
  const bundled = entry.endsWith(".mjs");
  const child = spawn(process.execPath, [...(bundled ? flags : []), join(root, entry)], {
    env: { PATH: process.env["PATH"], ...(bundled && malloc), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => (output = (output + String(chunk)).slice(-20_000)));
  const exit = once(child, "exit").then(([code, signal]) => {
    started.delete(child);
    return (code ?? signal) as number | string;
  });
  return { process: child, pid: child.pid ?? 0, exit, output: () => output };
}

const started = new Set<ChildProcess>();
const folders: string[] = [];
process.on("exit", () => {
  for (const child of started) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

/** A folder that is gone when the bench ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "gramwatch-bench-"));
  folders.push(folder);
  return folder;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

/** Takes telemetry and answers as a Collector does; `take` sees each body. */
export async function telemetrySink(take?: (request: IncomingMessage, body: Buffer) => void) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request
      .on("data", (chunk: Buffer) => take && chunks.push(chunk))
      .on("end", () => {
        take?.(request, Buffer.concat(chunks));
        response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}

const status = (pid: number, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Resident memory now, and at its highest, in MiB. Linux only. */
export const rssMiB = (pid: number): number => status(pid, "VmRSS");
export const peakRssMiB = (pid: number): number => status(pid, "VmHWM");

/** CPU seconds of all threads. Linux only. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
