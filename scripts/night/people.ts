import type { Chance } from "./chance.ts";
import type { Said } from "./ledger.ts";
import type { Telegram } from "./telegram.ts";

/** People who write all night; whatever is said by anybody goes through here, so that it can be counted. */
export interface People {
  said: Said[];
  /** How long somebody waits before writing, from and to. */
  pace(everyMs: [number, number]): void;
  /** Sends something that makes its handler fail. */
  provoke(): Promise<void>;
  /** A voice note; `answer`: what must come. */
  speak(answer: "text" | "apology"): Promise<Said>;
  stop(): Promise<void>;
}

const CROWD = 12;
const APOLOGY = /something went wrong/;

export function createPeople(telegram: Telegram, chance: Chance): People {
  const said: Said[] = [];
  const end = new AbortController();
  let range: [number, number] = [1000, 2000];
  let strangers = 5000;

  async function note(chat: number, text: string, answer: RegExp, send: () => Promise<unknown>): Promise<Said> {
    const one = { id: said.length, atMs: Date.now(), chat, text, answer };
    said.push(one);
    await send();
    return one;
  }
  function write(): Promise<Said> {
    const chat = 1000 + Math.floor(chance.next() * CROWD);
    const word = `w${said.length}`;
    const text = chance.next() < 0.5 ? `/add ${word}` : `/remind ${1 + Math.floor(chance.next() * 9)}d ${word}`;
    return note(chat, text, new RegExp(`\\b${word}\\b`), () => telegram.say(text, chat));
  }
  async function live(): Promise<void> {
    while (!end.signal.aborted) {
      await write();
      await pause(chance.between(...range), end.signal);
    }
  }
  const living = live();
  living.catch(() => {}); // told by `stop`

  return {
    said,
    pace: (everyMs) => void (range = everyMs),
    async provoke() {
      const chat = strangers++;
      await note(chat, "/boom", APOLOGY, () => telegram.say("/boom", chat));
    },
    speak(answer) {
      const chat = strangers++;
      const content = `voice-note-${chat}`;
      const expected = answer === "text" ? new RegExp(content) : APOLOGY;
      return note(chat, content, expected, () => telegram.voice(content, chat));
    },
    async stop() {
      end.abort();
      await living;
    },
  };
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    if (signal?.aborted) done();
    signal?.addEventListener("abort", done, { once: true });
  });
}
