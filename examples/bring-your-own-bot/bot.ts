import { observe } from "@gramwatch/otel";
import { Bot } from "grammy";

const apiRoot = process.env["TELEGRAM_API_ROOT"] ?? "https://api.telegram.org";
const bot = new Bot(process.env["BOT_TOKEN"] ?? "", { client: { apiRoot } });
observe(bot, { name: "echo" });

bot.command("start", (ctx) => ctx.reply("Send me something."));
bot.command("fail", () => {
  throw new Error("as you wished");
});
bot.on("message:text", (ctx) => ctx.reply(ctx.message.text));
bot.catch(({ ctx }) => ctx.reply("That went wrong."));

process.once("SIGINT", () => void bot.stop());
process.once("SIGTERM", () => void bot.stop());
await bot.start();
