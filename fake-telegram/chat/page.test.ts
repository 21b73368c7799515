import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test, type TestContext } from "node:test";
import axe from "axe-core";
import { chromium, type Browser, type Page } from "playwright-core";
import { serveControl, startFakeTelegram, you } from "../mod.ts";
import { until } from "../testing.ts";

const executablePath = "/usr/bin/chromium";
const skip = existsSync(executablePath) ? false : `no browser at ${executablePath}`;
if (skip) console.log(`chat page: skipped, ${skip}`);
const quiet = "--no-first-run --disable-background-networking --disable-component-update --disable-sync";
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet.split(" ")];

let browser: Browser;
before(async () => {
  if (!skip) browser = await chromium.launch({ executablePath, args });
});
after(() => browser?.close());

/** The page on a running stand-in; `problems` collects errors, policy violations and requests to elsewhere. */
async function open(t: TestContext, hash = "", options: Parameters<Browser["newPage"]>[0] = {}) {
  const telegram = await startFakeTelegram({ bots: ["shop", "alerts"] });
  telegram.person(you);
  telegram.group({ id: -9, title: "Alerts" });
  const control = await serveControl(telegram);
  const page = await browser.newPage(options);
  page.setDefaultTimeout(5000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") problems.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(control.url) && !request.url().startsWith("data:")) problems.push(request.url());
  });
  t.after(async () => {
    await page.close();
    await control.close();
    await telegram.close();
  });
  async function call(method: string, params: object, bot = "shop"): Promise<{ message_id: number }> {
    const answer = await fetch(`${telegram.url}/bot${telegram.bot(bot).token}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(params),
    });
    const { result, description } = (await answer.json()) as { result: { message_id: number }; description?: string };
    assert.equal(description, undefined);
    return result;
  }
  return { telegram, control, page, problems, call, goto: () => page.goto(`${control.url}/${hash}`) };
}

const text = (page: Page, what: string) => page.locator("#messages").getByText(what, { exact: true });

test(
  "a conversation can be held by hand: write, read the answer, press its button, see it edited",
  { skip },
  async (t) => {
    const { telegram, page, problems, call, goto } = await open(t);
    await goto();
    await page.getByRole("button", { name: "/start Start" }).click();
    await text(page, "/start").waitFor();
    assert.equal(telegram.pending("shop"), 1);
    const { message_id } = await call("sendMessage", {
      chat_id: 4242,
      text: "<b>Hello</b>",
      parse_mode: "HTML",
      reply_markup: { inline_keyboard: [[{ text: "More", callback_data: "more" }]] },
    });
    assert.equal(await text(page, "Hello").evaluate((element) => element.tagName), "STRONG");
    await page.getByRole("button", { name: "More" }).click();
    await until(() => telegram.pending("shop") === 2);
    await call("answerCallbackQuery", { callback_query_id: "1", text: "Just a moment" });
    await page.locator("#toast").getByText("Just a moment").waitFor();
    await call("editMessageText", { chat_id: 4242, message_id, text: "More it is" });
    await text(page, "More it is").waitFor();
    assert.equal(await page.locator("#messages .message").count(), 2, "edited in place");
    await call("deleteMessage", { chat_id: 4242, message_id });
    await text(page, "More it is").waitFor({ state: "detached" });
    await page.getByLabel("Message", { exact: true }).fill("bye");
    await page.keyboard.press("Enter");
    await text(page, "bye").waitFor();
    assert.deepEqual(problems, []);
  },
);

test("an alert in the group has working links, also to this machine", { skip }, async (t) => {
  const { page, problems, call, goto } = await open(t, "#-9/");
  await call(
    "sendMessage",
    {
      chat_id: -9,
      text: 'See <a href="https://example.org/x">docs</a>, http://127.0.0.1:8090/trace/ab and http://localhost:3000/d.',
      parse_mode: "HTML",
    },
    "alerts",
  );
  await goto();
  const links = page.locator("#messages a");
  await links.first().waitFor();
  const attributes = await links.evaluateAll((all) => all.map((a) => [a.getAttribute("href"), a.getAttribute("rel")]));
  assert.deepEqual(attributes, [
    ["https://example.org/x", "noopener noreferrer"],
    ["http://127.0.0.1:8090/trace/ab", "noopener noreferrer"],
    ["http://localhost:3000/d", "noopener noreferrer"],
  ]);
  assert.deepEqual(problems, []);
});

test("every entity is shown, and a spoiler only when it is asked for", { skip }, async (t) => {
  const { telegram, page, problems, call, goto } = await open(t);
  telegram.say("/start");
  const html =
    "<i>i</i><u>u</u><s>s</s><code>c</code><pre>p</pre><blockquote>q</blockquote><tg-spoiler>hidden</tg-spoiler> <b>b<i>bi</i></b> /help @someone";
  await call("sendMessage", { chat_id: 4242, text: html, parse_mode: "HTML" });
  await goto();
  const shown = page.locator("#messages .message:not(.own) .text");
  await shown.waitFor();
  const tags = await shown.evaluate((element) =>
    Array.from(element.querySelectorAll("*"), ({ tagName }) => tagName.toLowerCase()),
  );
  for (const tag of ["em", "u", "s", "code", "pre", "blockquote", "strong"]) assert.ok(tags.includes(tag), tag);
  const spoiler = page.locator(".spoiler");
  const colour = (): Promise<string> => page.evaluate("getComputedStyle(document.querySelector('.spoiler')).color");
  const transparent = "rgba(0, 0, 0, 0)";
  assert.equal(await colour(), transparent);
  await spoiler.click();
  assert.notEqual(await colour(), transparent);
  await page.getByRole("button", { name: "/help" }).click();
  await page.locator("#messages .own").nth(1).waitFor();
  assert.deepEqual(problems, []);
});

test("what people and bots write is never markup", { skip }, async (t) => {
  const { telegram, page, problems, goto } = await open(t);
  const evil = "<img src=x onerror=alert(1)>";
  telegram.say(evil, { user: { id: 4242, first_name: evil } });
  telegram.group({ id: -8, title: evil });
  await goto();
  await text(page, evil).waitFor();
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(problems, []);
});

test("switches make faults for the chosen bot, and healing takes all away", { skip }, async (t) => {
  const { telegram, page, problems, goto } = await open(t);
  await goto();
  const flip = (name: string): Promise<void> => page.getByRole("switch", { name }).click();
  await flip("Outage");
  await page.getByRole("switch", { name: "Outage", checked: true }).waitFor();
  await assert.rejects(fetch(telegram.url));
  await flip("Outage");
  await page.getByRole("switch", { name: "Outage", checked: false }).waitFor();
  assert.equal((await fetch(telegram.url)).status, 404);
  await page.getByLabel("Concerning").selectOption("alerts");
  await flip("Flood");
  await flip("Revoke shop");
  await page.getByRole("switch", { name: "Revoke shop", checked: true }).waitFor();
  assert.deepEqual(
    telegram.faults.list().map(({ bot, method, fault }) => [bot, method, fault.kind]),
    [["alerts", "sendMessage", "flood"]],
  );
  assert.equal(telegram.bot("shop").revoked, true);
  await page.getByRole("button", { name: "Heal all" }).click();
  await page.getByRole("switch", { name: "Revoke shop", checked: false }).waitFor();
  assert.deepEqual(telegram.faults.list(), []);
  assert.deepEqual(problems, []);
});

test("calls appear as they are made, with status and fault; quiet polls only when asked for", { skip }, async (t) => {
  const { telegram, page, problems, goto } = await open(t);
  await goto();
  telegram.faults.add({ method: "getMe", fault: { kind: "error", code: 500, description: "Internal Server Error" } });
  for (const method of ["getUpdates", "getMe"]) await fetch(`${telegram.url}/bot${telegram.bot().token}/${method}`);
  const calls = page.locator("#calls li");
  await calls.first().waitFor();
  assert.equal(await calls.count(), 1);
  assert.match((await calls.first().textContent()) ?? "", /getMe shop500.*fault: error\nInternal Server Error/s);
  await page.getByLabel("polls and probes").check();
  assert.equal(await calls.count(), 2);
  assert.deepEqual(problems, []);
});

test("typing is seen in the head, an alert as a dialog, a wrong press as a note", { skip }, async (t) => {
  const { telegram, page, call, goto } = await open(t);
  telegram.say("/start");
  const keys = { inline_keyboard: [[{ text: "Go", callback_data: "go" }]] };
  await call("sendMessage", { chat_id: 4242, text: "Ready?", reply_markup: keys });
  await goto();
  await page.getByRole("button", { name: "Go" }).click();
  await until(() => telegram.pending() === 2);
  await call("sendChatAction", { chat_id: 4242, action: "typing" });
  await page.locator("#head").getByText("shop: typing…").waitFor();
  await call("answerCallbackQuery", { callback_query_id: "1", text: "Gone", show_alert: true });
  await page.getByRole("dialog").getByText("Gone").waitFor();
  await page.getByRole("button", { name: "OK" }).click();
  await page.route("**/press", (route) => route.fulfill({ status: 400, json: { error: "no such button" } }));
  await page.getByRole("button", { name: "Go" }).click();
  await page.locator("#toast").getByText("no such button").waitFor();
  await page.route("**/state", (route) => route.abort());
  await page.locator("#offline").waitFor();
});

test("a voice message is sent from a file, and a bot can be blocked", { skip }, async (t) => {
  const { telegram, page, problems, goto } = await open(t);
  await goto();
  await page.locator("#voice").setInputFiles({ name: "a.ogg", mimeType: "audio/ogg", buffer: Buffer.from("sound") });
  await page.locator("audio").waitFor();
  const [message] = telegram.messages(4242);
  assert.equal(
    Buffer.from(telegram.file((message as { voice: { file_id: string } }).voice.file_id)!.bytes).toString(),
    "sound",
  );
  await page.getByRole("button", { name: "Block bot" }).click();
  await page.getByRole("button", { name: "Unblock bot" }).waitFor();
  assert.deepEqual(telegram.troubles(), { "4242:shop": "blocked" });
  assert.deepEqual(problems, []);
});

interface AxeResult {
  violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`axe finds nothing wrong, ${colorScheme}`, { skip }, async (t) => {
    const { telegram, page, call, goto } = await open(t, "#-9/", { colorScheme });
    telegram.say("/help #topic", { chat: -9 });
    const link = '<a href="https://example.org">link</a> <code>code</code> <blockquote>quote</blockquote>';
    const reply_markup = { inline_keyboard: [[{ text: "Ack", callback_data: "ack" }]] };
    const message = { chat_id: -9, text: link, parse_mode: "HTML", reply_markup, reply_parameters: { message_id: 1 } };
    await call("sendMessage", message, "alerts");
    telegram.faults.add({ fault: { kind: "slow", delayMs: 3000 } });
    await goto();
    await page.locator(".keyboard").waitFor();
    await page.locator("#calls li").first().waitFor();
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<AxeResult>("axe.run()");
    assert.deepEqual(
      violations.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)]),
      [],
    );
  });
}

const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true } as const;
for (const colorScheme of ["light", "dark"] as const) {
  test(`at 360 px nothing runs over, ${colorScheme}`, { skip }, async (t) => {
    const { telegram, page, problems, call, goto } = await open(t, "#4242/shop", { ...phone, colorScheme });
    telegram.say(`/start ${"long".repeat(60)}`);
    await call("sendMessage", {
      chat_id: 4242,
      text: `<pre>${"wide ".repeat(60)}</pre>`,
      parse_mode: "HTML",
      reply_markup: {
        inline_keyboard: [
          [
            { text: "a rather long label", callback_data: "a" },
            { text: "another", callback_data: "b" },
          ],
        ],
      },
    });
    await goto();
    await page.locator(".keyboard").waitFor();
    for (const pane of ["list", "chat", "wire"]) {
      await page.locator(`.tabs [data-pane=${pane}]`).click();
      const wide = await page
        .locator("html, main, aside, #messages, #head, #composer, .bubble")
        .evaluateAll((all) =>
          all
            .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
            .map(({ tagName, id, className }) => `${tagName}#${id}.${className}`),
        );
      assert.deepEqual(wide, [], pane);
    }
    await page.locator(".tabs [data-pane=list]").click();
    await page.getByRole("link", { name: "Alerts Nothing said yet", exact: true }).click();
    await page.locator("#head").getByText("Alerts", { exact: true }).waitFor();
    assert.equal(await page.locator("body").getAttribute("data-pane"), "chat");
    assert.deepEqual(problems, []);
  });
}
