import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { refusedPort, serveHttp } from "./probes/testing.ts";
import { freePorts, start, until } from "./testing.ts";

/** The environment of a sidecar that watches nobody who is there, on ports of its own. */
async function environment(t: TestContext, over: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), "sidecar-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [otlp = 0, page = 0] = await freePorts(2);
  const nobody = `http://127.0.0.1:${await refusedPort()}`;
  const env = {
    BOT_URL: nobody,
    TELEGRAM_API_ROOT: nobody,
    DATA_DIR: dir,
    OTLP_PORT: String(otlp),
    CONSOLE_PORT: String(page),
    OTEL_SDK_DISABLED: "true",
    ...over,
  };
  return { env, dir, page: `http://127.0.0.1:${page}` };
}

test("--check says that the configuration is good, or every problem, without starting anything", async (t) => {
  const { env } = await environment(t);
  const good = start(t, "main.ts", env, ["--check"]);
  assert.equal(await good.end(), 0);
  assert.equal(good.output(), "configuration ok");
  const bad = start(t, "main.ts", { ...env, ERRORS_MAX: "x", OTEL_METRIC_EXPORT_INTERVAL: "soon" }, ["--check"]);
  assert.equal(await bad.end(), 78);
  assert.match(
    bad.output(),
    /^The configuration has 2 problems:\n {2}ERRORS_MAX = "x": .*\n {2}OTEL_METRIC_EXPORT_INTERVAL/,
  );
});

test("SIGTERM ends it with 0, and the same data directory can be used at once", async (t) => {
  const { env } = await environment(t);
  for (let run = 1; run <= 2; run++) {
    const sidecar = start(t, "main.ts", env);
    await sidecar.said("sidecar started");
    assert.equal(await sidecar.end("SIGTERM"), 0, sidecar.output());
    assert.match(sidecar.output(), /"sidecar stops"/);
  }
});

test("a second signal does not wait for the first", async (t) => {
  const deaf = await serveHttp(t, () => {}); // the last telemetry would take its full deadline
  const { env } = await environment(t, { OTEL_SDK_DISABLED: "false", OTEL_EXPORTER_OTLP_ENDPOINT: deaf });
  const sidecar = start(t, "main.ts", env);
  await sidecar.said("sidecar started");
  sidecar.child.kill("SIGINT");
  await sidecar.said("sidecar stops");
  assert.equal(await sidecar.end("SIGINT"), 1);
});

test("a port in use ends the start with 1 and says which setting to change", async (t) => {
  const { env } = await environment(t);
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  for (const setting of ["OTLP_PORT", "CONSOLE_PORT"]) {
    const sidecar = start(t, "main.ts", { ...env, [setting]: String(port) });
    assert.equal(await sidecar.end(), 1);
    assert.equal(
      sidecar.output(),
      `Port ${port} of 127.0.0.1 is in use: end what listens there, or choose another ${setting}.`,
    );
  }
  const nowhere = start(t, "main.ts", { ...env, OTLP_HOST: "192.0.2.7" });
  assert.equal(await nowhere.end(), 1);
  assert.match(nowhere.output(), /cannot be bound \(EADDRNOTAVAIL\): choose another OTLP_PORT or OTLP_HOST/);
});

test("two sidecars run side by side on other ports, but not on one data directory", async (t) => {
  const first = await environment(t);
  const second = await environment(t);
  const one = start(t, "main.ts", first.env);
  const two = start(t, "main.ts", second.env);
  await Promise.all([one.said("sidecar started"), two.said("sidecar started")]);
  const third = start(t, "main.ts", { ...(await environment(t)).env, DATA_DIR: first.dir });
  assert.equal(await third.end(), 1);
  assert.match(third.output(), new RegExp(`^Another sidecar is using this DATA_DIR: process ${one.child.pid} `));
});

test("a data directory that cannot be written is said, and it watches all the same", async (t) => {
  const { env, dir, page } = await environment(t);
  writeFileSync(join(dir, "file"), "");
  const sidecar = start(t, "main.ts", { ...env, DATA_DIR: join(dir, "file", "data") });
  await sidecar.said("sidecar started");
  await until("a look at the bot", async () => {
    const { probes } = (await (await fetch(`${page}/api/status`)).json()) as { probes: { kind: string }[] };
    return probes.find(({ kind }) => kind === "health");
  });
  assert.equal(await sidecar.end("SIGTERM"), 0);
  assert.match(sidecar.output(), /DATA_DIR .* cannot be used \(ENOTDIR\): alerts work from memory/);
});

test("by default it keeps its own telemetry, and what it receives makes no more of it", async (t) => {
  const { env, page } = await environment(t, {
    OTEL_SDK_DISABLED: "false",
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    OTEL_BLRP_SCHEDULE_DELAY: "50",
    BOT_URL: "none",
    BOT_TOKEN: "1:x",
    TELEGRAM_API_ROOT: await serveHttp(
      t,
      (_, response) => void response.end('{"ok":true,"result":{"id":1,"username":"x"}}'),
    ),
  });
  const sidecar = start(t, "main.ts", env);
  await sidecar.said("sidecar started");
  const accepted = async (signal: string) => {
    const text = await (await fetch(`${page}/metrics`)).text();
    const line = text
      .split("\n")
      .find(
        (line) =>
          line.startsWith("sidecar_otlp_items_total{") &&
          line.includes(`signal="${signal}"`) &&
          line.includes("accepted"),
      );
    return Number(line?.split(" ").at(-1));
  };
  const arrived = (signal: string, over: number) =>
    until(`${signal} over ${over}`, async () => ((await accepted(signal)) > over ? true : undefined));
  await arrived("logs", 0);
  await arrived("metrics", 0);
  const logs = await accepted("logs");
  for (let round = 0; round < 5; round++) await arrived("metrics", await accepted("metrics"));
  assert.deepEqual([await accepted("logs"), await accepted("traces")], [logs, 0]);
});
