import assert from "node:assert/strict";
import { test } from "node:test";
import { FULL, programme, SHORT } from "./acts.ts";
import { createChance } from "./chance.ts";
import type { Machine } from "./machine.ts";

const disk = { fill: async () => {}, free: async () => {} };
const names = (seed: number, form = FULL, machine: Partial<Machine> = { disk }): string[] =>
  programme({ chance: createChance(seed), form, machine: machine as Machine }).flatMap((group) =>
    group.map(({ name }) => name),
  );

test("every night has every act once, in an order that its seed gives again", () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    for (const form of [FULL, SHORT]) assert.equal(new Set(names(seed, form)).size, 9);
    assert.deepEqual(names(seed), names(seed));
    orders.add(names(seed).join());
  }
  assert.ok(orders.size > 100, `${orders.size} orders of 200`);
});

test("it begins quietly, and Telegram goes away before the second poller comes", () => {
  for (let seed = 0; seed < 200; seed++) {
    const order = names(seed, SHORT);
    assert.equal(order[0], "quiet hours");
    assert.ok(order.indexOf("Telegram goes away") < order.indexOf("a second poller"), order.join());
  }
});

test("where no disk can be mounted its act is left out", () => {
  for (const form of [FULL, SHORT]) assert.equal(names(1, form, { disk: "user side: no mount" }).length, 8);
});
