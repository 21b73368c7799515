import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { findTrouble } from "./healthcheck.ts";
import { temporaryDir } from "./testing.ts";

const well = { rss_bytes: 50, heap_used_bytes: 10, heap_limit_bytes: 100, limit_bytes: 100 };

interface BotOptions {
  live?: number;
  memory?: object;
  host?: string;
}

async function bot(t: TestContext, { live = 200, memory = well, host = "127.0.0.1" }: BotOptions = {}) {
  const server = createServer((request, response) => {
    if (request.url === "/livez") response.writeHead(live).end("ok");
    else response.writeHead(503).end(JSON.stringify({ memory }));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => server.close());
  return String((server.address() as AddressInfo).port);
}

test("a bot that answers, can write and has memory is well, even while Telegram is down", async (t) => {
  const dataDir = temporaryDir(t);
  assert.equal(await findTrouble({ BOT_HTTP_PORT: await bot(t), DATA_DIR: dataDir }), undefined);
  assert.deepEqual(readdirSync(dataDir), [], "nothing is left behind");
});

test("a bot that listens on one address is asked there, on all of them on the loopback", async (t) => {
  for (const [given, host] of [
    ["127.0.0.2", "127.0.0.2"],
    ["0.0.0.0", "127.0.0.1"],
    ["::", "127.0.0.1"],
  ] as const) {
    const port = await bot(t, { host });
    const env = { BOT_HTTP_HOST: given, BOT_HTTP_PORT: port, DATA_DIR: temporaryDir(t) };
    assert.equal(await findTrouble(env), undefined, given);
  }
});

test("no limit of memory is no trouble", async (t) => {
  const port = await bot(t, { memory: { ...well, limit_bytes: null } });
  assert.equal(await findTrouble({ BOT_HTTP_PORT: port, DATA_DIR: temporaryDir(t) }), undefined);
});

const troubles: [title: string, options: Parameters<typeof bot>[1], trouble: RegExp][] = [
  ["a bot that is not alive", { live: 500 }, /^\/livez answers 500$/],
  ["memory at the container's limit", { memory: { ...well, rss_bytes: 98 } }, /^memory: at its limit$/],
  ["a full heap", { memory: { ...well, heap_used_bytes: 98 } }, /^memory: heap at its limit$/],
];
for (const [title, options, trouble] of troubles) {
  test(`${title} is trouble`, async (t) => {
    const found = await findTrouble({ BOT_HTTP_PORT: await bot(t, options), DATA_DIR: temporaryDir(t) });
    assert.match(found ?? "", trouble);
  });
}

test("nobody listening, and a disk that takes no write, are trouble", async (t) => {
  assert.match((await findTrouble({ BOT_HTTP_PORT: "1", DATA_DIR: temporaryDir(t) })) ?? "", /ECONNREFUSED/);
  const found = await findTrouble({ BOT_HTTP_PORT: await bot(t), DATA_DIR: join(temporaryDir(t), "absent") });
  assert.match(found ?? "", /ENOENT/);
});
