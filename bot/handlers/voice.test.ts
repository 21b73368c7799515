import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { startTestBot, until } from "../testing.ts";
import { createVoiceHandler } from "./voice.ts";

/** A Whisper-compatible service. */
async function fakeWhisper(t: TestContext, answer: () => [status: number, body: string]) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("latin1").on("data", (part: string) => (body += part));
    request.on("end", () => {
      if (request.url === "/health") return response.writeHead(answer()[0] < 500 ? 200 : 503).end();
      bodies.push(`${request.method} ${request.url}\n${body}`);
      const [status, text] = answer();
      return response.writeHead(status, { "content-type": "application/json" }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("a voice note is answered with its text; the audio goes to the service as multipart", async (t) => {
  const whisper = await fakeWhisper(t, () => [200, JSON.stringify({ text: " buy <tea> " })]);
  const bot = await startTestBot(t, { env: { TRANSCRIBE_URL: whisper.url } });
  bot.telegram.voice(Buffer.from("OggS-sound"));
  assert.equal((await bot.telegram.called("sendMessage")).params["text"], "buy &lt;tea&gt;");
  const [body = ""] = whisper.bodies;
  assert.match(body, /^POST \/v1\/audio\/transcriptions\n/);
  assert.match(body, /name="file"; filename="voice\.ogg"[\s\S]*OggS-sound/);
  assert.match(body, /name="model"\r\n\r\nwhisper-1/);
});

test("silence, a note that is too long, and a bot without the service are told plainly", async (t) => {
  const whisper = await fakeWhisper(t, () => [200, '{"text":""}']);
  const bot = await startTestBot(t, { env: { TRANSCRIBE_URL: whisper.url } });
  bot.telegram.voice(Buffer.from("x"));
  assert.equal((await bot.telegram.called("sendMessage")).params["text"], "I heard nothing in it.");
  bot.telegram.voice(Buffer.from("x"), { claimedSize: 10_000_001 });
  assert.match(String((await bot.telegram.called("sendMessage", { skip: 1 })).params["text"]), /too long/);
  assert.equal(whisper.bodies.length, 1);
  const without = await startTestBot(t);
  without.telegram.voice(Buffer.from("x"));
  assert.match(String((await without.telegram.called("sendMessage")).params["text"]), /Please write/);
});

test("in a group, where people speak to each other, a bot without the service says nothing", async (t) => {
  const bot = await startTestBot(t);
  const { id } = bot.telegram.group({ id: -500, title: "Team" });
  assert.equal(await bot.ask("/ping", { chat: id }), "pong");
  const [, pong] = bot.telegram.messages(id);
  bot.telegram.voice(Buffer.from("x"), { chat: id, replyTo: pong?.message_id ?? 0 });
  await until(() => bot.app.health.snapshot().updates.handled === 2);
  assert.equal(bot.telegram.calls().filter(({ method }) => method === "sendMessage").length, 1);
});

test("however many notes come at once, two are heard at a time and all are answered", async () => {
  let atWork = 0;
  let most = 0;
  const voice = createVoiceHandler({
    transcriber: { transcribe: () => Promise.resolve("text"), check: () => Promise.resolve() },
    async download() {
      most = Math.max(most, ++atWork);
      await new Promise((resolve) => setImmediate(resolve));
      atWork--;
      return Buffer.from("x");
    },
  });
  let answers = 0;
  const ctx = {
    message: { voice: { duration: 1 } },
    replyWithChatAction: () => Promise.resolve(true),
    getFile: () => Promise.resolve({ file_path: "voice/1" }),
    say: () => Promise.resolve(void answers++),
  };
  await Promise.all(Array.from({ length: 7 }, () => voice(ctx as never)));
  assert.deepEqual([most, answers], [2, 7]);
});

const failures: [title: string, answer: [number, string]][] = [
  ["an error", [500, "{}"]],
  ["no JSON", [200, "<html>"]],
  ["no text", [200, '{"words":[]}']],
  ["far too much", [200, JSON.stringify({ text: "x".repeat(2_000_000) })]],
];
for (const [title, answer] of failures) {
  test(`a service that answers with ${title} is a failed dependency, and the user is told`, async (t) => {
    const whisper = await fakeWhisper(t, () => answer);
    const bot = await startTestBot(t, { env: { TRANSCRIBE_URL: whisper.url } });
    bot.telegram.voice(Buffer.from("x"));
    assert.match(String((await bot.telegram.called("sendMessage")).params["text"]), /something went wrong/);
    await until(() => bot.app.health.snapshot().errors.by_reason["dependency"] === 1);
  });
}

test("readiness depends on the service, and the log says once that it is gone", async (t) => {
  const bot = await startTestBot(t, { env: { TRANSCRIBE_URL: "http://127.0.0.1:1" } });
  await until(() => bot.app.health.snapshot().checks["whisper"]?.ok === false);
  assert.equal(bot.app.health.snapshot().status, "degraded");
  assert.equal(bot.lines.filter((line) => line["dependency"] === "whisper").length, 1);
});
