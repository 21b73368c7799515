import assert from "node:assert/strict";
import { test } from "node:test";
import { run, sequentialize } from "@grammyjs/runner";
import { Bot } from "grammy";
import { startFakeTelegram } from "./mod.ts";

async function start(t: { after: (fn: () => Promise<void>) => void }) {
  const telegram = await startFakeTelegram({ bots: ["shop"] });
  t.after(() => telegram.close());
  const bot = new Bot(telegram.bot("shop").token, { client: { apiRoot: telegram.url } });
  return { telegram, bot };
}

test("grammY's own polling talks to it unmodified", async (t) => {
  const { telegram, bot } = await start(t);
  bot.command("start", (ctx) =>
    ctx.reply("<b>Hi</b> there", {
      parse_mode: "HTML",
      reply_markup: { inline_keyboard: [[{ text: "More", callback_data: "more" }]] },
    }),
  );
  bot.callbackQuery("more", async (ctx) => {
    await ctx.answerCallbackQuery("Here you are");
    await ctx.editMessageText("More of it");
  });
  const started = bot.start();
  telegram.say("/start");
  await telegram.called("sendMessage");
  telegram.press("more");
  await telegram.called("editMessageText");
  const [command, reply] = telegram.messages(4242);
  assert.deepEqual(command && "entities" in command && command.entities, [
    { type: "bot_command", offset: 0, length: 6 },
  ]);
  assert.equal(reply && "text" in reply && reply.text, "More of it");
  assert.equal(telegram.callbackAnswers()[0]?.text, "Here you are");
  await bot.stop();
  await started;
  assert.equal(telegram.pending(), 0);
});

test("grammY's runner talks to it unmodified", async (t) => {
  const { telegram, bot } = await start(t);
  bot.use(sequentialize((ctx) => String(ctx.chat?.id)));
  bot.on("message:text", (ctx) => ctx.reply(`echo ${ctx.message.text}`));
  await bot.init();
  const handle = run(bot);
  for (const text of ["one", "two"]) telegram.say(text);
  const second = await telegram.called("sendMessage", { skip: 1 });
  assert.deepEqual(second.params, { chat_id: 4242, text: "echo two" });
  await handle.stop();
});
