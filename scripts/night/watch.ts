import { attributes as names, metrics } from "@gramwatch/otel/names.ts";
import { promName } from "@gramwatch/otel/prom-name.ts";
import { until } from "../../grafana/testing/children.ts";
import type { Answered, NightRecord, Said } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import { pause } from "./people.ts";
import { ALERTS, type Telegram } from "./telegram.ts";
import { readMessage, type Told } from "./told.ts";

/** Looks again and again until `stop`; a look that fails is made again. */
function watch(look: () => Promise<void>, everyMs: number): { stop: () => Promise<void> } {
  const end = new AbortController();
  const looking = (async (): Promise<void> => {
    while (!end.signal.aborted) {
      await look().catch(() => {});
      await pause(everyMs, end.signal);
    }
  })();
  return {
    async stop() {
      end.abort();
      await looking;
    },
  };
}

/** Every message of the alert chat as it was when it came, with the cause and the trace that an edit gave it later. */
export function watchChat(telegram: Telegram) {
  const told: Told[] = [];
  const seen = new Map<number, Told[]>();
  const { stop } = watch(async () => {
    for (const { message_id: id, text = "", from } of await telegram.messages(ALERTS, "alerts")) {
      if (!from?.is_bot) continue;
      const now = readMessage(text, Date.now());
      const first = seen.get(id);
      if (first === undefined) {
        seen.set(id, now);
        told.push(...now);
      } else if (first[0] !== undefined && now[0]?.what === first[0].what) {
        // Once it is over the message says so instead; what it said while it was open is what people knew.
        const { cause, traceId = first[0].traceId } = now[0];
        Object.assign(first[0], { cause, ...(traceId !== undefined && { traceId }) });
      }
    }
  }, 200);
  return { told, stop };
}

/** What the bot says that it lost: the last that each of its processes said. */
export function watchDrops(machine: Machine) {
  const byInstance = new Map<string, { spans: number; logs: number }>();
  const { stop } = watch(async () => {
    const { instance, telemetry } = await machine.botHealth();
    byInstance.set(instance, telemetry.dropped);
  }, 500);
  return {
    stop,
    total: () =>
      [...byInstance.values()].reduce((sum, { spans, logs }) => ({ spans: sum.spans + spans, logs: sum.logs + logs }), {
        spans: 0,
        logs: 0,
      }),
  };
}

/** Every firing has its end, in every channel that heard of it. What is not over by then, the balance says. */
export async function everythingOver(told: () => Told[]): Promise<void> {
  const open = (): string[] => {
    const ends = new Map<string, boolean>();
    for (const { incident, channel, what } of told())
      ends.set(`${incident} ${channel}`, what === "resolved" || what === "missed");
    return [...ends].flatMap(([key, over]) => (over ? [] : [key]));
  };
  await until("the end of every alert", () => open().length === 0, { deadlineMs: 120_000 }).catch(() => {});
}

/** What people were answered, once everybody was or nobody will be any more. */
export async function everythingAnswered(telegram: Telegram, said: Said[]): Promise<Answered[]> {
  const chats = new Set(said.map(({ chat }) => chat));
  let answers: Answered[] = [];
  const open = async (): Promise<Said[]> => {
    const all = await Promise.all(
      [...chats].map(async (chat) =>
        (await telegram.messages(chat, "shop")).flatMap(({ from, text = "", date }) =>
          from?.is_bot ? [{ chat, text, atMs: date * 1000 }] : [],
        ),
      ),
    );
    answers = all.flat();
    return said.filter(({ chat, answer }) => !answers.some((one) => one.chat === chat && answer.test(one.text)));
  };
  await until("an answer to everything", async () => (await open()).length === 0, { deadlineMs: 45_000 }).catch(
    () => {},
  );
  return answers;
}

/** What the engines have, once they have everything or nothing more comes. */
export async function telemetryOf(
  machine: Machine,
  fromMs: number,
  said: number,
  dropped: () => { spans: number; logs: number },
): Promise<NightRecord["telemetry"]> {
  const { engines } = machine;
  const counter = `${promName(metrics.processDuration)}_count`;
  const look = async (): Promise<NightRecord["telemetry"]> => {
    const range = { fromMs: fromMs - 60_000, toMs: Date.now() + 1000 };
    const [spans, lines, counted, printed] = await Promise.all([
      engines.traces.spans(range),
      engines.logs.lines('{service_name="bot"}', range, 5000),
      engines.metrics.instant(`sum(max_over_time(${counter}{service_name="bot"}[1h]))`, Date.now()),
      machine.linesPrinted(),
    ]);
    return {
      handlings: spans.flatMap(({ spanId, attributes }) =>
        attributes[names.operationType] === "process"
          ? [
              {
                spanId,
                updateId: Number(attributes[names.updateId]),
                replayed: attributes[names.replayed] === true,
              },
            ]
          : [],
      ),
      handled: counted[0]?.points[0]?.[1] ?? 0,
      linesPrinted: printed,
      linesArrived: lines.length,
      dropped: dropped(),
    };
  };
  let last = await look();
  await until(
    "all telemetry",
    async () => {
      last = await look();
      return last.handlings.length >= said && last.handled >= said && last.linesArrived >= last.linesPrinted;
    },
    { deadlineMs: 20_000, everyMs: 1000 },
  ).catch(() => {});
  return last;
}
