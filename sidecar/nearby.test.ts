import assert from "node:assert/strict";
import { test } from "node:test";
import { isNearby } from "./nearby.ts";

for (const [address, nearby] of [
  ["http://127.0.0.1:9000", true],
  ["http://localhost:9000", true],
  ["http://[::1]:9000", true],
  ["http://10.1.2.3", true],
  ["http://172.31.0.1", true],
  ["http://172.32.0.1", false],
  ["http://192.168.1.4", true],
  ["http://[fd00::5]", true],
  ["http://[::ffff:10.0.0.1]", true],
  ["http://whisper:9000/health", true],
  ["http://whisper.default.svc.cluster.local", true],
  ["https://api.openai.com", false],
  ["http://93.184.216.34", false],
  ["http://[2606:4700::1111]", false],
] as const)
  test(`${address} is ${nearby ? "reached without" : "behind"} the line to the internet`, () => {
    assert.equal(isNearby(new URL(address)), nearby);
  });
