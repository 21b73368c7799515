import assert from "node:assert/strict";
import { test } from "node:test";
import { createNames } from "./names.ts";
import { openState } from "./state/state.ts";

const apiRoot = "https://api.telegram.org";
const warnings: unknown[] = [];
const log = { warn: (facts: unknown) => void warnings.push(facts) };

test("names that were learnt are there after a restart, each for its own bot", () => {
  const state = openState(undefined);
  const bots = [
    { url: "http://a:1", apiRoot },
    { name: "second", url: "http://b:1", apiRoot },
    { token: "7:x", apiRoot },
  ];
  const [first, second, third] = createNames(bots, state, log);
  first?.service("shopbot");
  third?.username("other_bot");
  second?.service("shopbot"); // both bots have left OTEL_SERVICE_NAME alone
  const again = createNames(bots, state, log).map((identity) => identity.target());
  assert.deepEqual(again, ["shopbot", "second", "other_bot"]);
});

test("a name that was learnt for another address is nobody's", () => {
  const state = openState(undefined);
  createNames([{ url: "http://a:1", apiRoot }], state, log)[0]?.service("shopbot");
  assert.equal(createNames([{ url: "http://b:1", apiRoot }], state, log)[0]?.target(), "bot");
});

test("a bot is never given the name that another one is configured with, not even one learnt earlier", () => {
  const state = openState(undefined);
  const bots = [
    { name: "bot", url: "http://a:1", apiRoot },
    { name: "shop", url: "http://b:1", apiRoot },
  ];
  const [bot, shop] = createNames(bots, state, log);
  warnings.length = 0;
  for (let reads = 0; reads < 3; reads++) shop?.service("bot"); // the first to answer; both have left OTEL_SERVICE_NAME alone
  bot?.service("bot");
  assert.deepEqual(warnings, [{ service: "bot" }]);
  assert.deepEqual([bot?.target(), shop?.target()], ["bot", "shop"]);
  state.commit([{ table: "memory", key: "names", value: { shop: "bot" } }]);
  const again = createNames(bots, state, log).map((identity) => identity.target());
  assert.deepEqual(again, ["bot", "shop"]);
});

test("a bot that moved to another address keeps its name", () => {
  const state = openState(undefined);
  createNames([{ url: "http://a:1", apiRoot }], state, log)[0]?.service("shopbot");
  const [moved] = createNames([{ url: "http://b:1", apiRoot }], state, log);
  moved?.service("shopbot");
  assert.equal(moved?.target(), "shopbot");
});
