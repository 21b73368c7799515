import type { Filter } from "grammy";
import type { BotContext } from "../context.ts";
import { rich } from "../html.ts";
import type { Transcriber } from "../transcribe.ts";

/** Five minutes of Telegram's Opus are about 1 MB; getFile would serve 20. */
const MAX_BYTES = 10_000_000;
const MAX_SECONDS = 300;
/** The audio is in memory meanwhile, and a container has little of it. */
const AT_ONCE = 2;

export interface VoiceDeps {
  /** undefined: no TRANSCRIBE_URL. */
  transcriber: Transcriber | undefined;
  /** Downloads by the path that getFile gave; the audio stays in memory and never touches the disk. */
  download: (filePath: string, options: { maxBytes: number; signal: AbortSignal }) => Promise<Uint8Array>;
}

/** A voice note is answered with its text. */
export function createVoiceHandler({ transcriber, download }: VoiceDeps) {
  const inTurn = createTurns(AT_ONCE);
  return async (ctx: Filter<BotContext, "message:voice">): Promise<void> => {
    if (transcriber === undefined) {
      // People in a group speak to each other.
      if (ctx.chat.type !== "private") return;
      return ctx.say(rich`I cannot listen to voice notes here. Please write.`);
    }
    const { duration, file_size: size = 0 } = ctx.message.voice;
    if (duration > MAX_SECONDS || size > MAX_BYTES) {
      return ctx.say(rich`That voice note is too long for me: at most ${MAX_SECONDS / 60} minutes.`);
    }
    // Cosmetic: whether "typing…" is shown must not decide whether the text comes.
    await ctx.replyWithChatAction("typing").catch(() => {});
    const { file_path: path } = await ctx.getFile();
    if (path === undefined) return ctx.say(rich`Telegram no longer has that voice note. Please send it again.`);
    const text = await inTurn(async () => {
      const audio = await download(path, { maxBytes: MAX_BYTES, signal: ctx.signal });
      return transcriber.transcribe(audio, "voice.ogg", ctx.signal);
    });
    await ctx.say(text === "" ? rich`I heard nothing in it.` : rich`${text}`);
  };
}

/** Runs at most `count` at once, the others in the order they came. */
function createTurns(count: number) {
  const waiting: (() => void)[] = [];
  let free = count;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
