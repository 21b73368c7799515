import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "../../grafana/runner/engines.ts";
import { answers, freePorts, start, until, type Child } from "../../grafana/testing/children.ts";
import { startStack } from "../../grafana/testing/stack.ts";
import { countLines, RULES, type BotHealth, type Disk, type Machine, type Surroundings } from "./machine.ts";

const root = join(import.meta.dirname, "../..");
const DISK_MIB = 64;

/** Bot, sidecar and the engines as child processes, each started as a user would. */
export async function startProcesses(bin: string, around: Surroundings): Promise<Machine> {
  const [otlpPort = 0, botPort = 0, consolePort = 0] = await freePorts(3);
  const stack = await startStack(bin, `http://127.0.0.1:${otlpPort}`);
  const at = (name: string): string => join(stack.folder, name);
  const botUrl = `http://127.0.0.1:${botPort}`;
  const consoleUrl = `http://127.0.0.1:${consolePort}`;
  for (const folder of ["bot-data", "sidecar-data"]) mkdirSync(at(folder));
  const disk = mountDisk(at("bot-data"));
  writeFileSync(at("gramwatch.yaml"), RULES);
  const common = {
    PATH: process.env["PATH"] ?? "",
    TELEGRAM_API_ROOT: around.apiRoot,
    BOT_TOKEN: around.tokens["shop"] ?? "",
    BACKUP_AT: "off",
    OTEL_EXPORTER_OTLP_ENDPOINT: stack.otlp,
    OTEL_METRIC_EXPORT_INTERVAL: "2000",
    OTEL_BSP_SCHEDULE_DELAY: "200",
    OTEL_BLRP_SCHEDULE_DELAY: "200",
  };
  const begin = (name: "bot" | "sidecar", env: Record<string, string>): Child =>
    start(name, [process.execPath, join(root, name, "main.ts")], {
      env: { ...common, ...env },
      logFile: at(`${name}.log`),
      cwd: root,
    });
  async function alive(child: Child, url: string): Promise<Child> {
    let ended = false;
    void child.exited.then(() => (ended = true));
    await until(`the ${child.name} lives`, () => ended || answers(`${url}/livez`), { everyMs: 50 });
    if (ended) throw new Error(`the ${child.name} ended at its start:\n${child.said()}`);
    return child;
  }
  const startBot = (): Promise<Child> =>
    alive(
      begin("bot", {
        DATA_DIR: at("bot-data"),
        BOT_HTTP_PORT: String(botPort),
        BOT_RATE_LIMIT: "100000/60s",
        TRANSCRIBE_URL: `${around.town}/whisper`,
        SIDECAR_URL: consoleUrl,
      }),
      botUrl,
    );
  const startSidecar = (): Promise<Child> =>
    alive(
      begin("sidecar", {
        DATA_DIR: at("sidecar-data"),
        SIDECAR_CONFIG: at("gramwatch.yaml"),
        BOT_URL: botUrl,
        ALERT_BOT_TOKEN: around.tokens["alerts"] ?? "",
        ALERT_CHAT_ID: String(around.alertChat),
        ALERT_WEBHOOK_URL: `${around.town}/pager`,
        HEARTBEAT_URL: `${around.town}/beat/main`,
        DELIVERY_HEARTBEAT_URL: `${around.town}/beat/delivery`,
        CONTROL_TARGETS: around.controlTarget,
        DEPENDENCIES: `whisper=${around.town}/whisper/health,payments=${around.town}/payments/health`,
        DISK_PATHS: at("bot-data"),
        DISCONNECTED_AFTER: around.disconnectedAfter,
        ERRORS_WINDOW: "60s",
        OTLP_PORT: String(otlpPort),
        CONSOLE_PORT: String(consolePort),
      }),
      consoleUrl,
    );

  let bot: Child | undefined;
  let sidecar: Child | undefined;
  async function close(): Promise<void> {
    await Promise.all([bot?.stop(30_000), sidecar?.stop(30_000)]);
    if (typeof disk !== "string") disk.unmount();
    await stack.close();
  }
  try {
    bot = await startBot();
    sidecar = await startSidecar();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    engines: connect(stack),
    botHealth: async () =>
      (await (await fetch(`${botUrl}/health`, { signal: AbortSignal.timeout(2000) })).json()) as BotHealth,
    async deployBot() {
      const code = (await bot?.stop(30_000)) ?? null;
      bot = await startBot();
      return code;
    },
    killSidecar: async () => sidecar?.kill(),
    async startSidecar() {
      sidecar = await startSidecar();
    },
    stopCollector: () => stack.stop("otelcol"),
    startCollector: () => stack.start("otelcol"),
    disk,
    linesPrinted: async () => countLines(readFileSync(at("bot.log"), "utf8")),
    memory: async () => ({ bot: residentMiB(bot?.pid), sidecar: residentMiB(sidecar?.pid) }),
    said: async () => [bot, sidecar].map((child) => `${child?.name}:\n${ends(child?.said())}`).join("\n\n"),
    close,
  };
}

/** Root alone may mount one. */
function mountDisk(path: string): (Disk & { unmount(): void }) | string {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MIB}m,mode=0700`, "gramwatch-night", path], {
      stdio: "ignore",
    });
  } catch {
    return "user side: needs the permission to mount a small disk";
  }
  const ballast = join(path, "ballast");
  return {
    async fill(leftMiB) {
      const { bavail, bsize } = await statfs(path);
      try {
        writeFileSync(ballast, Buffer.alloc(bavail * bsize - leftMiB * 1024 * 1024));
      } catch (error) {
        // The bot was faster: fuller than full is not possible.
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      }
    },
    free: async () => rmSync(ballast),
    unmount: () => void execFileSync("umount", [path]),
  };
}

const ends = (text = ""): string =>
  text
    .split("\n")
    .map((line) => line.slice(0, 400))
    .join("\n");

/** Linux only; 0: it has ended. */
function residentMiB(pid = 0): number {
  const status = `/proc/${pid}/status`;
  return existsSync(status) ? Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(status, "utf8"))?.[1] ?? 0) / 1024 : 0;
}
