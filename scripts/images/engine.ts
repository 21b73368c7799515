import { execFile, type ExecFileOptionsWithStringEncoding, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

export const root = join(import.meta.dirname, "..", "..");
const tools = join(root, "..", "shared", "tools");
const run = promisify(execFile);

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export interface Engine {
  /** Runs `docker …` in the repository's root. Never rejects. */
  attempt: (args: string[], env?: NodeJS.ProcessEnv) => Promise<Ran>;
  /** The same; rejects with what docker said unless it exits with 0. Resolves with its stdout, trimmed. */
  docker: (args: string[], env?: NodeJS.ProcessEnv) => Promise<string>;
  /** Resolves when the container is healthy; rejects with its last words when it is not. */
  healthy: (container: string) => Promise<void>;
  /** The container's root as a tar file. */
  exportTo: (container: string, file: string) => Promise<void>;
  /** The official bases cannot be pulled here: local ones stand in for them, and for the images of the stack. */
  standsIn: boolean;
  /** What a program needs to talk to it. */
  env: NodeJS.ProcessEnv;
}

/** A Docker Engine with what the Dockerfile builds on; a text: why there is none. */
export async function findEngine(): Promise<Engine | string> {
  const env = await engineEnvironment();
  if (typeof env === "string") return env;
  const standsIn = existsSync(join(tools, "base-images"));
  const base = env;
  async function attempt(args: string[], more: NodeJS.ProcessEnv = {}): Promise<Ran> {
    try {
      const options: ExecFileOptionsWithStringEncoding = {
        cwd: root,
        env: { ...base, ...more },
        encoding: "utf8",
        maxBuffer: 64e6,
      };
      return { code: 0, ...(await run("docker", args, options)) };
    } catch (error) {
      const { code, stdout = "", stderr = "" } = error as Partial<Ran>;
      return { code: typeof code === "number" ? code : 1, stdout, stderr };
    }
  }
  async function docker(args: string[], more?: NodeJS.ProcessEnv): Promise<string> {
    const { code, stdout, stderr } = await attempt(args, more);
    if (code !== 0) throw new Error(`docker ${args.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
    return stdout.trim();
  }
  const engine: Engine = {
    attempt,
    docker,
    standsIn,
    env,
    async healthy(container) {
      const state =
        '{{.State.Health.Status}} {{.State.Running}} {{range .State.Health.Log}}{{.Output}}{{"\\n"}}{{end}}';
      let said = "";
      for (let tries = 0; tries < 240; tries++) {
        said = await docker(["inspect", "--format", state, container]);
        if (said.startsWith("healthy")) return;
        if (!said.startsWith("starting true")) {
          const { stdout, stderr } = await attempt(["logs", "--tail", "20", container]);
          throw new Error(`${container} is not healthy: ${said}\n${stdout}${stderr}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      throw new Error(`${container} does not become healthy: ${said}`);
    },
    exportTo: (container, file) =>
      new Promise((resolve, reject) => {
        const child = spawn("docker", ["export", "-o", file, container], { env });
        child.on("error", reject).on("close", (code) => {
          if (code === 0) resolve();
          else reject(new Error(`docker export ended with ${code}`));
        });
      }),
  };
  if (standsIn && (await attempt(["image", "inspect", "standin/node:26-trixie"])).code !== 0)
    execFileSync(join(tools, "base-images"), { env, stdio: "ignore" });
  return engine;
}

/** The bases that the Dockerfile names, and what stands in for them where no registry can be reached. */
const bases: Record<string, string> = {
  "node:26-trixie": "standin/node:26-trixie",
  "gcr.io/distroless/cc-debian13:nonroot": "standin/distroless-cc:debian13",
};

/** Builds both targets of the shipped Dockerfile as `gramwatch/<target>:test`. */
export async function buildImages(engine: Engine): Promise<void> {
  for (const target of ["bot", "sidecar"]) await buildImage(engine, target, `gramwatch/${target}:test`);
}

/** @param args build arguments, `NAME=value` */
export async function buildImage({ docker, standsIn }: Engine, target: string, tag: string, args: string[] = []) {
  const contexts = standsIn ? Object.entries(bases).map(([name, local]) => `${name}=docker-image://${local}`) : [];
  await docker([
    "buildx",
    "build",
    "--quiet",
    "--load",
    ...contexts.flatMap((context) => ["--build-context", context]),
    ...["VERSION=test", ...args].flatMap((argument) => ["--build-arg", argument]),
    ...`--target ${target} --tag ${tag} .`.split(" "),
  ]);
}

/** Imports the images of the stack that have a stand-in. */
export async function importStack({ standsIn }: Engine, images: string[]): Promise<void> {
  if (!standsIn) return;
  const env = await engineEnvironment();
  execFileSync(join(tools, "stack-images"), images, { env: env as NodeJS.ProcessEnv, stdio: "ignore" });
}

async function engineEnvironment(): Promise<NodeJS.ProcessEnv | string> {
  const answers = await run("docker", ["version"], { timeout: 20_000 }).then(
    () => true,
    () => false,
  );
  if (answers) return process.env;
  const tool = join(tools, "docker-engine");
  if (!existsSync(tool)) return "no Docker Engine answers on this machine; with one, this runs by itself";
  try {
    const { stdout } = await run(tool, ["start"], { timeout: 170_000 });
    const said: string = stdout.replace(/^export /, "").trim();
    const given = Object.fromEntries(said.split(" ").map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
    return { ...process.env, ...given, PATH: (given["PATH"] ?? "$PATH").replace("$PATH", process.env["PATH"] ?? "") };
  } catch (error) {
    return `no Docker Engine: ${(error as Error).message.split("\n")[0]}`;
  }
}
