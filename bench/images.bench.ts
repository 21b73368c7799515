import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGzip } from "node:zlib";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { buildImages, findEngine } from "../scripts/images/engine.ts";
import { API_TOKEN } from "../scripts/images/scene.ts";
import { quantile, report, short, until } from "./figure.ts";
import { freePort, telemetrySink } from "./process.ts";

// What the images weigh, how soon the bot in its container listens to people, how long it takes to stop, and what both
// containers hold in memory while nothing happens.
const rounds = short ? 2 : 7;
const idleMs = short ? 5_000 : 20_000;

const engine = await findEngine();
if (typeof engine === "string") {
  console.log(`skipped: ${engine}`);
  process.exit(0);
}
const { attempt, docker, exportTo } = engine;
await buildImages(engine);

const scratch = mkdtempSync(join(tmpdir(), "gramwatch-bench-"));
const id = `gramwatch-bench-${process.pid}`;
for (const [target, must, goal] of [
  ["bot", [150, 57], [130, 46]],
  ["sidecar", [153, 58], [133, 47]],
] as const) {
  const tar = join(scratch, `${target}.tar`);
  await docker(["create", "--name", `${id}-${target}`, `gramwatch/${target}:test`]);
  await exportTo(`${id}-${target}`, tar);
  await docker(["rm", `${id}-${target}`]);
  let compressed = 0;
  for await (const part of createReadStream(tar).pipe(createGzip({ level: 6 })) as AsyncIterable<Buffer>)
    compressed += part.length;
  const [size, zipped] = [statSync(tar).size / 1e6, compressed / 1e6];
  report({ figure: `${target} image, unpacked`, unit: "MB", ours: size, goal: goal[0], must: must[0] });
  report({ figure: `${target} image, gzip -6`, unit: "MB", ours: zipped, goal: goal[1], must: must[1] });
}
rmSync(scratch, { recursive: true });

const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
const sink = await telemetrySink();
const [botPort, consolePort, otlpPort] = [await freePort(), await freePort(), await freePort()];
const common = {
  TELEGRAM_API_ROOT: telegram.url,
  BOT_TOKEN: telegram.bot("shop").token,
  SIDECAR_API_TOKEN: API_TOKEN,
  OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
};
const start = (target: string, env: Record<string, unknown>) =>
  docker([
    ...`run --detach --name ${id}-${target} --network host --memory 192m --read-only --cap-drop ALL`.split(" "),
    ..."--security-opt no-new-privileges:true --tmpfs /tmp --volume /data".split(" "),
    ...Object.entries({ ...common, ...env }).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    `gramwatch/${target}:test`,
  ]);
const startBot = () => start("bot", { BOT_HTTP_PORT: botPort, SIDECAR_URL: `http://127.0.0.1:${consolePort}` });
const remove = (target: string) => attempt(["rm", "--force", "--volumes", `${id}-${target}`]);

try {
  const times = { start: [] as number[], stop: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const before = polls().length;
    await startBot();
    const first = await until("the first poll", () => polls()[before]);
    times.start.push(first - Date.parse(await docker(["inspect", "--format", "{{.State.StartedAt}}", `${id}-bot`])));
    await new Promise((resolve) => setTimeout(resolve, 700)); // whatever a start leaves behind is done by then
    const begun = performance.now();
    await docker(["stop", "--time", "30", `${id}-bot`]);
    times.stop.push(performance.now() - begun);
    await remove("bot");
  }
  report({
    figure: "container start to first getUpdates",
    unit: "ms",
    ours: quantile(times.start, 0.5),
    goal: 250,
    must: 400,
  });
  report({ figure: "docker stop of an idle bot, Docker's part included", unit: "ms", ours: quantile(times.stop, 0.5) });

  await start("sidecar", {
    BOT_URL: `http://127.0.0.1:${botPort}`,
    CONSOLE_PORT: consolePort,
    OTLP_PORT: otlpPort,
    ALERT_BOT_TOKEN: telegram.bot("alerts").token,
    ALERT_CHAT_ID: "4242",
  });
  await startBot();
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const [bot, sidecar] = [await memoryOf("bot"), await memoryOf("sidecar")];
  // Node's binary counts in each, though both share it; and freshly written it lies in the page cache in pages of 2 MiB,
  // of which one touched byte counts whole: 55 MB more, until the cache has been read anew. So no "must" here.
  report({ figure: "RSS of both containers, idle", unit: "MB", ours: bot.rss + sidecar.rss, goal: 150 });
  report({ figure: "of it their own, not Node's binary", unit: "MB", ours: bot.own + sidecar.own });
} finally {
  for (const target of ["bot", "sidecar"]) await remove(target);
  sink.close();
  await telegram.close();
}

/** When each poll of the bot began, Unix milliseconds. */
function polls(): number[] {
  const calls = telegram.calls().filter(({ bot, method }) => bot === "shop" && method.toLowerCase() === "getupdates");
  return calls.map(({ atMs }) => atMs);
}

async function memoryOf(target: string) {
  const pid = await docker(["inspect", "--format", "{{.State.Pid}}", `${id}-${target}`]);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (field: string): number =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024) / 1e6;
  return { rss: megabytes("VmRSS"), own: megabytes("RssAnon") };
}
