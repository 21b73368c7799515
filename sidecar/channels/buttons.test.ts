import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type FaultRule, startFakeTelegram } from "@gramwatch/fake-telegram";
import type { Press } from "../state/records.ts";
import { pollButtons } from "./buttons.ts";
import { createTelegramChannel } from "./telegram.ts";
import { message, ROUTE } from "./testing.ts";

interface Options {
  admins?: readonly number[];
  chatId?: number;
  fault?: FaultRule;
}

async function pressed(t: TestContext, options: Options = {}) {
  const telegram = await startFakeTelegram({ bots: ["alerts"] });
  if (options.fault) telegram.faults.add(options.fault);
  telegram.person({ id: 42, first_name: "Ada", username: "ada" });
  telegram.say("/start", { user: 42, bot: "alerts" });
  const { token } = telegram.bot("alerts");
  const channel = createTelegramChannel({ apiRoots: [telegram.url], token, chatId: 42 });
  const keyboard = ["a|K7F2|9FQ2", "s8|K7F2|9FQ2", "toString|K7F2|9FQ2"].map((data) => [{ text: data, data }]);
  await channel.send(message({ buttons: keyboard }), ROUTE, AbortSignal.timeout(5000));
  const presses: Press[] = [];
  const warnings: unknown[] = [];
  const pauses: number[] = [];
  const end = new AbortController();
  const polling = pollButtons(
    {
      apiRoot: telegram.url,
      token,
      chatId: () => options.chatId ?? 42,
      admins: [...(options.admins ?? [42])],
      pause: async (ms) => void pauses.push(ms),
      log: { info() {}, warn: (...line: unknown[]) => void warnings.push(line) } as never,
      act: (press) => {
        presses.push(press);
        return "acknowledged";
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
  return { telegram, presses, warnings, pauses, press };
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
    const { presses, warnings, press } = await pressed(t, options);
    const answered = await press("a|K7F2|9FQ2");
    assert.deepEqual(presses, []);
    assert.equal(answered.params["text"], "You may not do this.");
    assert.equal(warnings.length, 1);
  });

for (const [title, fault, pauses] of [
  ["a server error", { kind: "error", code: 500, description: "Internal Server Error: restart" }, [5000, 10_000]],
  ["a page instead of an answer", { kind: "html" }, [5000, 10_000]],
  ["a flood wait", { kind: "flood", retryAfterSeconds: 37 }, [38_000, 38_000]],
  ["a refused token", { kind: "error", code: 401, description: "Unauthorized" }, [900_000, 900_000]],
] as const)
  test(`after ${title} it waits, says so once, and goes on`, async (t) => {
    const rule: FaultRule = { method: "getUpdates", times: 2, fault };
    const { presses, warnings, pauses: waited, press } = await pressed(t, { fault: rule });
    await press("s8|K7F2|9FQ2");
    assert.deepEqual(presses[0], { action: "silence", incident: "K7F2", nonce: "9FQ2", forMs: 28_800_000, by: "@ada" });
    assert.deepEqual(waited, pauses);
    assert.equal(warnings.length, 1);
  });

test("a button that nobody made is unknown", async (t) => {
  const { presses, press } = await pressed(t);
  const answered = await press("toString|K7F2|9FQ2");
  assert.equal(answered.params["text"], "Unknown button.");
  assert.deepEqual(presses, []);
});

test("a pause ends when the process does", async (t) => {
  const end = new AbortController();
  const telegram = await startFakeTelegram({ bots: ["alerts"] });
  telegram.revoke("alerts");
  t.after(() => telegram.close());
  const log = { info() {}, warn: () => setImmediate(() => end.abort()) } as never;
  const options = { apiRoot: telegram.url, token: telegram.bot("alerts").token, chatId: () => 42, admins: [42], log };
  await pollButtons({ ...options, act: () => "" }, end.signal);
});
