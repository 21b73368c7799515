import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers, freePorts, start, until } from "../../grafana/testing/children.ts";
import { programme, type Act, type Form, type Stage } from "./acts.ts";
import { createChance, type Chance } from "./chance.ts";
import { balance, type Balance, type Happened, type NightRecord } from "./ledger.ts";
import type { Machine, Surroundings } from "./machine.ts";
import { createPeople, pause } from "./people.ts";
import { ALERTS, createTelegram } from "./telegram.ts";
import type { Told } from "./told.ts";
import { startTown } from "./town.ts";
import { everythingAnswered, everythingOver, telemetryOf, watchChat, watchDrops } from "./watch.ts";
import { startWire } from "./wire.ts";

const root = join(import.meta.dirname, "../..");

const LOOPBACK = { listen: "127.0.0.1", name: "127.0.0.1" };

export interface NightOptions {
  seed: number;
  form: Form;
  /** Starts the product in these surroundings. */
  build: (around: Surroundings) => Promise<Machine>;
  /** Where the town and the way to Telegram listen, and how the product calls that; default: 127.0.0.1. */
  host?: { listen: string; name: string };
  /** Told of each act as it begins. */
  say?: (line: string) => void;
  /** Ends it early, and everything that it started. */
  signal?: AbortSignal;
}
export interface Night {
  seed: number;
  /** Unix milliseconds, the zero of the table. */
  fromMs: number;
  record: NightRecord;
  balance: Balance;
  /** Resident MiB at dusk and at dawn. */
  memory: Record<"bot" | "sidecar", [number, number]>;
  /** Acts that this machine cannot play. */
  skipped: string[];
}

/** One night from dusk to dawn. What goes wrong is in the balance; it rejects only when the night could not begin. */
export async function runNight(options: NightOptions): Promise<Night> {
  const opened: (() => unknown)[] = [];
  try {
    const stage = await raise(options, opened);
    const { signal } = options;
    const interrupted = new Promise<never>((_, reject) => {
      const end = (): void => reject(new Error("interrupted"));
      if (signal?.aborted) end();
      signal?.addEventListener("abort", end, { once: true });
    });
    return await Promise.race([live(stage, options), interrupted]);
  } finally {
    for (const close of opened.toReversed())
      await Promise.try(close).catch((error: unknown) => options.say?.(`left behind: ${(error as Error).message}`));
  }
}

/** Everything that an act may touch, running; `opened` ends it in reverse order. */
async function raise({ seed, form, build, host = LOOPBACK, say = () => {} }: NightOptions, opened: (() => unknown)[]) {
  const scratch = mkdtempSync(join(tmpdir(), "gramwatch-night-"));
  opened.push(() => rmSync(scratch, { recursive: true }));
  const [apiPort = 0, controlPort = 0] = await freePorts(2);
  const fake = start("fake-telegram", [process.execPath, join(root, "fake-telegram/main.ts")], {
    env: {
      PATH: process.env["PATH"] ?? "",
      FAKE_TELEGRAM_PORT: String(apiPort),
      FAKE_TELEGRAM_CONTROL_PORT: String(controlPort),
    },
    logFile: join(scratch, "fake-telegram.log"),
    cwd: root,
  });
  opened.push(() => fake.stop());
  await until("fake-telegram", () => answers(`http://127.0.0.1:${controlPort}/state`), { everyMs: 50 });
  const telegram = createTelegram(`http://127.0.0.1:${controlPort}`);
  const wire = await startWire(apiPort, host.listen);
  opened.push(() => wire.close());
  const town = await startTown(host.listen);
  opened.push(() => town.close());
  say(`seed ${seed}: starting everything …`);
  const machine = await build({
    apiRoot: `http://${host.name}:${wire.port}`,
    tokens: await telegram.tokens(),
    alertChat: ALERTS,
    town: `http://${host.name}:${town.port}`,
    controlTarget: `${host.name}:${town.port}`,
    disconnectedAfter: form.disconnectedAfter,
  });
  opened.push(() => machine.close());
  const chat = watchChat(telegram);
  opened.push(() => chat.stop());
  await until("the bot is connected", async () => (await machine.botHealth()).telegram.connected);
  const drops = watchDrops(machine);
  opened.push(() => drops.stop());
  const dusk = await machine.memory();
  const people = createPeople(telegram, createChance(seed + 1));
  opened.push(() => people.stop());
  const told = (): Told[] => [...chat.told, ...town.hooks].sort((a, b) => a.atMs - b.atMs);
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  return {
    form,
    chance: createChance(seed),
    machine,
    telegram,
    apiUrl,
    wire,
    town,
    people,
    holes: [],
    told,
    drops,
    dusk,
  };
}

/** All acts, then dawn: everything over, everybody answered, the books closed. */
async function live(stage: Awaited<ReturnType<typeof raise>>, { seed, say = () => {} }: NightOptions): Promise<Night> {
  const { machine, telegram, people, town, told, holes, drops, dusk } = stage;
  const fromMs = Date.now();
  const happened = await playAll(stage, (line) => say(`${clock(Date.now() - fromMs)}  ${line}`));
  say(`${clock(Date.now() - fromMs)}  dawn`);
  await people.stop();
  if (!happened.some(isCutShort)) await everythingOver(told);
  const answered = await everythingAnswered(telegram, people.said);
  const dawn = await machine.memory();
  const telemetry = await telemetryOf(machine, fromMs, people.said.length, drops.total);
  const heartbeats = { ...town.heartbeats };
  const record = { happened, said: people.said, answered, told: told(), holes, telemetry, heartbeats };
  return {
    seed,
    fromMs,
    record,
    balance: balance(record),
    memory: { bot: [dusk.bot, dawn.bot], sidecar: [dusk.sidecar, dawn.sidecar] },
    skipped: typeof machine.disk === "string" ? [`the bot's disk fills up: ${machine.disk}`] : [],
  };
}

async function playAll(stage: Stage, say: (line: string) => void): Promise<Happened[]> {
  const { chance, form, machine } = stage;
  const happened: Happened[] = [];
  const play = async ({ run, ...act }: Act, its: Chance): Promise<void> => {
    const fromMs = Date.now();
    say(act.name);
    try {
      const note = await run({ ...stage, chance: its });
      happened.push({ ...act, fromMs, toMs: Date.now(), note: note ?? undefined });
    } catch (error) {
      happened.push({ ...act, fromMs, toMs: Date.now(), failed: (error as Error).message });
      say(`it did not come to its end\n${await machine.said()}`);
    }
  };
  for (const group of programme(stage)) {
    // Each with chances of its own: how many one draws must not change what comes after.
    await Promise.all(group.map((act) => play(act, createChance(Math.floor(chance.next() * 1e9)))));
    // Who knows what it left behind: the books are closed on what there was.
    if (happened.some(isCutShort)) break;
    await pause(chance.between(...form.pauseMs));
  }
  return happened;
}

const isCutShort = ({ failed }: Happened): boolean => failed !== undefined;

export const clock = (ms: number): string =>
  `${Math.floor(ms / 60_000)}:${(Math.floor(ms / 1000) % 60).toString().padStart(2, "0")}`;
