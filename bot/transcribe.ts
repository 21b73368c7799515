import { Agent, FormData, request } from "undici";
import { HandlingError } from "@gramwatch/otel";

export interface Transcriber {
  /** The spoken text. @throws HandlingError `dependency` */
  transcribe: (audio: Uint8Array, fileName: string, signal: AbortSignal) => Promise<string>;
  /** Whether the service answers; @throws when it does not. */
  check: (signal: AbortSignal) => Promise<void>;
}

export interface TranscriberOptions {
  /** Base URL of a service that speaks OpenAI's `POST /v1/audio/transcriptions`. */
  url: string;
  timeoutMs?: number;
}

/** Longest answer that is read: an hour of speech is far below. */
const MAX_ANSWER_BYTES = 1024 * 1024;

export function createTranscriber({ url, timeoutMs = 60_000 }: TranscriberOptions): Transcriber {
  // Without one, undici's request takes the dispatcher that Node's own fetch has installed, which hangs on our FormData.
  const dispatcher = new Agent({ allowH2: false });
  return {
    async transcribe(audio, fileName, signal) {
      const form = new FormData();
      form.append("file", new Blob([audio as Uint8Array<ArrayBuffer>]), fileName);
      form.append("model", "whisper-1"); // required by the interface; services with one model ignore it
      form.append("response_format", "json");
      try {
        const { statusCode, body } = await request(`${url}/v1/audio/transcriptions`, {
          method: "POST",
          dispatcher,
          body: form,
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
        const text = await readText(body);
        if (statusCode !== 200) throw new Error(`the transcription service answered ${statusCode}`);
        const answer = JSON.parse(text) as { text?: unknown };
        if (typeof answer.text !== "string") throw new Error("the transcription service answered without a text");
        return answer.text.trim();
      } catch (error) {
        throw new HandlingError("dependency", "the voice note could not be transcribed", { cause: error });
      }
    },

    async check(signal) {
      // Not every such service has /health; one that answers at all, and not with an error of its own, is there.
      const { statusCode, body } = await request(`${url}/health`, { signal });
      await body.dump();
      if (statusCode >= 500) throw new Error(`answered ${statusCode}`);
    },
  };
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error("the transcription service answered far too much");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
