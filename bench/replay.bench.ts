import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { globSync } from "node:fs";
import { startFakeTelegram } from "../fake-telegram/mod.ts";
import { report, short, until } from "./figure.ts";
import { bundle, run, scratch, telemetrySink } from "./process.ts";

// kill -9 of the real bot at random moments while people write: is anything lost, out of order, or done twice without
// a mark? Moments come from a seed (BENCH_SEED), so a bad run can be had again.
const kills = Number(process.env["BENCH_KILLS"] ?? (short ? 5 : 100));
const seed = Number(process.env["BENCH_SEED"] ?? 1);
const perSecond = 40;
const chats = 50;
const maxAliveMs = 2_000;
const firstUpdateId = 1_000_000;

bundle();
const telegram = await startFakeTelegram({ bots: ["shop"], firstUpdateId });
const sink = await telemetrySink();
const dataDir = scratch();
telegram.latency({ medianMs: 25 }); // so that there is always something in flight

/** What was said, in order: the n-th has update id `firstUpdateId + n`. */
const said: { chat: number; word: string }[] = [];
/** Answers as people saw them, by chat, oldest first; kept here because the stand-in's journal is bounded. */
const answers = new Map<number, string[]>();
/** References of the apologies: an update that ended three processes is put aside, and its user is told. */
const apologised = new Set<string>();
telegram.onCall(({ method, params, state, status }) => {
  if (method.toLowerCase() !== "sendmessage" || state !== "answered" || status !== 200) return;
  const reference = /mention <code>([0-9a-f]{8})/.exec(String(params["text"]))?.[1];
  if (reference !== undefined) apologised.add(reference);
  const word = /\bw\d+\b/.exec(String(params["text"]))?.[0];
  if (word === undefined) return;
  const chat = Number(params["chat_id"]);
  answers.set(chat, [...(answers.get(chat) ?? []), word]);
});

interface Row {
  update_id: number;
  attempts: number;
  state: string;
  correlation_id: string;
}
const isOver = ({ state }: Row): boolean => state === "done" || state === "dead";

const random = seeded(seed);
const load = setInterval(() => {
  if (telegram.pending() > 200) return; // people wait as well; a backlog of hours would only measure the catching up
  const chat = 5000 + Math.floor(random() * chats);
  const word = `w${said.length}`;
  said.push({ chat, word });
  // The list of a chat is bounded, so all is not put on it; "remind" writes to the database as well.
  telegram.say(random() < 0.3 ? `/add ${word}` : `/remind ${1 + Math.floor(random() * 9)}d ${word}`, { user: chat });
}, 1000 / perSecond);

const start = () =>
  run("dist/bot/main.mjs", {
    TELEGRAM_API_ROOT: telegram.url,
    BOT_TOKEN: telegram.bot().token,
    BOT_HTTP_PORT: "0",
    BOT_RATE_LIMIT: "10000/1s",
    DATA_DIR: dataDir,
    OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
    BACKUP_AT: "off",
  });
let working = 0;
for (let kill = 0; kill < kills; kill++) {
  const before = telegram.calls().at(-1)?.id ?? 0;
  const bot = start();
  // Half of them while it starts, replays and catches up, half later.
  const aliveMs = random() * maxAliveMs;
  if (kill % 2 === 1) {
    await until("the bot at work", () =>
      telegram.calls().find(({ id, method }) => id > before && method === "sendMessage"),
    );
    working++;
  }
  await new Promise((resolve) => setTimeout(resolve, aliveMs));
  if (bot.process.exitCode !== null) throw new Error(`the bot ended by itself: ${bot.output()}`);
  bot.process.kill("SIGKILL");
  await bot.exit;
}
clearInterval(load);
const last = start();
const inbox = () => new DatabaseSync(globSync(join(dataDir, "*.db"))[0] ?? "", { readOnly: true });
let rows: Row[] = [];
await until(
  "the inbox to be empty",
  () => {
    const db = inbox();
    rows = db.prepare("SELECT update_id, attempts, state, correlation_id FROM inbox").all() as unknown as Row[];
    db.close();
    return telegram.pending() === 0 && rows.length === said.length && rows.every(isOver) ? true : undefined;
  },
  240_000,
).catch((error: unknown) => {
  const open = rows.filter((row) => !isOver(row)).length;
  console.log(`${said.length} said, ${telegram.pending()} at Telegram, ${rows.length} in the inbox, ${open} open`);
  throw error;
});
last.process.kill("SIGTERM");
await last.exit;
sink.close();
await telegram.close();

const byUpdate = new Map(rows.map((row) => [row.update_id, row]));
let lost = 0;
let putAside = 0;
let twice = 0;
let unmarked = 0;
for (const [index, { chat, word }] of said.entries()) {
  const count = (answers.get(chat) ?? []).filter((answer) => answer === word).length;
  const row = byUpdate.get(firstUpdateId + index);
  const told = apologised.has(row?.correlation_id.slice(0, 8) ?? "");
  if (count === 0 && !told) lost++;
  if (count === 0 && told) putAside++;
  if (count > 1) twice++;
  // The mark "replayed" is on every handling but the first: so many answers, so many attempts.
  if (count > (row?.attempts ?? 0)) unmarked++;
}
let disordered = 0;
for (const words of answers.values()) {
  const firsts = [...new Set(words)].map((word) => Number(word.slice(1)));
  for (const [index, number] of firsts.entries()) if (index > 0 && number < (firsts[index - 1] ?? 0)) disordered++;
}
const buried = rows.filter(({ state }) => state === "dead").length;
console.log(
  `${kills} kills (${working} of them while at work), ${said.length} updates, seed ${seed}: ` +
    `${twice} answered twice and marked, ${buried} put aside after three crashes`,
);
report({ figure: `updates lost over ${kills} × kill -9`, unit: "updates", ours: lost, goal: 0, must: 0 });
report({ figure: "answers out of order within a chat", unit: "answers", ours: disordered, goal: 0, must: 0 });
report({ figure: "handled twice without the mark", unit: "updates", ours: unmarked, goal: 0, must: 0 });
report({ figure: "put aside after three crashes, the user told", unit: "updates", ours: putAside });
report({ figure: "handled twice, marked", unit: "updates", ours: twice });

/** Mulberry32. */
function seeded(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
