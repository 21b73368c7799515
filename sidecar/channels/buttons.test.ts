import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { startFakeTelegram } from "@gramwatch/fake-telegram";
import { pollButtons, type Press } from "./buttons.ts";
import { createTelegramChannel } from "./telegram.ts";
import { message, ROUTE } from "./testing.ts";

async function pressed(t: TestContext, options: { admins?: number[]; chatId?: number; answer?: string } = {}) {
  const telegram = await startFakeTelegram({ bots: ["alerts"] });
  telegram.person({ id: 42, first_name: "Ada", username: "ada" });
  telegram.say("/start", { user: 42, bot: "alerts" });
  const { token } = telegram.bot("alerts");
  const channel = createTelegramChannel({ apiRoots: [telegram.url], token, chatId: 42 });
  await channel.send(message(), ROUTE, AbortSignal.timeout(5000));
  const presses: Press[] = [];
  const warnings: unknown[] = [];
  const end = new AbortController();
  const polling = pollButtons(
    {
      apiRoot: telegram.url,
      token,
      chatId: () => options.chatId ?? 42,
      admins: options.admins ?? [42],
      log: { info() {}, warn: (...line: unknown[]) => void warnings.push(line) } as never,
      act: (press) => {
        presses.push(press);
        return options.answer ?? "acknowledged";
      },
    },
    end.signal,
  );
  t.after(async () => {
    end.abort();
    await polling;
    await channel.close();
    await telegram.close();
  });
  const press = async (data: string) => {
    telegram.press(data, { user: 42, bot: "alerts" });
    return telegram.called("answerCallbackQuery");
  };
  return { telegram, presses, warnings, press };
}

test("a press of an admin in the alert chat is acted on and answered", async (t) => {
  const { presses, press, telegram } = await pressed(t);
  const answered = await press("a|K7F2|9FQ2");
  assert.deepEqual(presses, [{ action: "ack", incident: "K7F2", nonce: "9FQ2", forMs: 0, by: "@ada" }]);
  assert.equal(answered.params["text"], "acknowledged");
  const polls = telegram.calls().filter(({ method }) => method === "getUpdates");
  assert.ok(polls.every(({ params }) => String(params["allowed_updates"]).includes("callback_query")));
});

for (const [title, options] of [
  ["somebody else", { admins: [7] }],
  ["an admin in another chat", { chatId: -5 }],
  ["anybody when there are no admins", { admins: [] }],
] as const)
  test(`a press of ${title} is refused with a toast and a log line`, async (t) => {
    const { presses, warnings, press } = await pressed(t, {
      ...options,
      admins: [...(options.admins ?? [42])],
    } as never);
    const answered = await press("a|K7F2|9FQ2");
    assert.deepEqual(presses, []);
    assert.equal(answered.params["text"], "You may not do this.");
    assert.equal(warnings.length, 1);
  });
