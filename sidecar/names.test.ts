import assert from "node:assert/strict";
import { test } from "node:test";
import { createNames } from "./names.ts";
import { openState } from "./state/state.ts";

const apiRoot = "https://api.telegram.org";

test("names that were learnt are there after a restart, each for its own bot", () => {
  const state = openState(undefined);
  const bots = [
    { url: "http://a:1", apiRoot },
    { name: "second", url: "http://b:1", apiRoot },
    { token: "7:x", apiRoot },
  ];
  const [first, second, third] = createNames(bots, state);
  first?.service("shopbot");
  third?.username("other_bot");
  second?.service("shopbot"); // both bots have left OTEL_SERVICE_NAME alone
  const again = createNames(bots, state).map((identity) => identity.target());
  assert.deepEqual(again, ["shopbot", "second", "other_bot"]);
});

test("a name that was learnt for another address is nobody's", () => {
  const state = openState(undefined);
  createNames([{ url: "http://a:1", apiRoot }], state)[0]?.service("shopbot");
  assert.equal(createNames([{ url: "http://b:1", apiRoot }], state)[0]?.target(), "bot");
});
