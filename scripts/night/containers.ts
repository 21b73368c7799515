import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../grafana/runner/engines.ts";
import { answers, freePorts, until } from "../../grafana/testing/children.ts";
import { buildImages, type Engine, importStack } from "../images/engine.ts";
import { countLines, RULES, type BotHealth, type Machine, type Surroundings } from "./machine.ts";

const DISK_MIB = 32;

/** Where the product in its containers finds what runs on this machine. */
export async function hostOf({ docker }: Engine): Promise<{ listen: string; name: string }> {
  const format = "{{(index .IPAM.Config 0).Gateway}}";
  return { listen: await docker(["network", "inspect", "bridge", "--format", format]), name: "night.test" };
}

/** The shipped compose file with the images built from here; Jaeger is in Tempo's place, and nobody looks at Grafana. */
export async function startContainers(engine: Engine, around: Surroundings): Promise<Machine> {
  await buildImages(engine);
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-night-"));
  const write = (name: string, content: string): string => {
    const path = join(dir, name);
    writeFileSync(path, content);
    chmodSync(path, 0o444);
    return path;
  };
  const [bot = 0, console = 0, prometheus = 0, loki = 0, jaeger = 0] = await freePorts(5);
  const ports = { bot, console, prometheus, loki, jaeger };
  const secrets = {
    bot_token: around.tokens["shop"] ?? "",
    alert_bot_token: around.tokens["alerts"] ?? "",
    api_token: "a-token-for-the-console-of-the-night",
    grafana_password: "nobody-looks",
  };
  for (const [name, value] of Object.entries(secrets)) write(name, value);
  write("gramwatch.yaml", RULES);
  const file = write("override.yaml", override(dir, ports, Object.keys(secrets)));
  const env = {
    GRAMWATCH_VERSION: "test",
    TELEGRAM_API_ROOT: around.apiRoot,
    ALERT_CHAT_ID: String(around.alertChat),
    ALERT_WEBHOOK_URL: `${around.town}/pager`,
    HEARTBEAT_URL: `${around.town}/beat/main`,
    DELIVERY_HEARTBEAT_URL: `${around.town}/beat/delivery`,
    CONTROL_TARGETS: around.controlTarget,
    DEPENDENCIES: `whisper=${around.town}/whisper/health,payments=${around.town}/payments/health`,
    TRANSCRIBE_URL: `${around.town}/whisper`,
    DISCONNECTED_AFTER: around.disconnectedAfter,
    ERRORS_WINDOW: "60s",
    BOT_RATE_LIMIT: "100000/60s",
    BACKUP_AT: "off",
    SIDECAR_CONFIG: "/etc/gramwatch.yaml",
    CONSOLE_PORT: String(ports.console),
  };
  const compose = (...args: string[]): Promise<string> => {
    const files = ["docker-compose.prod.yml", file].flatMap((path) => ["--file", path]);
    const project = `compose --project-name gramwatch-night-${process.pid} --env-file /dev/null`.split(" ");
    return engine.docker([...project, ...files, ...args], env);
  };
  async function close(): Promise<void> {
    await compose("down", "--volumes", "--timeout", "30").finally(() => rmSync(dir, { recursive: true }));
  }
  const alive = (name: "bot" | "console"): Promise<unknown> =>
    until(`the ${name} lives`, () => answers(`http://127.0.0.1:${ports[name]}/livez`));
  const node = (service: string, script: string): Promise<string> =>
    compose("exec", "--no-TTY", service, "/nodejs/bin/node", "--eval", script);
  const residentMiB = async (service: string): Promise<number> => {
    const status = `process.stdout.write(require("fs").readFileSync("/proc/1/status", "utf8"))`;
    return Number(/^VmRSS:\s+(\d+)/m.exec(await node(service, status))?.[1]) / 1024;
  };
  try {
    const images = (await compose("config", "--images")).split("\n");
    const foreign = images.filter((image) => !image.startsWith("gramwatch/"));
    await importStack(engine, foreign);
    await compose("up", "--detach", "--wait", "--wait-timeout", "120", "--no-build", "--quiet-pull");
  } catch (error) {
    const said = await compose("logs", "--tail", "20").catch(String);
    await close();
    throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
  }

  return {
    engines: connect({
      prometheus: `http://127.0.0.1:${ports.prometheus}`,
      loki: `http://127.0.0.1:${ports.loki}`,
      jaeger: `http://127.0.0.1:${ports.jaeger}`,
    }),
    botHealth: async () =>
      (await (
        await fetch(`http://127.0.0.1:${ports.bot}/health`, { signal: AbortSignal.timeout(2000) })
      ).json()) as BotHealth,
    async deployBot() {
      await compose("stop", "bot");
      const container = await compose("ps", "--all", "--quiet", "bot");
      const code = await engine.docker(["inspect", "--format", "{{.State.ExitCode}}", container]);
      await compose("start", "bot");
      await alive("bot");
      return Number(code);
    },
    killSidecar: () => compose("kill", "sidecar").then(() => {}),
    async startSidecar() {
      await compose("start", "sidecar");
      await alive("console");
    },
    stopCollector: () => compose("stop", "collector").then(() => {}),
    startCollector: () => compose("start", "collector").then(() => {}),
    disk: {
      // Piece by piece: what is written to a disk in memory counts for the container's limit.
      fill: (leftMiB) =>
        node(
          "bot",
          `const fs = require("fs"), { bavail, bsize } = fs.statfsSync("/data"), piece = Buffer.alloc(65536);
           const file = fs.openSync("/data/ballast", "w");
           for (let left = bavail * bsize - ${leftMiB * 1024 * 1024}; left > 0; left -= piece.length) 
             try { fs.writeSync(file, piece, 0, Math.min(left, piece.length)); }
             catch (error) { if (error.code === "ENOSPC") break; throw error; } // the bot was faster`,
        ).then(() => {}),
      free: () => node("bot", `require("fs").rmSync("/data/ballast")`).then(() => {}),
    },
    linesPrinted: async () => countLines(await compose("logs", "--no-log-prefix", "bot")),
    memory: async () => ({ bot: await residentMiB("bot"), sidecar: await residentMiB("sidecar") }),
    said: () => compose("logs", "--tail", "30", "bot", "sidecar").catch(String),
    close,
  };
}

