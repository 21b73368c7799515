import assert from "node:assert/strict";
import { test } from "node:test";
import { bind, PortError, urlOf } from "./ports.ts";

test("a host that means all addresses is reached on loopback, IPv6 in brackets", () => {
  const urls = ["127.0.0.1", "0.0.0.0", "::", "::1", "sidecar.lan"].map((host) => urlOf({ host, port: 1 }));
  assert.deepEqual(urls, [
    "http://127.0.0.1:1",
    "http://127.0.0.1:1",
    "http://127.0.0.1:1",
    "http://[::1]:1",
    "http://sidecar.lan:1",
  ]);
});

test("only what the system says of the port is a PortError", async () => {
  const at = { host: "nowhere.example", port: 1 };
  const unknown = Object.assign(new Error(""), { syscall: "getaddrinfo", code: "ENOTFOUND" });
  await assert.rejects(
    bind("OTLP_PORT", at, () => Promise.reject(unknown)),
    new PortError("OTLP_PORT", at, unknown),
  );
  await assert.rejects(
    bind("OTLP_PORT", at, () => Promise.reject(new Error("ours"))),
    { message: "ours" },
  );
  assert.equal(await bind("OTLP_PORT", at, () => Promise.resolve(7)), 7);
});
