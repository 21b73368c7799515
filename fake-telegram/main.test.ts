import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { startFakeTelegram } from "./mod.ts";

const main = new URL("main.ts", import.meta.url).pathname;

function run(t: TestContext, env: Record<string, string>) {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
  return { child, said, exited: once(child, "close") as Promise<[number | null]> };
}

async function ready(child: ChildProcess, said: { out: string }): Promise<{ api: string; control: string }> {
  while (!said.out.includes("\n")) await once(child.stdout!, "data");
  const [, api = "", control = ""] = /^fake-telegram: Bot API (\S+), chat page (\S+)\n$/.exec(said.out) ?? [];
  return { api, control };
}
const freePorts = { FAKE_TELEGRAM_PORT: "0", FAKE_TELEGRAM_CONTROL_PORT: "0" };

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`main says one line when ready and ends with 0 on ${signal}, with a poll open`, async (t) => {
    const { child, said, exited } = run(t, freePorts);
    const { api, control } = await ready(child, said);
    const { bots, people, chats } = (await (await fetch(`${control}/state`)).json()) as {
      bots: { name: string; token: string }[];
      people: { id: number }[];
      chats: { chat: { id: number; title: string }; members: string[] }[];
    };
    assert.deepEqual(
      bots.map(({ name }) => name),
      ["shop", "alerts"],
    );
    assert.deepEqual(
      people.map(({ id }) => id),
      [4242],
    );
    assert.deepEqual(
      [chats[0]?.chat.id, chats[0]?.chat.title, chats[0]?.members],
      [-100_200_300, "Alerts", ["shop", "alerts"]],
    );
    const waiting = fetch(`${api}/bot${bots[0]?.token}/getUpdates?timeout=50`).catch(() => "ended");
    await fetch(`${control}/called?method=getUpdates`);
    child.kill(signal);
    assert.equal((await exited)[0], 0);
    await waiting;
    assert.equal(said.err, "");
  });
}

test("a port in use is one clear sentence and exit code 1", async (t) => {
  const other = await startFakeTelegram();
  t.after(() => other.close());
  const { said, exited } = run(t, { ...freePorts, FAKE_TELEGRAM_PORT: String(other.port) });
  assert.equal((await exited)[0], 1);
  assert.equal(
    said.err,
    `fake-telegram: port ${other.port} is in use; set FAKE_TELEGRAM_PORT or FAKE_TELEGRAM_CONTROL_PORT\n`,
  );
});

test("a port that is none is exit code 78", async (t) => {
  const { said, exited } = run(t, { ...freePorts, FAKE_TELEGRAM_PORT: "many" });
  assert.equal((await exited)[0], 78);
  assert.equal(said.err, 'fake-telegram: FAKE_TELEGRAM_PORT: "many" is not a port (0 to 65535)\n');
});
