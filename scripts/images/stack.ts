import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FakeTelegram } from "../../fake-telegram/mod.ts";
import { type Engine, type Ran, root } from "./engine.ts";

/** Where Grafana and Tempo cannot be pulled: without the one, and Jaeger in the place of the other. */
const WITHOUT_THEM = `
  grafana: !reset null
  tempo: !reset null
  jaeger:
    image: jaegertracing/all-in-one:1.76.0
    command: ["--collector.otlp.http.host-port=0.0.0.0:4318", "--query.http-server.host-port=0.0.0.0:16686"]
    networks: { obs: { aliases: [tempo] } }
`;

/** What a test changes about the shipped file: where Telegram and the secrets are, and how long an outage is. */
const override = (secrets: string, standsIn: boolean): string => `
services:
  bot:
    extra_hosts: &hosts ["telegram.test:host-gateway"]
    environment: &often { OTEL_METRIC_EXPORT_INTERVAL: "1000", OTEL_BSP_SCHEDULE_DELAY: "200", OTEL_EXPORTER_OTLP_TIMEOUT: "2000" }
  sidecar:
    extra_hosts: *hosts
    environment: *often
${standsIn ? WITHOUT_THEM : ""}
secrets:
${["bot_token", "alert_bot_token", "api_token", "grafana_password"].map((name) => `  ${name}: { file: "${secrets}/${name}" }`).join("\n")}
`;

/** A next version that is built in no time, and that may be broken. */
const NEXT = `
services:
  bot:
    build:
      target: !reset null
      dockerfile_inline: |
        FROM gramwatch/bot:test
        \${BREAK-}
  sidecar:
    build:
      target: !reset null
      dockerfile_inline: FROM gramwatch/sidecar:test
`;

/**
 * Lets containers reach a server on this machine's loopback: the bridge's own address, one port, forwarded.
 * `port`: where they find it under the name telegram.test.
 */
export async function openToContainers({ docker }: Engine, port: number): Promise<{ port: number; close(): void }> {
  const gateway = await docker(["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]);
  const sockets = new Set<Socket>();
  const server = createServer((inside) => {
    const outside = connect(port, "127.0.0.1");
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    }
    inside.pipe(outside).pipe(inside);
    inside.on("close", () => outside.destroy());
    outside.on("close", () => inside.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, gateway, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export interface StackOptions {
  project: string;
  telegram: FakeTelegram;
  telegramPort: number;
  secrets: string;
  consolePort: number;
  grafanaPort: number;
}

/** The shipped compose file with a test's override. */
export function createStack(engine: Engine, options: StackOptions) {
  const dir = mkdtempSync(join(tmpdir(), "gramwatch-stack-"));
  const file = join(dir, "override.yaml");
  writeFileSync(file, override(options.secrets, engine.standsIn));
  const env = {
    GRAMWATCH_VERSION: "test",
    TELEGRAM_API_ROOT: `http://telegram.test:${options.telegramPort}`,
    ALERT_CHAT_ID: "4242",
    BOT_ADMINS: "4242",
    DISCONNECTED_AFTER: "3s",
    CONSOLE_PORT: String(options.consolePort),
    GRAFANA_PORT: String(options.grafanaPort),
  };
  const argumentsOf = (shipped: string[]): string[] => [
    ...`compose --project-name ${options.project} --env-file /dev/null`.split(" "),
    ...[...shipped, file].flatMap((path) => ["--file", path]),
  ];
  const composing =
    (...shipped: string[]) =>
    (...args: string[]): Promise<string> =>
      engine.docker([...argumentsOf(shipped), ...args], env);
  const compose = composing("docker-compose.prod.yml");
  const next = join(dir, "next.yaml");
  writeFileSync(next, NEXT);
  return {
    compose,
    /** For commands whose exit code matters: `engine.attempt([...arguments, …], env)`, over the small stack. */
    arguments: argumentsOf(["docker-compose.prod.yml", "docker-compose.lite.yml"]),
    env,
    /** `scripts/update.sh` over the small stack. `broken`: a line of the next version's Dockerfile. `registry`: its prefix. */
    async update(version: string, { broken = "", registry = "" } = {}): Promise<Ran> {
      const given = {
        COMPOSE_FILE: `docker-compose.prod.yml:docker-compose.lite.yml:${file}:${next}`,
        COMPOSE_PROJECT_NAME: options.project,
        COMPOSE_ENV_FILES: join(dir, "env"),
        UPDATE_TIMEOUT_SECONDS: "30",
        BREAK: broken,
        GRAMWATCH_REGISTRY: registry,
      };
      const { GRAMWATCH_VERSION, ...rest } = env;
      if (!existsSync(given.COMPOSE_ENV_FILES))
        writeFileSync(given.COMPOSE_ENV_FILES, `GRAMWATCH_VERSION=${GRAMWATCH_VERSION}\n`);
      const child = spawn(join(root, "scripts", "update.sh"), [version], { env: { ...engine.env, ...rest, ...given } });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (part: Buffer) => (stdout += part.toString()));
      child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
      const [code] = (await once(child, "close")) as [number];
      return { code, stdout, stderr };
    },
    lite: composing("docker-compose.prod.yml", "docker-compose.lite.yml"),
    /** The body of an address on the stack's own network, asked from inside it. */
    get: (url: string): Promise<string> =>
      compose(
        "exec",
        "--no-TTY",
        "sidecar",
        "/nodejs/bin/node",
        "--eval",
        `fetch(${JSON.stringify(url)}).then((answer) => answer.text()).then((text) => process.stdout.write(text))`,
      ),
    async remove(): Promise<void> {
      await compose("down", "--volumes", "--timeout", "5").finally(() => rmSync(dir, { recursive: true }));
    },
  };
}
