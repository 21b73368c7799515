import { attributes as names } from "@gramwatch/otel/names.ts";
import { until } from "../../grafana/testing/children.ts";
import type { Chance } from "./chance.ts";
import type { Expected } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import { pause, type People } from "./people.ts";
import type { Telegram } from "./telegram.ts";
import type { Told } from "./told.ts";
import type { Town } from "./town.ts";
import type { Wire } from "./wire.ts";

/** How long things take: all of it in a minute and a half, or with room to breathe. */
export interface Form {
  disconnectedAfter: string;
  /** How Telegram goes away. In a hole the bot's poll hangs for its 45 s before it is given up. */
  away: "cut" | "hole";
  pauseMs: [number, number];
  writesEveryMs: [number, number];
  /** The disk and the dependency at the same time: their alerts go as one message. */
  together: boolean;
}
export const SHORT: Form = {
  disconnectedAfter: "8s",
  away: "cut",
  pauseMs: [300, 1000],
  writesEveryMs: [300, 900],
  together: true,
};
export const FULL: Form = {
  disconnectedAfter: "10s",
  away: "hole",
  pauseMs: [4000, 10_000],
  writesEveryMs: [600, 1500],
  together: false,
};

/** What an act may touch. */
export interface Stage {
  form: Form;
  chance: Chance;
  machine: Machine;
  telegram: Telegram;
  /** The Bot API itself, for whoever has the token and does not come through the wire. */
  apiUrl: string;
  wire: Wire;
  town: Town;
  people: People;
  holes: { fromMs: number; toMs: number }[];
  /** All that was told so far, by every channel. */
  told: () => Told[];
}

export interface Act {
  name: string;
  expected: Expected[];
  /** What may be told of it besides. */
  also?: RegExp[];
  /** Does it, and undoes it; resolves with what else it saw. */
  run: (stage: Stage) => Promise<string | void>;
}

/** The alert of this title has reached that channel; `more`: what it must have besides. */
const heard = (
  { told, form }: Stage,
  { title, rule }: Expected,
  channel: Told["channel"],
  more: (one: Told) => boolean = () => true,
): Promise<Told> =>
  until(
    `${rule} by ${channel}`,
    () => told().find((one) => one.channel === channel && title.test(one.title) && one.what === "firing" && more(one)),
    { deadlineMs: form.away === "hole" ? 90_000 : 45_000, everyMs: 100 },
  );

const answered = ({ telegram }: Stage, chat: number): Promise<unknown> =>
  until(
    `an answer in chat ${chat}`,
    async () => (await telegram.messages(chat, "shop")).some(({ from }) => from?.is_bot),
    { everyMs: 100 },
  );

const connected = ({ machine }: Stage): Promise<unknown> =>
  until("the bot polls again", async () => (await machine.botHealth()).telegram.connected, { deadlineMs: 60_000 });

const quiet: Act = {
  name: "quiet hours",
  expected: [],
  async run({ people, form, chance }) {
    people.pace([1000, 2000]);
    await pause(2000 + chance.between(...form.pauseMs));
    people.pace(form.writesEveryMs);
  },
};

const deploy: Act = {
  name: "a deploy of the bot",
  expected: [],
  async run(stage) {
    const code = await stage.machine.deployBot();
    if (code !== 0) throw new Error(`the bot ended with ${code}`);
    await connected(stage);
    return "SIGTERM, exit 0, new process";
  },
};

const ERRORS: Expected = {
  rule: "TelegramBotErrorsHigh",
  title: /^bot: too many errors/,
  cause: /boom/,
  channels: ["telegram"],
};
const burst: Act = {
  name: "a handler fails",
  expected: [ERRORS],
  async run(stage) {
    const { people, chance, machine } = stage;
    const count = 11 + Math.floor(chance.next() * 4);
    for (let n = 0; n < count; n++) {
      await people.provoke();
      await pause(chance.between(0, 100));
    }
    const { traceId } = await heard(stage, ERRORS, "telegram", ({ traceId }) => traceId !== undefined);
    const failed = await until("the trace that the message leads to", async () => {
      const spans = await machine.engines.traces.byId(traceId ?? "");
      return spans.find(({ status, attributes }) => status === "error" && attributes[names.handler] === "boom");
    });
    return `${count} errors; trace ${failed.traceId.slice(0, 8)} is there`;
  },
};

const PAYMENTS: Expected = {
  rule: "DependencyUnhealthy",
  title: /^payments: unhealthy/,
  cause: /status 503/,
  channels: ["telegram"],
};
const kill: Act = {
  name: "the sidecar is killed while it sends",
  expected: [PAYMENTS],
  async run(stage) {
    const { telegram, town, chance, machine } = stage;
    // Before Telegram has done it, after it has, or so that it is done when nobody waits for the answer any more.
    const moment = chance.pick([
      { name: "before the message was there", when: "before", fault: { kind: "hang" } },
      { name: "after the message was there", when: "after", fault: { kind: "hang" } },
      { name: "and the message came afterwards", when: "before", fault: { kind: "slow", delayMs: 1500 } },
    ] as const);
    const { name, ...how } = moment;
    const mend = await telegram.fault({ bot: "alerts", method: "sendMessage", times: 1, ...how });
    town.ill.add("payments");
    await until(
      "the alert is on its way",
      async () =>
        (await telegram.calls("sendMessage")).some(({ bot, fault }) => bot === "alerts" && fault !== undefined),
      { deadlineMs: 60_000, everyMs: 50 },
    );
    await machine.killSidecar();
    await mend();
    await machine.startSidecar();
    await heard(stage, PAYMENTS, "telegram");
    town.ill.delete("payments");
    return `SIGKILL ${name}`;
  },
};

