import assert from "node:assert/strict";
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, beforeEach, test } from "node:test";
import { addressesOf, sharedLookup } from "./lookup.ts";

const ADDRESSES = [
  { address: "127.0.0.2", family: 4 },
  { address: "::1", family: 6 },
];
const original = dns.promises.lookup;
let asked: { host: string; options: object; answer: PromiseWithResolvers<dns.LookupAddress[]> }[] = [];

beforeEach(() => {
  asked = [];
  dns.promises.lookup = ((host: string, options: object) => {
    const answer = Promise.withResolvers<dns.LookupAddress[]>();
    asked.push({ host, options, answer });
    return answer.promise;
  }) as typeof original;
  syncBuiltinESMExports();
});
afterEach(() => {
  dns.promises.lookup = original;
  syncBuiltinESMExports();
});

test("a name that is being looked up is not looked up again; afterwards it is", async () => {
  const first = addressesOf("telegram.test");
  const second = addressesOf("telegram.test");
  const other = addressesOf("bot.test");
  assert.deepEqual(
    asked.map(({ host }) => host),
    ["telegram.test", "bot.test"],
  );
  asked[0]?.answer.resolve(ADDRESSES);
  assert.deepEqual([await first, await second], [ADDRESSES, ADDRESSES]);
  const third = addressesOf("telegram.test");
  assert.equal(asked.length, 3);
  const failure = Object.assign(new Error("getaddrinfo EAI_AGAIN telegram.test"), { code: "EAI_AGAIN" });
  for (const { answer } of asked.slice(1)) answer.reject(failure);
  await assert.rejects(third, failure);
  await assert.rejects(other, failure);
});

test("other options are another question", () => {
  for (const family of [4, 6] as const) void addressesOf("telegram.test", { family });
  assert.deepEqual(
    asked.map(({ options }) => options),
    [
      { family: 4, all: true },
      { family: 6, all: true },
    ],
  );
});

test("as a socket's lookup it gives one address or all of them, or the error", async () => {
  const told = (options: dns.LookupOptions) =>
    new Promise((resolve) => sharedLookup("telegram.test", options, (...answer) => resolve(answer)));
  const answers = [told({ all: true }), told({})];
  assert.equal(asked.length, 1);
  asked[0]?.answer.resolve(ADDRESSES);
  assert.deepEqual(await Promise.all(answers), [
    [null, ADDRESSES],
    [null, "127.0.0.2", 4],
  ]);
  const failing = told({});
  const failure = new Error("getaddrinfo ENOTFOUND telegram.test");
  asked[1]?.answer.reject(failure);
  assert.deepEqual(await failing, [failure, ""]);
});
