import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { report, short, until } from "./figure.ts";
import { bundle, cpuSeconds, freePort, peakRssMiB, run, scratch } from "./process.ts";
import { recorded, type Body } from "./traces.ts";

// How much telemetry can the sidecar take: bodies as the real SDK sends them, as fast as it accepts them, until the last
// trace can be read back. The peer (where STACK_BIN names the engines) is Jaeger with its store in memory: ours is on
// the disk.
const updates = short ? 10_000 : 60_000;

bundle();
const { bodies, traceIds, spans } = await recorded(updates);
const lastTrace = traceIds.at(-1) ?? "";
console.log(`${spans} spans and ${updates} log lines in ${bodies.length} requests`);

const [otlp, consolePort] = [await freePort(), await freePort()];
const sidecar = run("dist/sidecar/main.mjs", {
  BOT_URL: "http://127.0.0.1:9", // nobody there: only the receiver and the store are at work
  TELEGRAM_API_ROOT: "http://127.0.0.1:9",
  OTLP_PORT: String(otlp),
  CONSOLE_PORT: String(consolePort),
  DATA_DIR: scratch(),
  BACKUP_AT: "off",
});
const pages = `http://127.0.0.1:${consolePort}`;
await until("the sidecar", async () => ((await fetch(`${pages}/livez`)).ok ? true : undefined));
const ours = await flood(sidecar.pid, `http://127.0.0.1:${otlp}`, bodies, async () =>
  (await fetch(`${pages}/api/traces/${lastTrace}`)).ok ? true : undefined,
);
const peakMB = peakRssMiB(sidecar.pid) * 1.048576;
const status = (await (await fetch(`${pages}/api/status`)).json()) as { store: { dropped: number } };
sidecar.process.kill("SIGTERM");
await sidecar.exit;

const jaeger = await jaegerRate();
report({
  figure: "OTLP ingest per core: receiver and store",
  unit: "spans/s",
  better: "higher",
  ours: spans / ours.cpuSeconds,
  ...(jaeger !== undefined && { peer: { name: "Jaeger in memory", value: Math.round(jaeger) } }),
});
report({ figure: "OTLP ingest, by the clock", unit: "spans/s", better: "higher", ours: spans / ours.seconds });
report({ figure: "RSS of the sidecar under that flood, highest", unit: "MB", ours: peakMB, must: 256 });
report({
  figure: "spans and lines lost after they were accepted",
  unit: "records",
  ours: status.store.dropped,
  goal: 0,
  must: 0,
});
console.log(`asked to come again: ${ours.refused} times`);

/** Sends everything, two requests at a time; a refusal (429, 503) is tried again as the specification says. */
async function flood(pid: number, url: string, all: readonly Body[], done: () => Promise<true | undefined>) {
  const before = cpuSeconds(pid);
  const begun = performance.now();
  let next = 0;
  let refused = 0;
  const sender = async (): Promise<void> => {
    for (let one = all[next++]; one !== undefined; one = all[next++]) {
      for (;;) {
        const headers = { "content-type": "application/x-protobuf" };
        const response = await fetch(`${url}${one.path}`, { method: "POST", headers, body: new Uint8Array(one.body) });
        await response.arrayBuffer();
        if (response.ok) break;
        if (response.status !== 503 && response.status !== 429) throw new Error(`${one.path}: ${response.status}`);
        refused++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  await Promise.all([sender(), sender()]);
  await until("the last trace", done);
  return { cpuSeconds: cpuSeconds(pid) - before, seconds: (performance.now() - begun) / 1000, refused };
}

/** Spans per CPU second of Jaeger, from the same bodies; it takes no logs. */
async function jaegerRate(): Promise<number | undefined> {
  const program = join(process.env["STACK_BIN"] ?? "", "jaeger-all-in-one");
  if (!process.env["STACK_BIN"] || !existsSync(program)) return undefined;
  const [http, query, ...others] = await Promise.all(Array.from({ length: 7 }, () => freePort()));
  const unused = [
    "collector.otlp.grpc",
    "query.grpc-server",
    "admin.http",
    "collector.grpc-server",
    "collector.http-server",
  ];
  const child = spawn(
    program,
    [
      `--memory.max-traces=${updates}`,
      "--log-level=error",
      `--collector.otlp.http.host-port=127.0.0.1:${http}`,
      `--query.http-server.host-port=127.0.0.1:${query}`,
      ...unused.map((name, index) => `--${name}.host-port=127.0.0.1:${others[index]}`),
    ],
    { env: { SPAN_STORAGE_TYPE: "memory" }, stdio: "ignore" },
  );
  process.on("exit", () => child.kill("SIGKILL"));
  const api = `http://127.0.0.1:${query}/api`;
  await until("Jaeger", async () => ((await fetch(`${api}/services`)).ok ? true : undefined));
  const traces = bodies.filter(({ path }) => path.endsWith("/v1/traces"));
  const { cpuSeconds: used } = await flood(child.pid ?? 0, `http://127.0.0.1:${http}`, traces, async () =>
    (await fetch(`${api}/traces/${lastTrace}`)).ok ? true : undefined,
  );
  child.kill("SIGTERM");
  await once(child, "exit");
  return spans / used;
}
