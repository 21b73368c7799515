import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { startWire } from "./wire.ts";

async function scene(t: TestContext) {
  let asked = 0;
  const server = createServer((_, answer) => {
    asked++;
    answer.end("here");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const wire = await startWire((server.address() as AddressInfo).port, "127.0.0.1");
  t.after(async () => {
    await wire.close();
    server.closeAllConnections();
    server.close();
  });
  const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${wire.port}`)).text();
  return { wire, ask, asked: () => asked };
}
const codeOf = (error: unknown): string => ((error as Error).cause as NodeJS.ErrnoException).code ?? "";

test("a wire that is cut refuses, and is there again on the same port", async (t) => {
  const { wire, ask, asked } = await scene(t);
  assert.equal(await ask(), "here");
  await wire.set("cut");
  await assert.rejects(ask(), (error) => codeOf(error) === "ECONNREFUSED");
  await wire.set("open");
  assert.equal(await ask(), "here");
  assert.equal(asked(), 2);
});

test("what is said into a hole is not refused, not heard, and gone with its connection", async (t) => {
  const { wire, ask, asked } = await scene(t);
  await wire.set("hole");
  const lost = ask();
  const answered = lost.then(
    () => "answered",
    () => "broken",
  );
  assert.equal(
    await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 200, "silence"))]),
    "silence",
  );
  await wire.set("open");
  assert.equal(await answered, "broken");
  assert.equal(asked(), 0);
  assert.equal(await ask(), "here");
});
