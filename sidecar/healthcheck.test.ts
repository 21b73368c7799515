import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { findTrouble } from "./healthcheck.ts";

async function sidecar(
  t: TestContext,
  status: number,
  host = "127.0.0.1",
): Promise<{ CONSOLE_PORT: string; DATA_DIR: string }> {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-"));
  const server = createServer((_request, response) => response.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(dir, { recursive: true });
  });
  return { CONSOLE_PORT: String((server.address() as AddressInfo).port), DATA_DIR: dir };
}
const plenty = { limit: 200e6, used: 80e6 };

test("a sidecar that answers and can write is well, also without a memory limit", async (t) => {
  const env = await sidecar(t, 200);
  assert.equal(await findTrouble(env, plenty), undefined);
  assert.equal(await findTrouble(env, { limit: 0, used: 80e6 }), undefined);
});

test("a console that listens on one address is asked there, on all of them on the loopback", async (t) => {
  assert.equal(
    await findTrouble({ ...(await sidecar(t, 200, "127.0.0.2")), CONSOLE_HOST: "127.0.0.2" }, plenty),
    undefined,
  );
  assert.equal(await findTrouble({ ...(await sidecar(t, 200)), CONSOLE_HOST: "0.0.0.0" }, plenty), undefined);
});

test("a bad answer, no answer, memory at its limit and a disk that takes no write are told apart", async (t) => {
  const env = await sidecar(t, 200);
  assert.equal(await findTrouble(await sidecar(t, 503), plenty), "/livez answers 503");
  assert.equal(await findTrouble(env, { limit: 200e6, used: 199e6 }), "memory: at its limit");
  writeFileSync(join(env.DATA_DIR, "file"), "");
  assert.match((await findTrouble({ ...env, DATA_DIR: join(env.DATA_DIR, "file") }, plenty)) ?? "", /^ENOTDIR/);
  assert.match((await findTrouble({ ...env, CONSOLE_PORT: "1" }, plenty)) ?? "", /ECONNREFUSED/);
});