/** What the night changes about the shipped file: where things are, how often telemetry leaves, how small the disk is. */
const override = (
  dir: string,
  ports: Record<"bot" | "prometheus" | "loki" | "jaeger", number>,
  secrets: string[],
): string => `
services:
  bot:
    extra_hosts: &hosts ["night.test:host-gateway"]
    environment: &often
      NODE_ENV: development # /boom is not there in production
      OTEL_METRIC_EXPORT_INTERVAL: "2000"
      OTEL_BSP_SCHEDULE_DELAY: "200"
      OTEL_BLRP_SCHEDULE_DELAY: "200"
    ports: ["127.0.0.1:${ports.bot}:8080"]
  sidecar:
    extra_hosts: *hosts
    environment: *often
    volumes: ["${dir}/gramwatch.yaml:/etc/gramwatch.yaml:ro"]
  prometheus: { networks: [edge], ports: ["127.0.0.1:${ports.prometheus}:9090"] }
  loki: { networks: [edge], ports: ["127.0.0.1:${ports.loki}:3100"] }
  jaeger:
    image: jaegertracing/all-in-one:1.76.0
    command: ["--memory.max-traces=100000", "--collector.otlp.http.host-port=0.0.0.0:4318", "--query.http-server.host-port=0.0.0.0:16686"]
    networks: { edge: {}, obs: { aliases: [tempo] } }
    ports: ["127.0.0.1:${ports.jaeger}:16686"]
  grafana: !reset null
  tempo: !reset null
volumes:
  bot-data: { driver_opts: { type: tmpfs, device: tmpfs, o: "size=${DISK_MIB}m,uid=65532,gid=65532,mode=0700" } }
secrets:
${secrets.map((name) => `  ${name}: { file: "${dir}/${name}" }`).join("\n")}
`;
