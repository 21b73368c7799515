import type { Filter } from "grammy";
import type { BotContext } from "../context.ts";
import { rich } from "../html.ts";
import type { Transcriber } from "../transcribe.ts";

/** getFile serves at most 20 MB; five minutes of Telegram's Opus are about 1 MB. */
const MAX_BYTES = 20_000_000;
const MAX_SECONDS = 300;

export interface VoiceDeps {
  /** undefined: no TRANSCRIBE_URL. */
  transcriber: Transcriber | undefined;
  /** Downloads by the path that getFile gave; the audio stays in memory and never touches the disk. */
  download: (filePath: string, options: { maxBytes: number; signal: AbortSignal }) => Promise<Uint8Array>;
}

/** A voice note is answered with its text. */
export function createVoiceHandler({ transcriber, download }: VoiceDeps) {
  return async (ctx: Filter<BotContext, "message:voice">): Promise<void> => {
    if (transcriber === undefined) return ctx.say(rich`I cannot listen to voice notes here. Please write.`);
    const { duration, file_size: size = 0 } = ctx.message.voice;
    if (duration > MAX_SECONDS || size > MAX_BYTES) {
      return ctx.say(rich`That voice note is too long for me: at most ${MAX_SECONDS / 60} minutes.`);
    }
    // Cosmetic: whether "typing…" is shown must not decide whether the text comes.
    await ctx.replyWithChatAction("typing").catch(() => {});
    const { file_path: path } = await ctx.getFile();
    if (path === undefined) return ctx.say(rich`Telegram no longer has that voice note. Please send it again.`);
    const audio = await download(path, { maxBytes: MAX_BYTES, signal: ctx.signal });
    const text = await transcriber.transcribe(audio, "voice.ogg", ctx.signal);
    await ctx.say(text === "" ? rich`I heard nothing in it.` : rich`${text}`);
  };
}
