import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuration } from "../../otel/collector/testing.ts";
import { answers, freePorts, start, until } from "./children.ts";
import type { Child } from "./children.ts";

type EngineName = "otelcol" | "prometheus" | "loki" | "jaeger";
/** The real engines with the shipped files; only ports, paths and the trace exporter's address are ours. */
export interface Stack {
  /** OTLP/HTTP of the Collector. */
  otlp: string;
  collectorHealth: string;
  prometheus: string;
  loki: string;
  jaeger: string;
  /** Where logs and data of everything in the test go. */
  folder: string;
  pids(): Record<EngineName, number>;
  /** Ends one engine; it may be started again on the same ports and data (Jaeger's is in memory). */
  stop(name: EngineName): Promise<void>;
  start(name: EngineName): Promise<void>;
  close(): Promise<void>;
}

/** @param sidecarOtlp base address of the sidecar's OTLP receiver, which the Collector also sends to */
export async function startStack(bin: string, sidecarOtlp: string): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), "gramwatch-stack-"));
  const free = await freePorts(13);
  const port = (): number => free.pop()!;
  const at = (name: number): string => `127.0.0.1:${name}`;
  const http = { collector: port(), health: port(), own: port(), prometheus: port(), loki: port(), query: port() };
  const jaeger = { otlp: port(), admin: port() };
  // Engines listen on gRPC too, whether anybody asks or not.
  const grpc = { collector: port(), loki: port(), jaeger: port(), query: port(), collect: port() };
  const proxy = await scrapeProxy({
    "otel-collector:8888": http.own,
    "prometheus:9090": http.prometheus,
    "loki:3100": http.loki,
  });

  const path = { PATH: process.env["PATH"] ?? "" };
  const dataOf = (name: string): string => {
    const data = join(folder, name);
    mkdirSync(data, { recursive: true });
    return data;
  };
  const recipes: Record<EngineName, { command: [string, ...string[]]; env: Record<string, string>; ready: string }> = {
    otelcol: {
      command: [join(bin, "otelcol"), "--config=collector.yaml"],
      env: {
        COLLECTOR_HTTP_LISTEN: at(http.collector),
        COLLECTOR_GRPC_LISTEN: at(grpc.collector),
        COLLECTOR_HEALTH_LISTEN: at(http.health),
        COLLECTOR_METRICS_HOST: "127.0.0.1",
        COLLECTOR_METRICS_PORT: String(http.own),
        METRICS_OTLP_ENDPOINT: `http://${at(http.prometheus)}/api/v1/otlp`,
        LOGS_OTLP_ENDPOINT: `http://${at(http.loki)}/otlp`,
        TRACES_OTLP_ENDPOINT: `http://${at(jaeger.otlp)}`,
        SIDECAR_OTLP_ENDPOINT: sidecarOtlp,
      },
      ready: `http://${at(http.health)}`,
    },
    prometheus: {
      command: [
        join(bin, "prometheus"),
        "--config.file=prometheus.yaml",
        `--storage.tsdb.path=${dataOf("prometheus")}`,
        `--web.listen-address=${at(http.prometheus)}`,
        "--web.enable-otlp-receiver",
        "--enable-feature=exemplar-storage",
      ],
      env: { HTTP_PROXY: proxy.url },
      ready: `http://${at(http.prometheus)}/-/ready`,
    },
    loki: {
      command: [join(bin, "loki"), "-config.file=loki.yaml", "-config.expand-env=true"],
      env: {
        LOKI_HOST: "127.0.0.1",
        LOKI_PORT: String(http.loki),
        LOKI_GRPC_PORT: String(grpc.loki),
        LOKI_DIR: dataOf("loki"),
      },
      ready: `http://${at(http.loki)}/ready`,
    },
    jaeger: {
      command: [
        join(bin, "jaeger-all-in-one"),
        "--memory.max-traces=100000",
        "--log-level=warn",
        `--collector.otlp.http.host-port=${at(jaeger.otlp)}`,
        `--collector.otlp.grpc.host-port=${at(grpc.jaeger)}`,
        `--query.http-server.host-port=${at(http.query)}`,
        `--query.grpc-server.host-port=${at(grpc.query)}`,
        `--admin.http.host-port=${at(jaeger.admin)}`,
        `--collector.grpc-server.host-port=${at(grpc.collect)}`,
        "--collector.http-server.host-port=",
      ],
      env: { SPAN_STORAGE_TYPE: "memory" },
      ready: `http://${at(jaeger.admin)}/`,
    },
  };
  const running = new Map<EngineName, Child>();

  async function begin(name: EngineName): Promise<void> {
    const { command, env, ready } = recipes[name];
    const child = start(name, command, {
      env: { ...path, ...env },
      logFile: join(folder, `${name}.log`),
      cwd: configuration,
    });
    running.set(name, child);
    let dead = false;
    void child.exited.then(() => (dead = true));
    await until(`${name} is ready`, () => dead || answers(ready), { deadlineMs: 60_000 });
    if (dead) throw new Error(`${name} ended at its start:\n${child.said()}`);
  }

  const stack: Stack = {
    otlp: `http://${at(http.collector)}`,
    collectorHealth: `http://${at(http.health)}`,
    prometheus: `http://${at(http.prometheus)}`,
    loki: `http://${at(http.loki)}`,
    jaeger: `http://${at(http.query)}`,
    folder,
    pids: () => Object.fromEntries([...running].map(([name, { pid }]) => [name, pid])) as Record<EngineName, number>,
    start: begin,
    async stop(name) {
      await running.get(name)?.stop();
      running.delete(name);
    },
    async close() {
      await Promise.all([...running.values()].map((child) => child.stop()));
      await proxy.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all((Object.keys(recipes) as EngineName[]).map(begin));
  } catch (error) {
    await stack.close();
    throw error;
  }
  return stack;
}

/** Prometheus' scrape asks for the names of the compose network; this answers for those that run here. */
async function scrapeProxy(ports: Record<string, number>): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((incoming, answer): void => {
    const { host, pathname } = new URL(incoming.url ?? "/", "http://nobody");
    const port = ports[host];
    if (port === undefined) {
      answer.writeHead(502).end();
      return;
    }
    request({ port, path: pathname, headers: { accept: incoming.headers.accept ?? "*/*" } }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers);
      from.pipe(answer);
    })
      .on("error", () => answer.writeHead(502).end())
      .end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}
