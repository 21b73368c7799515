import type { Clock } from "./clock.ts";
import type { People } from "./people.ts";
import { seededRandom } from "./random.ts";

export interface LoadOptions {
  perSecond: number;
  seconds: number;
  seed?: number;
  bot?: string | number;
  /** How many different people write; default 20. */
  people?: number;
  /** What they say; default: a few everyday lines. */
  texts?: readonly string[];
}

const everyday = ["hello", "are you there?", "/start", "/help", "what is the time?", "thanks!"];
const tickMs = 10;

/** People who write all the time. Resolves with what was said when the time is up or `stop` was called. */
export function createLoad(clock: Clock, people: People) {
  const stops = new Set<() => void>();

  function run({
    perSecond,
    seconds,
    seed = 1,
    bot,
    people: crowd = 20,
    texts = everyday,
  }: LoadOptions): Promise<number> {
    const random = seededRandom(seed);
    const startMs = clock.now();
    const total = Math.round(perSecond * seconds);
    let said = 0;
    return new Promise((resolve) => {
      let cancel = clock.after(0, tick);
      const stop = (): void => {
        cancel();
        stops.delete(stop);
        resolve(said);
      };
      stops.add(stop);
      function tick(): void {
        const due = Math.min(total, Math.ceil(((clock.now() - startMs) / 1000) * perSecond));
        for (; said < due; said++) {
          const id = 100_000 + Math.floor(random() * crowd);
          const text = texts[Math.floor(random() * texts.length)]!;
          people.say(text, { user: id, ...(bot === undefined ? {} : { bot }) });
        }
        if (said >= total) stop();
        else cancel = clock.after(tickMs, tick);
      }
    });
  }

  function stopAll(): void {
    for (const stop of stops) stop();
  }

  return { run, stopAll };
}
