import assert from "node:assert/strict";
import { test } from "node:test";
import { controlProbe } from "./control.ts";
import { dependencyProbe } from "./dependency.ts";
import { systemWay } from "./look.ts";
import type { ControlSample, DependencySample } from "./probe.ts";
import { systemClocks } from "./seen.ts";
import { refusedPort, serveHttp, serveTcp, wayTo } from "./testing.ts";

const signal = () => AbortSignal.timeout(2000);

test("a control target is well when it takes a connection, and is sent nothing", async (t) => {
  const received: unknown[] = [];
  const port = await serveTcp(t, (socket) => socket.on("data", (chunk) => received.push(chunk)));
  const probe = controlProbe({ host: "127.0.0.1", port }, systemWay(1000), systemClocks, 1000);
  const sample = (await probe.run(signal())) as ControlSample;
  assert.deepEqual([sample.target, sample.failure, received], [`127.0.0.1:${port}`, undefined, []]);
});

test("a control target that refuses, or whose name is unknown, says in which phase", async () => {
  const run = async (host: string, port: number) =>
    (
      (await controlProbe({ host, port }, wayTo({ two: ["127.0.0.1", "127.0.0.2"] }), systemClocks, 1).run(
        signal(),
      )) as ControlSample
    ).failure;
  const port = await refusedPort();
  assert.equal((await run("127.0.0.1", port))?.code, "ECONNREFUSED");
  assert.equal((await run("two", port))?.phase, "tcp");
  assert.equal((await run("unknown", port))?.phase, "dns");
  assert.equal((await run("::1", port))?.phase, "tcp");
});

test("whatever a dependency answers is its status, not a failure of the way there", async (t) => {
  const url = await serveHttp(t, (request, response) => void response.writeHead(Number(request.url?.slice(-3))).end());
  for (const status of [200, 302, 404, 500]) {
    const probe = dependencyProbe("whisper", `${url}/health?want=${status}`, systemWay(1000), systemClocks, 1000);
    const sample = (await probe.run(signal())) as DependencySample;
    assert.deepEqual([sample.probe, sample.target, sample.status], ["dependency:whisper", "whisper", status]);
    assert.ok(sample.failure === undefined && sample.durationMs > 0);
  }
});

test("a dependency that nobody serves has a failed phase and no status", async () => {
  const url = `http://127.0.0.1:${await refusedPort()}/`;
  const sample = (await dependencyProbe("whisper", url, systemWay(1000), systemClocks, 1000).run(
    signal(),
  )) as DependencySample;
  assert.deepEqual([sample.status, sample.failure?.phase, sample.failure?.code], [undefined, "tcp", "ECONNREFUSED"]);
});
