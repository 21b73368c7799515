import { createInterface } from "node:readline";
import { Writable } from "node:stream";

export interface Terminal {
  say(text: string): void;
  /** The next line, trimmed. `secret`: not echoed on a real terminal. Rejects when there is no more input. */
  ask(question: string, options?: { secret?: boolean }): Promise<string>;
  close(): void;
}

/** A person at a terminal, or a script on a pipe: lines that come before they are asked for are kept. */
export function openTerminal(input: NodeJS.ReadStream, output: NodeJS.WritableStream): Terminal {
  let muted = false;
  const echo = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!muted) output.write(chunk);
      done();
    },
  });
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let ended = false;
  const reader = createInterface({ input, output: echo, terminal: input.isTTY });
  const end = () => new Error("the input ended before everything was answered; nothing is written");
  reader.on("line", (line) => {
    const next = waiting.shift();
    if (next === undefined) lines.push(line);
    else next.resolve(line);
  });
  reader.on("close", () => {
    ended = true;
    for (const { reject } of waiting.splice(0)) reject(end());
  });
  return {
    say: (text) => void output.write(`${text}\n`),
    async ask(question, { secret = false } = {}) {
      output.write(question);
      muted = secret;
      const kept = lines.shift();
      if (kept === undefined && ended) throw end();
      const line =
        kept ?? (await new Promise<string>((resolve, reject) => waiting.push({ resolve, reject })).finally(quiet));
      muted = false;
      if (secret || !input.isTTY) output.write("\n");
      return line.trim();
    },
    close: () => reader.close(),
  };
  function quiet(): void {
    muted = false;
  }
}