const DISK: Expected = {
  rule: "DiskSpaceLow",
  title: /disk space is low/,
  cause: /files that are not ours/,
  channels: ["telegram"],
};
const disk: Act = {
  name: "the bot's disk fills up",
  expected: [DISK],
  also: [/^bot\/sqlite: (unhealthy|was unhealthy)/],
  async run(stage) {
    const { machine, chance } = stage;
    const { disk } = machine;
    if (typeof disk === "string") throw new Error(disk);
    const leftMiB = chance.pick([2, 0]);
    await disk.fill(leftMiB);
    await heard(stage, DISK, "telegram");
    await disk.free();
    return leftMiB === 0 ? "to the last byte" : `${leftMiB} MiB left`;
  },
};

const WHISPER: Expected = {
  rule: "DependencyUnhealthy",
  title: /^whisper: unhealthy/,
  cause: /503/,
  channels: ["telegram"],
};
const dependency: Act = {
  name: "the dependency goes down",
  expected: [WHISPER],
  async run(stage) {
    const { town, people } = stage;
    town.ill.add("whisper");
    const { chat } = await people.speak("apology");
    await answered(stage, chat);
    await heard(stage, WHISPER, "telegram");
    town.ill.delete("whisper");
    await answered(stage, (await people.speak("text")).chat);
    return "a voice note failed politely, the next was heard";
  },
};

const CONFLICT: Expected = {
  rule: "TelegramPollingConflict",
  title: /^bot: its polls (are|were) taken by another/,
  cause: /another process polls/,
  channels: ["telegram"],
};
const poller: Act = {
  name: "a second poller",
  expected: [CONFLICT],
  async run(stage) {
    const { apiUrl, chance } = stage;
    const token = (await stage.telegram.tokens())["shop"];
    const end = new AbortController();
    // It confirms nothing: what it steals Telegram gives again.
    const laptop = (async (): Promise<void> => {
      while (!end.signal.aborted) {
        const poll = fetch(`${apiUrl}/bot${token}/getUpdates?timeout=50`, { signal: end.signal });
        await poll.then((answer) => answer.text()).catch(() => undefined);
        await pause(50, end.signal);
      }
    })();
    await heard(stage, CONFLICT, "telegram");
    await pause(chance.between(...stage.form.pauseMs));
    end.abort();
    await laptop;
    await connected(stage);
  },
};

const collector: Act = {
  name: "the Collector restarts",
  expected: [],
  async run(stage) {
    const { people, machine, chance, form } = stage;
    const begun = Date.now();
    await machine.stopCollector();
    await answered(stage, (await people.speak("text")).chat);
    await pause(chance.between(...form.pauseMs));
    await machine.startCollector();
    return `away for ${((Date.now() - begun) / 1000).toFixed(1)} s; the bot answered meanwhile`;
  },
};

const DISCONNECT: Expected = {
  rule: "TelegramBotDisconnected",
  title: /^bot: (was )?disconnected from Telegram/,
  cause: /^telegram_unreachable$|^Telegram (is|was) not reachable from here/,
  channels: ["webhook", "telegram"],
};
const away: Act = {
  name: "Telegram goes away",
  expected: [DISCONNECT],
  async run(stage) {
    const { wire, form, holes, chance } = stage;
    const hole = { fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY };
    holes.push(hole);
    await wire.set(form.away);
    await heard(stage, DISCONNECT, "webhook");
    if (stage.told().some(({ channel, atMs }) => channel === "telegram" && atMs > hole.fromMs + 1000))
      throw new Error("something came through the hole");
    await pause(chance.between(...form.pauseMs));
    await wire.set("open");
    hole.toMs = Date.now();
    await connected(stage);
    return `${form.away === "cut" ? "connections refused" : "black-holed"} for ${((hole.toMs - hole.fromMs) / 1000).toFixed(1)} s`;
  },
};

/**
 * The acts of a night in the order that chance gives them, those of a group at the same time: quiet first, then what
 * takes longest to be over. Telegram goes away before the second poller comes: at thresholds of seconds that one
 * makes the bot come and go, and it would be told as flapping.
 */
export function programme({ chance, machine, form }: Pick<Stage, "chance" | "machine" | "form">): Act[][] {
  const disks = typeof machine.disk === "string" ? [] : [disk];
  const failures = form.together ? [[dependency, ...disks]] : [[dependency], ...disks.map((act) => [act])];
  const order = chance.shuffle([[deploy], [kill], [collector], [away], [poller], ...failures]);
  const at = (act: Act): number => order.findIndex((group) => group.includes(act));
  const [first, second] = [at(away), at(poller)].toSorted((a, b) => a - b) as [number, number];
  return [[quiet], [burst], ...order.with(first, [away]).with(second, [poller])];
}
