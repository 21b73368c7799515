import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Engine } from "./engine.ts";
import { eventually, freePorts } from "./scene.ts";

/** A registry on loopback, which Docker trusts without TLS, until the test ends. Resolves with its prefix for names. */
export async function startRegistry(t: TestContext, { env }: Engine): Promise<string | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-registry-"));
  const [port] = await freePorts(1);
  const config = join(dir, "config.json"); // JSON is YAML
  const storage = { filesystem: { rootdirectory: join(dir, "images") } };
  writeFileSync(config, JSON.stringify({ version: 0.1, storage, http: { addr: `127.0.0.1:${port}` } }));
  const child = spawn("docker-registry", ["serve", config], { env, stdio: "ignore" });
  const ended = once(child, "exit").catch(() => undefined); // also when there is no such program
  t.after(async () => {
    child.kill();
    await ended;
    rmSync(dir, { recursive: true });
  });
  if (child.pid === undefined) return undefined;
  await eventually("the registry", async () => (await fetch(`http://127.0.0.1:${port}/v2/`)).ok || undefined);
  return `127.0.0.1:${port}/`;
}
