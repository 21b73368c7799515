import type { TestContext } from "node:test";
import { type FakeTelegram, startFakeTelegram } from "@gramwatch/fake-telegram";
import type { Channel } from "../channels/channel.ts";
import { createTelegramChannel } from "../channels/telegram.ts";
import type { Message } from "../channels/channel.ts";
import type { Sample } from "../probes/probe.ts";
import {
  controlSample,
  createRig,
  fakeClock,
  health,
  healthSample,
  type Rig,
  type RigOptions,
  telegramSample,
  temporaryDir,
} from "./testing.ts";

export const CHAT = 4242;

interface LineOptions extends Partial<RigOptions> {
  telegram?: FakeTelegram;
  chatId?: number;
  seconds?: Channel[];
}

/** Engine, sender and the Telegram channel, against a Bot API on a real socket. */
export async function line(t: TestContext, options: LineOptions = {}) {
  const telegram = options.telegram ?? (await startFakeTelegram({ bots: ["shop", "alerts"] }));
  telegram.person({ id: CHAT, first_name: "Ada" });
  telegram.say("/start", { user: CHAT, bot: "alerts" });
  const { chatId = CHAT, seconds = [], dir = temporaryDir(t), ...rest } = options;
  const channel = createTelegramChannel({ apiRoots: [telegram.url], token: telegram.bot("alerts").token, chatId });
  const rig = createRig({ clock: fakeClock(), ...rest, dir, channels: [channel, ...seconds] });
  t.after(async () => {
    await rig.sender.close();
    rig.close();
    if (options.telegram === undefined) await telegram.close();
  });
  const texts = () =>
    telegram.messages(chatId, "alerts").flatMap((message) => (message.from?.is_bot ? [message.text ?? ""] : []));
  const calls = (method = "sendMessage") => telegram.calls().filter((call) => call.method === method);
  return { telegram, rig, texts, calls, dir };
}

/** All is well. */
export const fine = (rig: Rig): Sample[] => [
  healthSample(rig.at(), health(rig.at())),
  telegramSample(rig.at()),
  controlSample(rig.at(), false),
];
/** No poll has returned since then, though Telegram is reachable. */
export const deaf = (rig: Rig, sinceWallMs: number): Sample[] => [
  healthSample(
    rig.at(),
    health(rig.at(), {
      telegram: {
        connected: false,
        seconds_since_success: (rig.clock.wallMs() - sinceWallMs) / 1000,
        last_success_at: new Date(sinceWallMs).toISOString(),
        in_flight_since: new Date(sinceWallMs).toISOString(),
      },
    }),
  ),
  telegramSample(rig.at()),
  controlSample(rig.at(), false),
];

/** A second channel that only keeps what it gets. */
export function memoryChannel(name = "ntfy"): Channel & { got: Message[] } {
  const got: Message[] = [];
  return {
    name,
    got,
    dialect: "http",
    edits: false,
    digests: false,
    pace: { everyMs: 0, perMinute: Number.POSITIVE_INFINITY },
    async send(message) {
      got.push(message);
      return { answered: true, status: 200, text: "", retryAfter: null };
    },
    close: async () => {},
  };
}
